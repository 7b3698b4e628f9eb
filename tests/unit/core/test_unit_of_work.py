"""Phases of a transaction: what is called in which order, and what a failure at each place leaves behind."""

from collections.abc import Callable

import pytest

from jararaca.core.steps import Kind, Step, Steps
from jararaca.core.unit_of_work import Rank, State, UnitOfWork
from jararaca.errors import CommittedNotAnnounced

pytestmark = pytest.mark.asyncio


class Origin:
    id = "e-1"
    cause = None


class Part:
    """A participant that writes down what is asked of it, and fails where it is told to."""

    def __init__(self, log: list[str], name: str, rank: Rank, *, fails_at: str = "") -> None:
        self.log, self.name, self.rank, self.fails_at = log, name, rank, fails_at

    def _note(self, phase: str) -> None:
        self.log.append(f"{self.name} {phase}")
        {self.fails_at: self._fail}.get(phase, lambda: None)()

    def _fail(self) -> None:
        raise ConnectionError(self.fails_at)

    async def prepare(self) -> None:
        self._note("prepare")

    async def commit(self) -> None:
        self._note("commit")

    async def rollback(self) -> None:
        self._note("rollback")

    async def after_commit(self) -> None:
        self._note("after_commit")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def work() -> UnitOfWork:
    return UnitOfWork(Steps(), Origin())


def enlist(work: UnitOfWork, log: list[str], **fails_at: str) -> None:
    for name, rank in (("frames", Rank.FRAMES), ("outbox", Rank.OUTBOX_DATABASE), ("database", Rank.DATABASE)):
        work.enlist(name, Part(log, name, rank, fails_at=fails_at.get(name, "")))


async def test_every_phase_runs_in_rank_order_whatever_the_order_of_enlisting(work: UnitOfWork, log: list[str]) -> None:
    enlist(work, log)

    await work.commit()

    assert log == [
        f"{name} {phase}"
        for phase in ("prepare", "commit", "after_commit")
        for name in ("database", "outbox", "frames")
    ]
    assert work.state is State.COMMITTED


async def test_hooks_run_around_the_commit_in_the_order_of_registration(work: UnitOfWork, log: list[str]) -> None:
    async def later() -> None:
        log.append("second before_commit")

    enlist(work, log)
    work.before_commit(lambda: log.append("first before_commit"))
    work.before_commit(later)
    work.after_commit(lambda: log.append("after_commit hook"))
    work.after_rollback(lambda: log.append("never"))

    await work.commit()

    assert log[:3] == ["first before_commit", "second before_commit", "database prepare"]
    assert log[-1] == "after_commit hook"
    assert "never" not in log


async def test_a_before_commit_hook_may_add_another_one(work: UnitOfWork, log: list[str]) -> None:
    work.before_commit(lambda: work.before_commit(lambda: log.append("added")))

    await work.commit()

    assert log == ["added"]


@pytest.mark.parametrize("phase", ["prepare", "commit"])
async def test_a_failure_up_to_the_first_commit_rolls_everything_back(
    work: UnitOfWork, log: list[str], phase: str
) -> None:
    enlist(work, log, database=phase)

    with pytest.raises(ConnectionError):
        await work.commit()

    assert log[-3:] == ["frames rollback", "outbox rollback", "database rollback"]
    assert work.state is State.ROLLED_BACK


async def test_a_failing_before_commit_hook_rolls_back(work: UnitOfWork, log: list[str]) -> None:
    def fail() -> None:
        raise ValueError("no")

    enlist(work, log)
    work.before_commit(fail)

    with pytest.raises(ValueError, match="no"):
        await work.commit()

    assert log == ["frames rollback", "outbox rollback", "database rollback"]


async def test_what_fails_after_the_commit_leaves_the_commit_standing(work: UnitOfWork, log: list[str]) -> None:
    enlist(work, log, frames="after_commit")

    with pytest.raises(CommittedNotAnnounced) as raised:
        await work.commit()

    assert isinstance(raised.value.__cause__, ConnectionError)
    assert work.state is State.COMMITTED
    assert not [line for line in log if line.endswith("rollback")]


async def test_rollback_only_wins_over_success_and_keeps_its_first_reason(work: UnitOfWork, log: list[str]) -> None:
    enlist(work, log)
    work.set_rollback_only("first")
    work.set_rollback_only("second")
    work.before_commit(lambda: log.append("never"))

    await work.commit()

    assert log == ["frames rollback", "outbox rollback", "database rollback"]
    assert (work.state, work.rollback_reason) == (State.ROLLED_BACK, "first")


async def test_a_hook_may_ask_for_the_rollback(work: UnitOfWork, log: list[str]) -> None:
    enlist(work, log)
    work.before_commit(lambda: work.set_rollback_only("on second thought"))

    await work.commit()

    assert work.state is State.ROLLED_BACK


async def test_one_participants_failing_rollback_does_not_stop_the_others(
    work: UnitOfWork, log: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("hook")

    enlist(work, log, frames="rollback")
    work.after_rollback(fail)
    work.after_rollback(lambda: log.append("after_rollback"))

    await work.rollback()

    assert log == ["frames rollback", "outbox rollback", "database rollback", "after_rollback"]
    assert len(caplog.records) == 2


async def test_rolling_back_twice_rolls_back_once(work: UnitOfWork, log: list[str]) -> None:
    enlist(work, log)

    await work.rollback()
    await work.rollback()

    assert len(log) == 3


async def test_a_participant_is_found_under_its_key(work: UnitOfWork, log: list[str]) -> None:
    part = Part(log, "x", Rank.DATABASE)
    work.enlist("x", part)

    assert work.participant("x") is part
    assert work.participant("y") is None


async def test_a_finished_unit_of_work_takes_nothing_more(work: UnitOfWork) -> None:
    assert work.is_open
    await work.commit()
    assert not work.is_open


async def test_commit_and_rollback_are_steps() -> None:
    steps = Steps()
    seen: list[tuple[Kind, str]] = []

    class Notebook:
        def observe(self, step: Step) -> None:
            seen.append((step.kind, step.phase))

    steps.add(Notebook())
    await UnitOfWork(steps, Origin()).commit()
    await UnitOfWork(steps, Origin()).rollback()

    assert seen == [(Kind.COMMIT, "before"), (Kind.COMMIT, "after"), (Kind.ROLLBACK, "after")]


async def test_the_steps_say_what_takes_part(log: list[str]) -> None:
    steps = Steps()
    parts: list[object] = []

    class Notebook:
        def observe(self, step: Step) -> None:
            parts.append(step.facts["parts"])

    steps.add(Notebook())
    work = UnitOfWork(steps, Origin())
    for number, rank in enumerate((Rank.FRAMES, Rank.DATABASE, Rank.DATABASE)):
        work.enlist(number, Part(log, str(number), rank))
    await work.commit()
    await UnitOfWork(steps, Origin()).rollback()

    assert parts == [("database", "frames"), ("database", "frames"), ()]


async def test_with_nothing_to_do_it_commits_at_once(work: UnitOfWork) -> None:
    assert work.commits_at_once() is True
    assert work.state is State.COMMITTED


@pytest.mark.parametrize(
    "use",
    [
        lambda work: work.enlist("x", Part([], "x", Rank.DATABASE)),
        lambda work: work.before_commit(lambda: None),
        lambda work: work.after_commit(lambda: None),
        lambda work: work.set_rollback_only("no"),
    ],
    ids=["participant", "before_commit", "after_commit", "rollback-only"],
)
async def test_with_anything_to_do_it_must_be_awaited(work: UnitOfWork, use: Callable[[UnitOfWork], None]) -> None:
    use(work)

    assert work.commits_at_once() is False
    assert work.is_open
