"""What is staged is claimed once, in the order of its key, and is there until the broker has it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jararaca.adapters.sql.outbox import SqlOutbox
from jararaca.ports.broker import Envelope
from jararaca.ports.outbox import Claim, Failure, Letter, Stock
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def letter(name: str, key: str | None = None, **more: Any) -> Letter:
    return Letter(Envelope(name.encode(), message_id=name), f"topic.{name}", key, **more)


def mine(holder: str = "one", at: datetime = NOW) -> Claim:
    return Claim(holder, at + LEASE)


async def stage(boxes: Any, *letters: Letter, claim: Claim | None = None, at: datetime = NOW) -> list[int]:
    async with boxes.unit_of_work():
        ids: list[int] = await boxes.outbox.stage(letters, at, claim)
    return ids


async def claimed(outbox: SqlOutbox, holder: str = "one", at: datetime = NOW, limit: int = 100) -> list[str]:
    rows = await outbox.claim(mine(holder, at), at, limit)
    return [str(row.letter.envelope.message_id) for row in rows]


async def ids_of(outbox: SqlOutbox) -> dict[str, int]:
    return {row.message_id: row.id for row in await outbox.kept(1000)}


WHOLE = Letter(
    Envelope(
        b"\x00\xffbytes",
        content_type="application/json",
        content_encoding="gzip",
        headers={
            "text": "a\0b",
            "bytes": b"\xff",
            "moment": datetime(2026, 1, 2, tzinfo=UTC),
            "money": Decimal("1.50"),
            "deep": {"list": [1, 2.5, True, None, {"of": []}]},
        },
        persistent=False,
        priority=3,
        correlation_id="c",
        reply_to="r",
        expiration="1500",
        message_id="m\0" + "é" * 100,
        timestamp=datetime(2026, 3, 1, tzinfo=UTC),
        type="urn:t",
        user_id="u",
        app_id="a",
    ),
    "a.b",
    key="k\0",
    mandatory=True,
    due=datetime(2026, 3, 2, tzinfo=UTC),
    execution="e",
    cause="c",
)


@pytest.mark.parametrize("whole", [WHOLE, Letter(Envelope(b""), "a")])
async def test_a_letter_comes_back_as_it_was(boxes: Any, whole: Letter) -> None:
    await stage(boxes, whole)

    (row,) = await boxes.outbox.claim(mine(), NOW, 10)

    assert row.letter == whole
    assert row.attempts == 0


async def test_what_is_rolled_back_was_never_there(boxes: Any) -> None:
    async def failing() -> None:
        async with boxes.unit_of_work():
            await boxes.outbox.stage([letter("a")], NOW, mine())
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await failing()

    assert await boxes.outbox.stock() == Stock(0, 0, None)


async def test_a_row_is_claimed_by_one_until_its_time_is_over(boxes: Any) -> None:
    await stage(boxes, letter("a"))

    assert await claimed(boxes.outbox) == ["a"]
    assert await claimed(boxes.outbox, "two", NOW + LEASE - timedelta(seconds=1)) == []
    assert await claimed(boxes.outbox, "two", NOW + LEASE) == ["a"]


async def test_rows_are_claimed_in_order_and_no_more_than_asked_for(boxes: Any) -> None:
    await stage(boxes, *map(letter, "abcde"))

    assert await claimed(boxes.outbox, limit=3) == ["a", "b", "c"]
    assert await claimed(boxes.outbox) == ["d", "e"]


@pytest.mark.parametrize("key", [None, "k"])
async def test_what_is_staged_under_a_claim_needs_no_other(boxes: Any, key: str | None) -> None:
    ids = await stage(boxes, letter("a", key), claim=mine())

    assert ids == [(await ids_of(boxes.outbox))["a"]]
    assert await claimed(boxes.outbox, "two") == []


async def test_letters_of_one_statement_know_their_rows(boxes: Any, statements: Callable[[], list[str]]) -> None:
    statements()

    ids = await stage(boxes, *(letter(str(number)) for number in range(50)), claim=mine())

    assert statements() == ["INSERT"]
    known = await ids_of(boxes.outbox)
    assert ids == [known[str(number)] for number in range(50)] == sorted(ids)


async def test_fifty_letters_with_keys_know_their_rows(boxes: Any) -> None:
    ids = await stage(boxes, *(letter(str(number), f"k{number}") for number in range(50)), claim=mine())

    known = await ids_of(boxes.outbox)
    assert ids == [known[str(number)] for number in range(50)]


async def test_a_letter_behind_others_of_its_key_is_not_staged_under_a_claim(boxes: Any) -> None:
    await stage(boxes, letter("a", "k"))

    assert await stage(boxes, letter("b", "k"), letter("c"), claim=mine()) == [0, (await ids_of(boxes.outbox))["c"]]
    assert await claimed(boxes.outbox) == ["a", "b"]


async def test_the_first_of_a_key_holds_up_those_behind_it(boxes: Any) -> None:
    await stage(boxes, letter("a", "k"), letter("b", "k"), letter("c", "k"), letter("d", "other"))
    ids = await ids_of(boxes.outbox)
    assert await claimed(boxes.outbox, limit=1) == ["a", "b"]  # the head, and as many behind heads
    assert await claimed(boxes.outbox, "two") == ["d"]

    await boxes.outbox.sent([ids["a"]])
    later = NOW + timedelta(seconds=5)
    await boxes.outbox.failed("one", [Failure(ids["b"], "no", later, 1)], NOW)

    assert await claimed(boxes.outbox, "two") == []
    assert await boxes.outbox.next_due() == later
    assert await claimed(boxes.outbox, "two", later) == ["b", "c"]


async def test_a_gap_among_those_behind_is_not_jumped(boxes: Any) -> None:
    """A row in the middle that is somebody else's has to leave first."""
    await stage(boxes, letter("a", "k"), letter("b", "k"), letter("c", "k"))
    ids = await ids_of(boxes.outbox)
    await boxes.outbox.claim(mine("two"), NOW, 10)
    await boxes.outbox.release("two", [ids["a"], ids["c"]])

    assert await claimed(boxes.outbox) == ["a"]


async def test_a_parked_row_holds_up_nobody_until_it_is_retried(boxes: Any) -> None:
    await stage(boxes, letter("a", "k"), letter("b", "k"))
    ids = await ids_of(boxes.outbox)
    await boxes.outbox.claim(mine(), NOW, 10)
    await boxes.outbox.failed("one", [Failure(ids["a"], "it\0is refused", None, 3)], NOW)
    await boxes.outbox.release("one")
    assert await claimed(boxes.outbox) == ["b"]
    assert await boxes.outbox.stock() == Stock(1, 1, NOW)
    parked = (await boxes.outbox.kept(10))[0]
    assert (parked.parked_at, parked.attempts, parked.error, parked.claimed_by) == (NOW, 3, "it�is refused", None)

    assert await boxes.outbox.retry([ids["a"], ids["b"], 999_999], NOW) == [ids["a"]]

    (row,) = await boxes.outbox.claim(mine(), NOW, 10)
    assert (row.letter.envelope.message_id, row.attempts) == ("a", 0)


async def test_only_what_is_parked_is_dropped(boxes: Any) -> None:
    await stage(boxes, *map(letter, "abc"))
    ids = await ids_of(boxes.outbox)
    await boxes.outbox.claim(mine(), NOW, 10)
    await boxes.outbox.failed("one", [Failure(ids[name], "no", None, 3) for name in "ab"], NOW)

    assert await boxes.outbox.drop([ids["a"], ids["c"]]) == [ids["a"]]
    assert await boxes.outbox.drop(None) == [ids["b"]]
    assert await boxes.outbox.retry(None, NOW) == []
    assert [row.message_id for row in await boxes.outbox.kept(10)] == ["c"]


async def test_a_relay_that_was_late_changes_nothing_of_rows_that_others_have(boxes: Any) -> None:
    await stage(boxes, letter("a"))
    ids = await ids_of(boxes.outbox)
    await boxes.outbox.claim(mine(), NOW, 10)
    await boxes.outbox.claim(mine("two", NOW + LEASE), NOW + LEASE, 10)

    await boxes.outbox.failed("one", [Failure(ids["a"], "no", None, 1)], NOW)
    await boxes.outbox.release("one")

    (row,) = await boxes.outbox.kept(10)
    assert (row.claimed_by, row.parked_at, row.attempts) == ("two", None, 0)


async def test_the_rows_of_others_are_left_alone(boxes: Any) -> None:
    await stage(boxes, letter("a"))
    other = boxes.outbox_of("shop.other")

    assert await claimed(other) == []
    assert await other.next_due() is None
    assert await other.kept(10) == []


async def test_it_is_known_when_the_next_row_can_be_claimed(boxes: Any) -> None:
    assert await boxes.outbox.next_due() is None
    await stage(boxes, letter("a"), claim=mine())
    assert await boxes.outbox.next_due() == NOW + LEASE
    await stage(boxes, letter("b"))
    assert await boxes.outbox.next_due() == NOW


async def relayed(outbox: SqlOutbox, holder: str, sent: dict[str | None, list[str]], total: int) -> None:
    """Be a relay: claim, send, remove, until everything was sent by somebody."""
    while sum(map(len, sent.values())) < total:
        rows = await outbox.claim(mine(holder), NOW, 40)
        for row in rows:
            sent[row.letter.key].append(str(row.letter.envelope.message_id))
        await outbox.sent([row.id for row in rows])


@proves("F-17")
async def test_two_relays_share_a_thousand_rows_and_keep_the_order_of_each_key(boxes: Any) -> None:
    """Each row once, those of a key in their order, whoever sends them."""
    letters = [letter(str(number), f"k{number % 10}" if number % 11 else None) for number in range(1000)]
    await stage(boxes, *letters)
    sent: dict[str | None, list[str]] = defaultdict(list)

    await asyncio.wait_for(
        asyncio.gather(*(relayed(boxes.outbox, holder, sent, len(letters)) for holder in ("one", "two"))), 60
    )

    assert {key: sent[key] for key in sent if key is not None} == {
        key: _of(key, letters) for key in sent if key is not None
    }
    assert sorted(sent[None]) == sorted(_of(None, letters))
    assert await boxes.outbox.stock() == Stock(0, 0, None)


def _of(key: str | None, letters: Sequence[Letter]) -> list[str]:
    return [str(each.envelope.message_id) for each in letters if each.key == key]
