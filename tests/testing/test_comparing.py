"""Comparing records and payloads, and what pytest shows when they differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from jararaca_testing.comparing import compared
from jararaca_testing.records import Record, Records


class Price(BaseModel):
    amount: int
    currency: str = "EUR"


class Order(BaseModel):
    id: int
    price: Price = Price(amount=10)
    password: str = "a"


def record(seq: int, payload: Any = None, **changes: Any) -> Record:
    return Record(seq, "publish", 0.5, topic="order", payload=payload, message_id="m")._replace(**changes)


def published(*records: Record) -> Records:
    return Records(records, question="published(order)")


def lines(op: str, left: Any, right: Any) -> list[str]:
    explained = compared(op, left, right)
    assert explained is not None
    return explained


def test_records_equal_a_list_of_the_same_records() -> None:
    one, two = record(1), record(2)

    assert published(one, two) == [one, two] == published(one, two)
    assert published(one) != [two]
    assert published() == []
    assert published(one) != "text"


def test_lists_of_records_show_the_first_difference() -> None:
    left = [record(1, Order(id=1)), record(2, Order(id=2))]
    right = [left[0], record(2, Order(id=3, price=Price(amount=9)), topic="order.paid")]

    assert lines("==", published(*left), right) == [
        "<published(order): twice> == <list of records: twice>",
        "the first difference is at index 1:",
        f"  left:  {left[1]}",
        f"  right: {right[1]}",
        "  topic: 'order' != 'order.paid'",
        "  payload id: 2 != 3",
        "  payload price.amount: 10 != 9",
    ]


def test_lists_of_records_of_another_length_show_the_rest() -> None:
    one, two = record(1), record(2)

    assert lines("==", published(one), [one, two]) == [
        "<published(order): once> == <list of records: twice>",
        "there are 1 on the left and 2 on the right",
        "only on the right:",
        f"  {two}",
    ]
    assert lines("==", published(*(record(seq) for seq in range(12))), [])[-1] == "  and 2 more"


def test_records_compared_with_payloads_say_how_it_is_done() -> None:
    explained = lines("==", published(record(1, Order(id=1))), [Order(id=1)])

    assert explained[-1] == "  a record is no payload: compare [each.payload for each in records]"


def test_two_records_show_each_field_that_differs() -> None:
    assert lines("==", record(1, {"id": 1, "a": [1]}), record(2, {"id": 1, "b": 2}, outcome="delayed")) == [
        "#1 == #2",
        "outcome: None != 'delayed'",
        "payload a: [1] != missing",
        "payload b: missing != 2",
        "seq: 1 != 2",
    ]


def test_two_models_show_the_fields_that_differ_and_no_secret() -> None:
    assert lines("==", Order(id=1, password="b"), Order(id=1)) == [
        "Order(id=1, price=Price(amount=10, currency='EUR'), password=***) == "
        "Order(id=1, price=Price(amount=10, currency='EUR'), password=***)",
        "password: *** != ***",
    ]


def test_payloads_of_different_kinds_differ_as_a_whole() -> None:
    assert lines("==", record(1, Order(id=1)), record(1, "text"))[1].endswith(" != 'text'")


def test_a_payload_that_is_looked_for_among_records_shows_the_closest() -> None:
    records = published(record(1, Order(id=1, price=Price(amount=1))), record(2, Order(id=2)))

    explained = lines("in", Order(id=3), records)

    assert explained[1:3] == [f"  {each}" for each in records]
    assert explained[3:] == [
        "  a record is no payload: look for it in [each.payload for each in records]",
        "  the closest is #2:",
        "    id: 2 != 3",
    ]
    assert lines("in", Order(id=2), list(records))[-1] == "  the closest is #2, which has that payload"


def test_a_record_that_is_looked_for_shows_those_that_there_are() -> None:
    one = record(1)

    assert lines("in", record(2), published(one)) == ["#2 in <published(order): once>", f"  {one}"]
    assert lines("not in", one, [one]) == ["#1 not in <list of records: once>", f"  {one}"]


@dataclass
class Plain:
    id: int


@pytest.mark.parametrize(
    ("op", "left", "right"),
    [("==", 1, 2), ("==", [1], [2]), ("in", 1, [2]), ("==", Plain(1), Plain(2)), ("==", Order(id=1), 1), ("<", [], [])],
)
def test_what_is_not_ours_is_left_to_pytest(op: str, left: Any, right: Any) -> None:
    assert compared(op, left, right) is None


def test_a_failing_comparison_shows_it(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
        from storefront import Order

        async def test_it(bus, jararaca_app):
            await bus.publish(Order(id=1), "order.placed")
            await jararaca_app.settle()
            assert bus.published("order.placed").one().payload == Order(id=2)

        async def test_records(bus):
            assert bus.published("order.placed") == [1]
    """)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E*assert Order(id=1) == Order(id=2)", "E*id: 1 != 2"])
    result.stdout.fnmatch_lines(["E*there are 0 on the left and 1 on the right"])
