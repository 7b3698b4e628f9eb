"""The table codec beyond what a server hands back (the contract tests hold the rest)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.adapters.rabbitmq.tables import decode_table, encode_short, encode_table, moment_of, seconds_of
from jararaca.errors import UnencodableValue
from jararaca.ports.broker import DEEPEST

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), inner),
    max_leaves=8,
)


def nested(levels: int) -> bytes:
    """A value of so many lists in each other, as it travels."""
    value = b"V"
    for _ in range(levels):
        value = b"A" + len(value).to_bytes(4, "big") + value
    return value


def table_of(content: bytes) -> bytes:
    """A table with these fields."""
    return len(content).to_bytes(4, "big") + content


def foreign(tag: bytes, content: bytes) -> bytes:
    """A table with the one key `k`, as another client may write it."""
    return table_of(b"\x01k" + tag + content)


@pytest.mark.hypothesis
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), VALUES))
def test_every_table_comes_back_as_it_was(table: dict[str, Any]) -> None:
    encoded = encode_table(table)
    assert decode_table(encoded, 0) == (table, len(encoded))


@pytest.mark.parametrize(
    ("tag", "content", "value"),
    [
        (b"b", b"\xff", -1),
        (b"B", b"\xff", 255),
        (b"s", b"\xff\xff", -1),
        (b"u", b"\xff\xff", 65_535),
        (b"i", b"\xff\xff\xff\xff", 2**32 - 1),
        (b"L", b"\xff" * 8, -1),
        (b"f", b"\x3f\xc0\x00\x00", 1.5),
        (b"d", b"\x7f\xf0" + bytes(6), None),
        (b"T", b"\xff" * 8, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (b"S", b"\x00\x00\x00\x01\xff", b"\xff"),
        (b"T", b"\x00\x00\x01\x9c\x00\x00\x00\x00", 0x19C_0000_0000),
    ],
)
def test_what_only_other_clients_write_is_read(tag: bytes, content: bytes, value: object) -> None:
    """Short integers, single floats, text that is no UTF-8, times in milliseconds or before 1970: all are in the field.

    Infinity is no value of AMQP, although it fits.
    """
    assert decode_table(foreign(tag, content), 0)[0] == {"k": value}


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("1e20"), Decimal("1e999999"), 2**63, {1, 2}])
def test_a_value_that_amqp_has_no_room_for_is_refused(value: object) -> None:
    with pytest.raises(UnencodableValue):
        encode_table({"k": [value]})


@pytest.mark.parametrize("key", ["k" * 256, 7, "\ud800"])
def test_a_key_that_amqp_has_no_form_for_is_refused(key: Any) -> None:
    with pytest.raises(UnencodableValue):
        encode_table({key: 1})


def test_a_short_string_of_foreign_bytes_goes_out_as_it_came_in() -> None:
    """A copy of a message must get the same routing key, whatever it was."""
    assert encode_short(b"\xff\x00".decode("utf-8", "surrogateescape")) == b"\x02\xff\x00"


def test_times_before_1970_are_the_first_second() -> None:
    """The wire has no sign for them."""
    assert seconds_of(datetime(1960, 1, 1, tzinfo=UTC)) == 0


def test_a_time_beyond_every_calendar_is_no_time() -> None:
    assert moment_of(2**63) is None


@pytest.mark.parametrize("levels", [DEEPEST + 1, 2_000, 20_000])
def test_a_field_that_is_nested_too_deeply_is_left_out_and_the_others_are_read(
    levels: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It would end in a RecursionError, and the message would never be settled."""
    data = table_of(b"\x01a" + b"I\x00\x00\x00\x01" + b"\x04deep" + nested(levels) + b"\x01z" + b"t\x01")

    assert decode_table(data, 0) == ({"a": 1, "z": True}, len(data))
    (warning,) = caplog.records
    assert (warning.levelname, vars(warning)["header"]) == ("WARNING", "deep")


def test_a_field_may_be_nested_as_deeply_as_the_port_says() -> None:
    data = table_of(b"\x04deep" + nested(DEEPEST))
    table, _ = decode_table(data, 0)
    assert encode_table(table) == data


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"\x01b" + b"S\x00\x00\xff\xffshort", id="text beyond the table"),
        pytest.param(b"\x01b" + b"A\x00\x00\x00\x02" + b"l" + b"\x00" * 8, id="a number beyond its list"),
        pytest.param(b"\x01b" + b"F\x00\x00\x00\x03" + b"\x01kI\x00\x00\x00\x01", id="a number beyond its table"),
        pytest.param(b"\x01b" + b"I\x00", id="half a number"),
        pytest.param(b"\x01b" + b"?\x00", id="an unknown type"),
        pytest.param(b"\x01b", id="a name without a value"),
    ],
)
def test_what_follows_a_damaged_field_is_left_out(damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    data = table_of(b"\x01a" + b"t\x01" + damage)
    assert decode_table(data, 0) == ({"a": True}, len(data))
    assert "cannot be read and was left out" in caplog.text


@pytest.mark.hypothesis
@given(st.binary(max_size=200))
def test_whatever_bytes_a_table_has_it_is_read_and_can_be_sent_on(content: bytes) -> None:
    """A copy of the message must be possible: to a wait, or to the dead letters."""
    table, _ = decode_table(table_of(content), 0)
    encode_table(table)
