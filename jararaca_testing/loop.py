"""An event loop whose time is virtual: it moves only when nothing else can happen, and only as far as somebody waits.

asyncio asks its selector to wait, with a timeout that is not zero, only when no callback is ready. That is the proof
that the application is at rest, so the selector is where everything is decided:

    work is ready                            time never moves
    work is outside of the loop              time stands still, for a bounded number of real seconds
    somebody settles, and nobody is busy     wake them
    somebody advances                        move to the next timer, or to the target and wake them
    somebody settles, or the test waits      move to the next timer, if it is within their bounds
    otherwise                                the test can never go on: it fails at once, showing who waits for what

Time is kept in integer microseconds from zero, and timers are rounded to them, so that sums are exact for a century.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar

from typing_extensions import TypeVarTuple, Unpack

from jararaca_testing.dump import dump, expecting
from jararaca_testing.errors import Deadlock, HungThread, NotSettled, PatienceSpent
from jararaca_testing.mortality import LIFE, of_the_living
from jararaca_testing.peers import PeerlessLoop
from jararaca_testing.selector import PipelessLoop, VirtualSelector
from jararaca_testing.tasks import OrderedTasks, noticed
from jararaca_testing.threads import CountingLoop, count_worker_threads
from jararaca_testing.timers import MICROSECONDS, TIMEOUT, Timer, Timers, microseconds, name_of
from jararaca_testing.waiting import MAX_STEPS, Activity, Waiting

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 60.0
HANG_LIMIT = 30.0
MAX_TURNS = 1_000_000
FEW_TURNS = 1_000
POLL = 0.5


class VirtualLoop(PeerlessLoop, CountingLoop, PipelessLoop):
    """The loop of one test.

    Args:
        patience: virtual seconds that one await of the test may take.
        hang_limit: real seconds that work in threads may take without any sign of life.

    `waiting` has the hooks by which a harness says what is being handled. `on_move` is told each new time.
    """

    # held by the class, because libraries that freeze time rebind the names in modules
    _real_time = staticmethod(time.monotonic)  # noqa: TID251 # only real time tells that a thread hangs

    def __init__(self, *, patience: float = PATIENCE, hang_limit: float = HANG_LIMIT) -> None:
        self._us = 0
        selector = VirtualSelector()
        super().__init__(selector)
        selector.on_turn, selector.on_rest, self.pulse = self._turned, self._rested, selector.pulse
        # A timer is due when its float is not above ours. asyncio adds the clock's resolution, a nanosecond, which is
        # lost in rounding after a hundred days: the timer would never be due. Half our unit is lost after a century.
        self._clock_resolution = 0.5 / MICROSECONDS
        self._timers = Timers()
        self.waiting = Waiting()
        self._main: asyncio.Task[Any] | None = None
        self._attended = 0
        self._deadlines = Timers()
        self._patience = round(patience * MICROSECONDS)
        self._outside_since: float | None = None
        self._turns = 0
        self.hang_limit = hang_limit
        self.max_turns = MAX_TURNS
        self.autojumps = False
        self.failure: AssertionError | None = None
        self.on_move: list[Callable[[int], None]] = []
        count_worker_threads()
        self.set_task_factory(OrderedTasks())

    @property
    def microseconds(self) -> int:
        """The time since the loop was made."""
        return self._us

    def time(self) -> float:
        return self._us / MICROSECONDS

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        due = microseconds(when)
        if due is None:
            return super().call_at(when, callback, *args, context=context)
        living: Any = of_the_living(callback, context)
        handle = super().call_at(due / MICROSECONDS, living, *args, context=context)
        if due > self._us:
            task = asyncio.current_task(self)
            name = name_of(callback)
            self._timers.add(due, handle, owner=task.get_name() if task else None, callback=name)
            if task is self._main and name == TIMEOUT:
                self._deadlines.add(due, handle, owner=None, callback=name)
        return handle

    def start_over(self) -> None:
        """Let tasks be ordered, from here on, as those of a new loop are."""
        factory = self.get_task_factory()
        if isinstance(factory, OrderedTasks):
            factory.start_over()

    def heed_lives(self) -> None:
        """Call back nobody whose life is over; from the first life on, for it makes each turn a little slower."""
        call_soon: Any = super().call_soon

        def call(callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
            handle: asyncio.Handle = call_soon(of_the_living(callback, context), *args, context=context)
            return handle

        self.call_soon: Any = call  # of this loop alone: in most tests nobody pays for it

    def _asyncgen_firstiter_hook(self, agen: Any) -> None:
        """Leave asynchronous generators of a life to it: the end of the loop must not run what is dead."""
        life = LIFE.get()
        if life is None:
            super()._asyncgen_firstiter_hook(agen)  # type: ignore[misc] # asyncio has no public seam
        else:
            life.remember(agen)

    def set_task_factory(self, factory: Any) -> None:
        """Take another task factory. asyncio's eager one gets tasks that are ordered and know where they come from."""
        is_eager = factory is not None and factory is getattr(asyncio, "eager_task_factory", None)
        super().set_task_factory(OrderedTasks(eager_start=True) if is_eager else factory)  # type: ignore[arg-type] # the stub knows of no options

    def timers(self) -> list[Timer]:
        """What is due later, earliest first."""
        return list(self._timers.after(self._us))

    def open_sockets(self) -> dict[str, None]:
        """What somebody listens to, in words; nobody knows who."""
        return dict.fromkeys([f"the open file descriptor {number}" for number in self.files()])

    # -- what a test asks for

    async def settle(self, *, within: float = PATIENCE, max_steps: int = MAX_STEPS) -> None:
        """Return when nothing is runnable, outside of the loop, or being handled.

        Time moves only while an activity is open, at most `within` virtual seconds.

        Raises:
            NotSettled: it takes longer, or more than `max_steps` steps.
        """
        waiting = self.waiting
        future = expecting(self.create_future(), "the application to come to rest")
        await waiting.wait(waiting.settling, future, until=self._target(within), max_steps=max_steps)

    async def advance(self, seconds: float, *, max_steps: int = MAX_STEPS) -> None:
        """Let time pass, timer by timer, with everything settled between one and the next.

        Raises:
            NotSettled: more than `max_steps` steps were taken at one moment.
        """
        if seconds < 0:
            raise ValueError(f"time cannot advance by {seconds} seconds: use clock.set() to change the wall time")
        waiting = self.waiting
        future = expecting(self.create_future(), f"{seconds} seconds to pass")
        await waiting.wait(waiting.advancing, future, until=self._target(seconds), max_steps=max_steps)

    def leap(self, seconds: float) -> None:
        """Be `seconds` later at once; timers that came due on the way run late, together."""
        self._move_on_request(self._target(seconds))

    def activity(self, label: str) -> Activity:
        """Something begins to be handled: `settle` waits for its end, and lets time pass for it."""
        return Activity(self.waiting.activities, label)

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Another patience for each await of the test inside of the block."""
        before, self._patience = self._patience, round(seconds * MICROSECONDS)
        try:
            yield
        finally:
            self._patience = before

    async def attend(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> T:
        """Run the test itself (or a fixture of it): while it waits, time moves, and it is what fails."""
        self._main = main = asyncio.current_task(self)
        if main is not None:
            main.set_name(name)
        try:
            return await noticed(coroutine, self._attending)
        finally:
            self._main = None
            self._deadlines = Timers()

    def fail(self, failure: AssertionError) -> bool:
        """Let the test fail with `failure` at what it awaits. False if it fails already, or does not run."""
        if self._main is None or self.failure is not None:
            return False
        self._fail(failure)
        return True

    def give_up(self) -> None:
        """Run no longer than it takes to cancel what is left."""
        self.max_turns, self.hang_limit = FEW_TURNS, 0.0

    def _attending(self) -> None:
        self._attended = self._us
        self._turns = 0

    def _target(self, seconds: float) -> int:
        # the same sum of floats as in `call_later`, so that a timer of the same length is met exactly
        return round((self.time() + seconds) * MICROSECONDS)

    # -- what the selector reports

    def _turned(self) -> None:
        """Work was ready, so time stands still. Called at every turn: it asks nobody who has nothing to say."""
        self._outside_since = None
        waiting = self.waiting
        if waiting.settling or waiting.advancing:
            waiting.refuse_tireless()
        self._turns += 1
        if self._arrivals.held or self._turns_held:
            self.let_all_in()
        if self._turns > self.max_turns:
            self._fail(NotSettled(self._explained(f"The loop made {self._turns} turns without coming to rest")))

    def _rested(self) -> float:
        """No callback is ready: decide what happens next. Returns real seconds to wait for somebody outside."""
        if self._outside or self.selects.files > self.selects.own_files:
            return 0.0 if self.let_in(self._real_time()) else self._stand_still()
        self._outside_since = None
        if self.waiting.refuse_tireless() or self.waiting.wake_settled():
            return 0.0
        following = self._timers.next_after(self._us)
        if self.waiting.advancing:
            self._move_on_request(self.waiting.step_to(following))
        elif not self.waiting.refuse_late(following):
            self._go_on(following)
        return 0.0

    def _go_on(self, following: int | None) -> None:
        if following is None:
            self._fail(Deadlock(self._explained("Nothing can ever happen: no callback is ready and no timer is armed")))
        elif self.waiting.settling or self.autojumps or following <= self._patience_end():
            self._move(following)
        else:
            self._fail(PatienceSpent(self._explained(self._impatient(following))))

    def _patience_end(self) -> int:
        return max(self._attended + self._patience, *(timer.due for timer in self._deadlines.after(self._us)), 0)

    def _impatient(self, following: int) -> str:
        return (
            f"The test has waited for {(self._patience_end() - self._attended) / MICROSECONDS:g} virtual seconds, and "
            f"the next timer is due at t={following / MICROSECONDS:.3f} only. Let time pass with clock.advance(), or "
            "allow more with clock.timeout() or the setting jararaca_patience"
        )

    def _stand_still(self) -> float:
        now = self._real_time()
        if self._outside_since is None:
            self._outside_since = now
        left = self._outside_since + self.hang_limit - now
        if left > 0:
            return min(left, POLL)
        names = (*self.outside_work(), *self.open_sockets())
        headline = f"For {self.hang_limit:g} real seconds there was no sign of life from {'; '.join(names)}"
        self.hang_limit = min(self.hang_limit, POLL)  # nobody waits so long a second time
        self._fail(HungThread(self._explained(headline), names=names))
        return 0.0

    def _move_on_request(self, to: int) -> None:
        self._move(to)
        self._attended = self._us  # nobody had to be patient for it

    def _move(self, to: int) -> None:
        if to <= self._us:
            return
        self._us = to
        self._turns = 0
        if self.waiting.advancing:
            self.waiting.moved()
        for listener in self.on_move:
            listener(to)

    def _explained(self, headline: str) -> str:
        said = dump(self, f"{headline} (t={self.time():.3f}).", test=self._main)
        return "\n".join([said, *self.waiting.explanations()])

    def _fail(self, failure: AssertionError) -> None:
        """Cancel the test, for the runner to raise `failure` when it has unwound; if it will not end, raise here."""
        if self._main is None or self.failure is not None:
            raise self.failure or failure
        self.failure = failure
        self._attending()
        self._outside_since = None
        self._main.cancel()
