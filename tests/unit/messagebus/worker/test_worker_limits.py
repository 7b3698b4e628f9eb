"""What of an attempt is cut short, when, and what never is."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.core.context import use_clock, use_unit_of_work
from jararaca.core.steps import Kind
from jararaca.core.unit_of_work import Rank
from jararaca.messagebus.config import CONSUMER_TIMEOUT, MessageBusConfig
from jararaca.messagebus.limits import seconds_after
from jararaca.messagebus.messages import Message

if TYPE_CHECKING:
    from tests.unit.messagebus.worker.conftest import Rig


class Slow:
    """A participant that takes ten seconds for one of its phases."""

    rank = Rank.DATABASE

    def __init__(self, rig: "Rig", phase: str) -> None:
        self._rig = rig
        self._phase = phase

    async def prepare(self) -> None:
        await self._take_time("prepare")

    async def commit(self) -> None:
        await self._take_time("commit")

    async def rollback(self) -> None: ...

    async def after_commit(self) -> None:
        await self._take_time("announce")

    async def _take_time(self, phase: str) -> None:
        await self._rig.clock.sleep({self._phase: 10.0}.get(phase, 0.0))
        self._rig.log.append(f"slow {phase}")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("phase", "settlement"),
    [("prepare", ("dead-letter", "timeout")), ("commit", ("ack", None)), ("announce", ("ack", None))],
)
async def test_the_timeout_cuts_short_what_can_be_undone_and_never_a_commit(
    phase: str, settlement: tuple[str, str | None], rig: "Rig"
) -> None:
    async def body(message: Message[Any]) -> None:
        use_unit_of_work().enlist("slow", Slow(rig, phase))

    await rig.run(body, timeout=2.0)
    await rig.loop.advance(20)

    assert rig.settlements() == [settlement]
    assert ("commit" in rig.log) == (settlement[0] == "ack")


@pytest.mark.asyncio
async def test_what_follows_a_commit_may_take_a_third_of_what_the_timeout_leaves(rig: "Rig") -> None:
    """Then its place is needed; the commit stands, and the message comes again."""

    async def body(message: Message[Any]) -> None:
        if len(rig.messages) == 1:
            use_unit_of_work().after_commit(lambda: use_clock().sleep(10_000))

    await rig.run(body, timeout=1500.0)
    await rig.loop.advance(99.9)
    assert rig.settlements() == []
    await rig.loop.advance(1.2)
    assert rig.settlements() == [("requeue", "not-announced"), ("ack", None)]


@pytest.mark.asyncio
@pytest.mark.parametrize(("timeout", "cut_after"), [(2.0, 2.0), (1500.0, 100.0)])
async def test_an_exception_handler_has_the_time_of_its_handler_but_no_more_than_is_left(
    timeout: float, cut_after: float, rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    async def hangs(error: Exception, message: Message[Any]) -> None:
        await use_clock().sleep(10_000)

    async def raises(message: Message[Any]) -> None:
        raise OSError("disk full")

    await rig.serve(rig.controller(raises, timeout=timeout, exception_handler=hangs), MessageBusConfig())
    await rig.publish()
    await rig.loop.advance(cut_after - 0.1)
    assert rig.settlements() == []
    await rig.loop.advance(0.1)
    assert rig.settlements() == [("dead-letter", "error")]
    assert f"the exception_handler of Orders.handle ran longer than {cut_after:g} s" in caplog.text


@pytest.mark.asyncio
async def test_a_timeout_that_is_no_success_is_told_as_one(rig: "Rig") -> None:
    async def body(message: Message[Any]) -> None:
        use_unit_of_work().before_commit(lambda: use_clock().sleep(10))

    await rig.run(body, timeout=2.0)
    await rig.loop.advance(2)
    assert [facts["outcome"] for facts in rig.facts(Kind.ATTEMPT)] == ["timeout"]


@pytest.mark.hypothesis
@given(st.floats(min_value=0, max_value=CONSUMER_TIMEOUT - 0.001, exclude_min=True))
def test_an_attempt_its_exception_handler_and_the_announcements_of_that_end_before_the_broker_loses_patience(
    limit: float,
) -> None:
    after = seconds_after(limit)
    assert after > 0
    assert limit + min(limit, after) + after < CONSUMER_TIMEOUT
