"""What an application may put beside a message, and how much of it."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jararaca.adapters.memory.broker.tables import copied
from jararaca.adapters.rabbitmq.tables import decode_table, encode_table
from jararaca.errors import InvalidOption, MessageTooLarge, UnencodableValue
from jararaca.messagebus.outgoing_headers import MAX_BYTES, check_size, checked
from jararaca_testing.contracts import proves


class Colour(IntEnum):
    RED = 1


VALUES: list[Any] = [
    None,
    True,
    -(2**63),
    2**63 - 1,
    1.5,
    "ação",
    b"\xff",
    datetime(2026, 1, 1, tzinfo=UTC),
    Decimal("1.5"),
    Colour.RED,
    [1, "a", [None]],
    (1, 2),
    {"a": {"b": [1]}},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_whatever_amqp_has_a_form_for_is_accepted(value: Any) -> None:
    check_size({"h": value})


@pytest.mark.parametrize("name", ["x-jararaca-hops", "X-Jararaca-Anything"])
def test_the_frameworks_own_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match="are the framework's"):
        checked({"fine": 1, name: 2})


@pytest.mark.parametrize("name", ["CC", "BCC"])
@pytest.mark.parametrize("value", ["order.placed", None, 5, [5], {"order.placed": 1}])
def test_what_the_broker_would_route_by_has_to_be_a_list_of_topics(name: str, value: Any) -> None:
    """RMQ-07: anything else costs the channel, and with it whatever else is being published."""
    with pytest.raises(InvalidOption, match=rf"headers=.'{name}': .*a list of topics"):
        checked({name: value})
    assert checked({name: ["order.placed"]}) == {name: ["order.placed"]}


def test_headers_are_a_table() -> None:
    pairs: Any = [("tenant", "a")]
    with pytest.raises(InvalidOption, match=r"headers= is a list\. Use a dict"):
        checked(pairs)


HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.none() | st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(), max_size=20), inner),
    max_leaves=6,
)


def is_accepted(headers: dict[str, Any]) -> bool:
    """Whether an application may publish with these headers."""
    try:
        check_size(checked(headers))
    except (UnencodableValue, InvalidOption, MessageTooLarge):
        return False
    return True


@pytest.mark.hypothesis
@given(st.dictionaries(st.text(st.characters(), max_size=20) | st.sampled_from(["CC", "BCC"]), HOSTILE, max_size=3))
def test_whatever_is_accepted_where_it_is_published_both_brokers_carry_alike(headers: dict[str, Any]) -> None:
    """Nothing may be found out at the flush, when the commit stands already."""
    assume(is_accepted(headers))

    on_the_wire, _ = decode_table(encode_table(headers), 0)

    assert on_the_wire == copied(headers, "headers")


def test_the_headers_given_are_copied_so_that_changing_them_later_changes_nothing() -> None:
    mine = {"tenant": "a"}
    taken = checked(mine)
    mine["tenant"] = "b"
    assert taken == {"tenant": "a"}


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({1: "a"}, "is no text"),
        ({"x" * 256: 1}, "has 256 bytes; AMQP carries 255"),
        ({"\ud800": 1}, "not valid Unicode"),
        ({"h": "\ud800"}, "'h' has text that is not valid Unicode"),
        ({"h": 2**63}, "'h' has a number of more than 64 bits"),
        ({"h": float("nan")}, "'h' is nan, which no broker takes"),
        ({"h": [{"inner": float("-inf")}]}, r"'h\[\].inner' is -inf, which no broker takes"),
        ({"h": Decimal("NaN")}, "'h' has a decimal of more than 32 bits, or none"),
        ({"h": Decimal("1e99")}, "'h' has a decimal of more than 32 bits"),
        ({"h": {1, 2}}, "'h' is a set, which AMQP cannot carry"),
        ({"h": {"inner": [object()]}}, r"'h.inner\[\]' is a object"),
    ],
)
def test_whatever_amqp_has_no_form_for_is_refused_with_its_place(headers: dict[Any, Any], problem: str) -> None:
    with pytest.raises(UnencodableValue, match=problem):
        check_size(headers)


def test_a_header_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnencodableValue, match="nested deeper than 16 levels"):
        check_size({"h": endless})


@proves("F-27")
def test_headers_may_fill_the_limit_and_not_a_byte_more() -> None:
    check_size({"h": "x" * (MAX_BYTES - 7)})
    with pytest.raises(MessageTooLarge, match=f"have {MAX_BYTES + 1} bytes.*the largest is 'h'"):
        check_size({"small": True, "h": "x" * (MAX_BYTES - 21)})
