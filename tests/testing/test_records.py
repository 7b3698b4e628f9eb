"""Records: what a test asks them, and what they say when the answer is not what it expected."""

from dataclasses import dataclass
from typing import Any

import pytest

from jararaca_testing.records import Record, Records, how_often


@dataclass(frozen=True)
class Money:
    amount: int
    currency: str = "EUR"


@dataclass(frozen=True)
class Order:
    id: int
    price: Money = Money(10)


def record(seq: int, payload: Any = None, **changes: Any) -> Record:
    return Record(seq, "publish", 0.5, topic="order", payload=payload, message_id=f"m{seq}")._replace(**changes)


def published(*payloads: Any, **options: Any) -> Records:
    records = [record(seq, payload) for seq, payload in enumerate(payloads, start=1)]
    return Records(records, question="published(order)", **options)


def text_of(error: pytest.ExceptionInfo[AssertionError]) -> str:
    return str(error.value)


def test_one_is_the_only_record() -> None:
    assert published(Order(1)).one().payload == Order(1)


@pytest.mark.parametrize(
    ("payloads", "happened"), [((), "never"), ((Order(1), Order(2)), "twice"), ((Order(1),) * 3, "3 times")]
)
def test_one_refuses_any_other_number_and_lists_what_there_is(payloads: tuple[Order, ...], happened: str) -> None:
    with pytest.raises(AssertionError) as error:
        published(*payloads).one()

    first, *lines = text_of(error).splitlines()
    assert first == f"published(order): expected once, but it happened {happened}."
    assert lines == [f"  #{seq} t=0.500 publish order {payload!r}" for seq, payload in enumerate(payloads, start=1)]


def test_none_refuses_what_there_is() -> None:
    published().none()

    with pytest.raises(AssertionError, match=r"^published\(order\): expected never, but it happened once\."):
        published(Order(1)).none()


def test_times_returns_the_records() -> None:
    assert published(Order(1), Order(2)).times(2)[1].payload == Order(2)


def test_they_are_counted_iterated_and_sliced() -> None:
    records = published(Order(1), Order(2), Order(3))

    assert (records.count, len(records), bool(published())) == (3, 3, False)
    assert [each.payload.id for each in records] == [1, 2, 3]
    assert records[-1].payload == Order(3)
    assert [each.payload.id for each in records[1:]] == [2, 3]
    assert repr(records[1:]) == "<published(order)[1:]: twice>"
    assert repr(records[:2]) == "<published(order)[:2]: twice>"


@pytest.mark.parametrize("index", [3, -4])
def test_a_record_that_is_not_there_is_an_error_that_shows_the_others(index: int) -> None:
    with pytest.raises(IndexError, match=rf"there is no record {index}; it happened 3 times\.\n  #1"):
        published(Order(1), Order(2), Order(3))[index]


def test_attempts_are_those_of_one_message() -> None:
    attempts = [record(seq, message_id="m", attempt=seq) for seq in (1, 2)]

    assert [each.attempt for each in Records(attempts, question="handled(charge)").attempts(2)] == [1, 2]


def test_attempts_at_several_messages_are_refused() -> None:
    with pytest.raises(AssertionError, match="expected attempts at one message, but there are 2"):
        published(Order(1), Order(2)).attempts(2)


def test_where_narrows_by_fields_predicates_and_callables() -> None:
    records = published(Order(1), Order(2, Money(99)), {"id": 2, "price": {"amount": 99}})

    assert records.where(id=2).count == 2
    assert records.where(price__amount=99).count == 2
    assert records.where(price__amount=lambda amount: amount > 50, id=2).count == 2
    assert records.where(lambda each: each.seq == 3).one().payload["id"] == 2
    records.where(missing=1).none()
    records.where(missing=lambda value: True).none()


def test_a_type_is_a_value_to_be_equal_to_not_a_callable() -> None:
    assert published({"kind": int}).where(kind=int).count == 1


def test_near_misses_are_shown_with_the_fields_in_which_they_differ_closest_first() -> None:
    records = published(Order(7, Money(5)), Order(1, Money(5)), {"id": 1})

    with pytest.raises(AssertionError) as error:
        records.where(id=1, price__amount=6).one()

    assert text_of(error).splitlines() == [
        "published(order).where(id=1, price__amount=6): expected once, but it happened never.",
        "close: #2 t=0.500 publish order Order(id=1, price=Money(amount=5, currency='EUR'))",
        "    price__amount is 5, expected 6",
        "close: #3 t=0.500 publish order {'id': 1}",
        "    price__amount is missing, expected 6",
        "close: #1 t=0.500 publish order Order(id=7, price=Money(amount=5, currency='EUR'))",
        "    id is 7, expected 1",
        "    price__amount is 5, expected 6",
    ]


def is_large(amount: int) -> bool:
    return amount > 50


@pytest.mark.parametrize(("expected", "shown"), [(is_large, "is_large"), (lambda amount: False, "<lambda>")])
def test_a_callable_that_accepts_nothing_is_named(expected: Any, shown: str) -> None:
    with pytest.raises(AssertionError, match=rf"price__amount is 10, expected what {shown} accepts"):
        published(Order(1)).where(price__amount=expected).one()


def test_a_predicate_is_named_in_the_question() -> None:
    def is_first(each: Record) -> bool:
        return each.seq == 1

    assert published(Order(1)).where(is_first, id=1).question == "published(order).where(id=1, is_first)"


def test_only_the_first_twenty_are_listed() -> None:
    with pytest.raises(AssertionError) as error:
        published(*(Order(number) for number in range(25))).none()

    assert text_of(error).splitlines()[-1] == "  and 5 more"
    assert text_of(error).count("publish order") == 20


def test_an_explanation_follows_what_there_is_and_sees_what_was_there_before_it_was_narrowed() -> None:
    records = published(Order(1), explain=lambda kept: [f"explained with {len(kept)}"])

    with pytest.raises(AssertionError, match=r"explained with 1$"):
        records.where(id=2).one()


def test_a_record_is_one_line_that_tells_it_from_its_neighbours() -> None:
    failed = record(
        4, Order(1), kind="attempt", handler="charge", attempt=2, outcome="error", error=TimeoutError("no answer")
    )

    assert str(failed) == (
        "#4 t=0.500 attempt order charge attempt 2 Order(id=1, price=Money(amount=10, currency='EUR')) "
        "error TimeoutError: no answer"
    )


class TestForgottenDetails:
    """Of very many records only the last keep their details: what can still be told is told, the rest is refused."""

    def test_they_are_counted(self) -> None:
        records = published(Order(1), forgotten=20_000)

        assert records.count == 20_001
        assert records.times(20_001)[0].payload == Order(1)

        with pytest.raises(
            AssertionError, match=r"expected never, but it happened 20001 times\.\n  #1 .*\n  and 19981 more"
        ):
            records.none()

    def test_what_depends_on_them_is_refused(self) -> None:
        records = published(Order(1), forgotten=5)

        for ask in (
            lambda: records.where(id=1).count,
            lambda: records.where(id=2).none(),
            lambda: records[:1].times(1),
            lambda: records.attempts(6),
            lambda: published(forgotten=1).one(),
        ):
            with pytest.raises(AssertionError, match=r"of [15] earlier records the details were given up"):
                ask()


@pytest.mark.parametrize(("number", "words"), [(0, "never"), (1, "once"), (2, "twice"), (3, "3 times")])
def test_numbers_are_told_in_words(number: int, words: str) -> None:
    assert how_often(number) == words
