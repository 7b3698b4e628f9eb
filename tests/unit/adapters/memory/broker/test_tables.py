"""What travels in a table, and what arrives."""

import enum
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from jararaca.adapters.memory.broker.tables import checked_name, copied, printed, type_name
from jararaca.errors import UnencodableValue


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (None, None),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (Colour.RED, 1),
        (1.5, 1.5),
        ("text", "text"),
        (Name("text"), "text"),
        (b"bytes", b"bytes"),
        (bytearray(b"bytes"), b"bytes"),
        (Decimal("1.5"), Decimal("1.5")),
        ((1, "a", (None,)), [1, "a", [None]]),
        (MappingProxyType({"a": {"b": 1}}), {"a": {"b": 1}}),
        (
            datetime(2026, 1, 1, 1, 0, 0, 999, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 1, 1, tzinfo=UTC),
        ),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_value_arrives_in_plain_types(sent: Any, received: Any) -> None:
    """RMQ-64."""
    assert copied({"key": sent}, "headers") == {"key": received}


def test_a_copy_shares_nothing_with_its_origin() -> None:
    origin: dict[str, Any] = {"list": [1], "table": {"a": 1}}
    copy = copied(origin, "headers")
    origin["list"].append(2)
    origin["table"]["b"] = 2
    assert copy == {"list": [1], "table": {"a": 1}}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"a": object()}, r"headers\['a'\] is a object"),
        ({"a": [1, {2}]}, r"headers\['a'\]\[1\] is a set"),
        ({"a": {"b": 2**63}}, r"headers\['a'\]\['b'\] is 9223372036854775808, which does not fit in 64 bits"),
        ({"a": float("-inf")}, r"headers\['a'\] is -inf"),
        ({"a": Decimal("NaN")}, r"headers\['a'\] is NaN"),
        ({"a": ["\ud800"]}, r"headers\['a'\]\[0\] is no valid Unicode"),
        ({"k" * 256: 1}, r"the key in headers 'k+'\.\.\. is longer than 255 bytes"),
        ({1: "a"}, "has the key 1, which is not a str"),
    ],
)
def test_what_has_no_type_on_the_wire_is_refused_by_its_place(table: Any, text: str) -> None:
    with pytest.raises(UnencodableValue, match=text):
        copied(table, "headers")


def test_a_name_longer_than_a_short_string_is_refused() -> None:
    assert checked_name("ü" * 127, "queue name") == "ü" * 127
    with pytest.raises(UnencodableValue, match="queue name"):
        checked_name("ü" * 128, "queue name")


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [(True, "bool", "true"), (False, "bool", "false"), (5, "signedint", "5"), (2**40, "long", str(2**40)),
     ("a", "longstr", "a"), (None, "void", "None"), (1.5, "float", "1.5")],
)  # fmt: skip
def test_refusals_name_wire_types(value: Any, name: str, text: str) -> None:
    assert (type_name(value), printed(value)) == (name, text)
