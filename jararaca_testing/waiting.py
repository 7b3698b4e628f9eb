"""Who waits for the application to come to rest, and who lets time pass for it: the bookkeeping of a virtual loop."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from jararaca_testing.errors import NotSettled
from jararaca_testing.timers import MICROSECONDS

MAX_STEPS = 10_000


@dataclass(slots=True, eq=False)
class Wait:
    """Somebody who settles, or who advances, until a moment in microseconds and within a number of steps."""

    future: "asyncio.Future[None]"
    until: int
    max_steps: int
    last_step: int


class Activity:
    """Something is being handled: the application is not at rest before `end`. Also a context manager."""

    __slots__ = ("_open", "label")

    def __init__(self, open_ones: "dict[Activity, None]", label: str) -> None:
        self._open = open_ones
        self.label = label
        open_ones[self] = None

    def end(self) -> None:
        """A second time has no effect."""
        self._open.pop(self, None)

    def __enter__(self) -> "Activity":
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()


class Waiting:
    """Everybody who waits on one loop, and what they wait for.

    `steps` counts what the application has done. `busy` and `explain` are asked for labels of what still moves, and for
    lines that belong into the text of a failure.
    """

    def __init__(self) -> None:
        self.settling: list[Wait] = []
        self.advancing: list[Wait] = []
        self.activities: dict[Activity, None] = {}
        self.steps: Callable[[], int] = lambda: 0
        self.busy: list[Callable[[], Iterable[str]]] = []
        self.explain: list[Callable[[], Iterable[str]]] = []

    @contextmanager
    def watching(
        self,
        *,
        busy: Sequence[Callable[[], Iterable[str]]],
        explain: Sequence[Callable[[], Iterable[str]]],
        steps: Callable[[], int],
    ) -> Iterator[None]:
        """Ask an application about its activity for the length of a block; afterwards all is as before."""
        before = self.busy, self.explain, self.steps
        self.busy, self.explain, self.steps = [*self.busy, *busy], [*self.explain, *explain], steps
        try:
            yield
        finally:
            self.busy, self.explain, self.steps = before

    async def wait(self, waits: list[Wait], future: "asyncio.Future[None]", *, until: int, max_steps: int) -> None:
        """Stand in one of the two queues until woken or refused."""
        wait = Wait(future, until, max_steps, self.steps() + max_steps)
        waits.append(wait)
        try:
            await future
        finally:
            waits.remove(wait)

    def moving(self) -> tuple[str, ...]:
        """What is being handled, or still moves in another way."""
        labels = [activity.label for activity in self.activities]
        for ask in self.busy:
            labels += ask()
        return tuple(labels)

    def wake_settled(self) -> bool:
        """Wake those who settle, if there are any and nothing moves; called at rest."""
        if not self.settling or self.moving():
            return False
        for wait in self.settling:
            _wake(wait)
        return True

    def step_to(self, following: int | None) -> int:
        """How far to move for those who advance, given when the next timer is due; whoever is there is woken."""
        first = min(self.advancing, key=lambda wait: wait.until)
        if following is not None and following <= first.until:
            return following
        _wake(first)
        return first.until

    def refuse_late(self, following: int | None) -> bool:
        """Refuse those who settle, if the next timer lies beyond what they allow; called at rest."""
        late = [wait for wait in self.settling if following is None or following > wait.until]
        for wait in late:
            why = "nothing is left that could end it" if following is None else f"it goes on at {_at(following)} only"
            self._refuse(wait, f"Something is still being handled, and {why}; the test allows until {_at(wait.until)}.")
        return bool(late)

    def refuse_tireless(self) -> bool:
        """Refuse those whose number of steps is used up."""
        if not self.settling and not self.advancing:
            return False
        done = self.steps()
        tireless = [wait for wait in (*self.settling, *self.advancing) if done > wait.last_step]
        for wait in tireless:
            self._refuse(wait, f"The application does not come to rest: it took more than {wait.max_steps} steps.")
        return bool(tireless)

    def moved(self) -> None:
        """Time moved: those who advance count their steps from here."""
        done = self.steps()
        for wait in self.advancing:
            wait.last_step = done + wait.max_steps

    def explanations(self) -> list[str]:
        return [line for ask in self.explain for line in ask()]

    def _refuse(self, wait: Wait, message: str) -> None:
        if wait.future.done():
            return
        moving = self.moving()
        lines = [message, *(f"  still moving: {label}" for label in moving), *self.explanations()]
        wait.future.set_exception(NotSettled("\n".join(lines), moving=moving))


def _wake(wait: Wait) -> None:
    if not wait.future.done():
        wait.future.set_result(None)


def _at(moment: int) -> str:
    return f"t={moment / MICROSECONDS:.3f}"
