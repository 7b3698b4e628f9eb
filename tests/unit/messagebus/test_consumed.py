"""The order in which deliveries are taken up."""

import pytest

from jararaca.messagebus.consumed import Backlog, Consumed
from jararaca.messagebus.headers import Marks


class Unused:
    """A delivery that nobody looks at."""


def consumed(key: str | None) -> Consumed:
    return Consumed(Unused(), Marks(key=key))  # type: ignore[arg-type]


@pytest.fixture
def filled() -> tuple[Backlog, list[Consumed]]:
    backlog = Backlog(ordered=True)
    items = [consumed("a"), consumed("a"), consumed("b"), consumed(None), consumed(None)]
    for item in items:
        backlog.add(item)
    return backlog, items


def test_without_an_order_the_first_come_is_taken_first() -> None:
    backlog = Backlog(ordered=False)
    items = [consumed("a"), consumed("a")]
    for item in items:
        backlog.add(item)
    assert [backlog.take(), backlog.take(), backlog.take()] == [*items, None]


def test_one_message_of_a_key_is_taken_at_a_time(filled: tuple[Backlog, list[Consumed]]) -> None:
    backlog, (first, second, other, free, also_free) = filled
    assert [backlog.take() for _ in range(5)] == [first, other, free, also_free, None]
    backlog.release(first)
    assert [backlog.take(), backlog.take()] == [second, None]


def test_releasing_a_message_without_key_frees_nobody(filled: tuple[Backlog, list[Consumed]]) -> None:
    backlog, (_first, second, _other, free, _also_free) = filled
    taken = [backlog.take() for _ in range(4)]
    backlog.release(free)
    assert backlog.take() is None
    assert second not in taken


def test_draining_leaves_nothing(filled: tuple[Backlog, list[Consumed]]) -> None:
    backlog, items = filled
    assert backlog.drain() == items
    assert len(backlog) == 0
