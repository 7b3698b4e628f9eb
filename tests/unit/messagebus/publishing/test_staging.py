"""What is staged for an outbox, and how far that is behind."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from jararaca.core.steps import Kind
from jararaca.errors import UsageError
from jararaca.messagebus.flushing import Outgoing
from jararaca.messagebus.gauge import Gauge
from jararaca.messagebus.staging import StagedLetters
from jararaca.ports.broker import Envelope
from jararaca.ports.outbox import Claim, Letter, Stock

pytestmark = pytest.mark.asyncio


class Order(BaseModel):
    number: int = 1


class Kept:
    """An outbox that keeps letters in a list, and has the stock that it is told."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.claims: list[Claim | None] = []
        self.now = Stock(0, 0, None)

    async def stage(self, letters: Sequence[Letter], now: object, claim: Claim | None) -> list[int]:
        self.letters += letters
        self.claims.append(claim)
        return [0] * len(letters)

    async def stock(self) -> Stock:
        return self.now


async def staged(rig: Any) -> tuple[Kept, StagedLetters]:
    outbox: Any = Kept()
    letters = StagedLetters(await rig.connected(), outbox, rig.execution())
    letters.add(Outgoing(Envelope(b"{}", message_id="one"), "order.placed"))
    return outbox, letters


async def test_before_the_relay_runs_rows_are_left_to_it_unclaimed(rig: Any) -> None:
    """What the start of an application publishes is found by the relay when it starts."""
    outbox, letters = await staged(rig)

    await letters.prepare()
    await letters.commit()
    await letters.after_commit()

    assert outbox.claims == [None]
    assert [facts["outcome"] for facts in rig.facts(Kind.OUTBOX)] == ["staged"]


async def test_what_is_published_while_the_transaction_is_written_is_refused(rig: Any) -> None:
    """It would be lost without a word."""
    _outbox, letters = await staged(rig)
    await letters.prepare()

    with pytest.raises(UsageError, match=r"'order.paid' was published while its unit of work was being committed"):
        letters.add(Outgoing(Envelope(b"{}", message_id="two"), "order.paid"))


async def test_a_rollback_forgets_everything(rig: Any) -> None:
    outbox, letters = await staged(rig)

    await letters.rollback()
    await letters.prepare()

    assert outbox.letters == []


async def test_what_has_waited_for_a_minute_is_warned_of_once_a_minute(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    outbox: Any = Kept()
    gauge = Gauge(rig.environment, outbox, "default")
    outbox.now = Stock(3, 1, rig.clock.now())

    for _ in range(5):
        await gauge.read(something_waits=True)
        await rig.clock.advance(seconds=30)

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [(each.message, vars(each)["oldest_seconds"]) for each in warnings] == [
        ("messages in the outbox have waited for long", 60.0),
        ("messages in the outbox have waited for long", 120.0),
    ]
    assert gauge.oldest_seconds == 150.0


async def test_an_outbox_that_is_empty_again_is_told_of_once(rig: Any) -> None:
    outbox: Any = Kept()
    gauge = Gauge(rig.environment, outbox, "default")
    outbox.now = Stock(1, 0, rig.clock.now() - timedelta(seconds=5))
    await gauge.read(something_waits=True)
    outbox.now = Stock(0, 0, None)

    for _ in range(3):
        await gauge.read(something_waits=False)

    assert [facts["waiting"] for facts in rig.facts(Kind.OUTBOX)] == [1, 0]
