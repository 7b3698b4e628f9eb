"""The `cron` fixture: scheduled actions fired by hand, what fired and what was skipped, and what is due next."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from jararaca.core.environment import Environment
from jararaca.core.steps import Kind, Step
from jararaca.errors import InvalidOption, UsageError
from jararaca.scheduler.actions import ActionSpec
from jararaca_testing.ledger import Ledger
from jararaca_testing.records import Essence, Predicate, Record, Records

ActionName = str | Callable[..., Any]

SKIPPED = frozenset({"skipped", "store unavailable"})


class Fires(Protocol):
    """A scheduler, or several of them."""

    async def fire(self, action: str, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class NextFiring:
    """A tick that is to come: when, in UTC, and of which action."""

    at: datetime
    action: str


class Cron:
    """Looks at the scheduled actions of the application under test, and fires them.

    An action is the method itself, its name, or nothing for all of them. `scheduler` is there while it runs.
    """

    def __init__(self, environment: Environment, ledger: Ledger, actions: Sequence[ActionSpec]) -> None:
        self._environment = environment
        self._ledger = ledger
        self._actions = tuple(actions)
        self.scheduler: Fires | None = None

    async def fire(self, action: ActionName) -> Record:
        """Fire an action now, as the scheduler does, and return its record once it has ended.

        It has its lease, its unit of work and its timeout, and is skipped while the tick before still runs. The ticks
        of its schedule come all the same. What it raises is in the record, and fails the test unless it is expected.

        Raises:
            InvalidOption: the application has no such action.
            UsageError: it does not run.
        """
        (spec,) = self._specs(action)
        if self.scheduler is None:
            raise UsageError("cron.fire() needs the running application: ask for the fixture jararaca_app or cron.")
        at = self._environment.clock.now()
        fired: list[Record] = []

        def note(step: Step, record: Record) -> None:
            if step.kind is Kind.TICK and getattr(step.subject, "scheduled_at", None) is at:
                fired.append(record)

        self._ledger.on_record.append(note)
        try:
            await self.scheduler.fire(spec.name, at)
        finally:
            self._ledger.on_record.remove(note)
        self._ledger.look(fired)
        return fired[0]

    def fired(self, action: ActionName | None = None, predicate: Predicate | None = None, /) -> Records:
        """Every firing that has ended, whatever became of it; `outcome` and `error` say how it ended."""
        return self._records("fired", action, predicate, lambda each: each.outcome not in SKIPPED)

    def skipped(self, action: ActionName | None = None, predicate: Predicate | None = None, /) -> Records:
        """Every tick that did not fire: the one before still ran, or the store could not be asked."""
        return self._records("skipped", action, predicate, lambda each: each.outcome in SKIPPED)

    def next_firings(self, action: ActionName | None = None, *, count: int = 5) -> list[NextFiring]:
        """The next `count` ticks of an action, or of all of them together, earliest first."""
        now = self._environment.clock.now()
        coming = [(each.fact.cron.next_after(now), index) for index, each in enumerate(self._specs(action))]
        specs, firings = self._specs(action), list[NextFiring]()
        heapq.heapify(coming)
        while coming and len(firings) < count:
            at, index = coming[0]
            firings.append(NextFiring(at, specs[index].name))
            heapq.heapreplace(coming, (specs[index].fact.cron.next_after(at), index))
        return firings

    def _records(
        self, verb: str, action: ActionName | None, predicate: Predicate | None, chosen: Callable[[Essence], bool]
    ) -> Records:
        names = {each.name for each in self._specs(action)}

        def fits(essence: Essence) -> bool:
            return essence.kind == Kind.TICK and essence.handler in names and chosen(essence)

        records = [record for record in self._ledger if fits(record.essence)]
        return Records(
            records,
            question=f"{verb}({'' if action is None else ', '.join(names)})",
            explain=lambda _records: self._explained(action),
            forgotten=sum(count for essence, count in self._ledger.forgotten.items() if fits(essence)),
            look=(lambda _records: None) if action is None else self._ledger.look,
        ).where(predicate)

    def _explained(self, action: ActionName | None) -> list[str]:
        names = {each.name for each in self._specs(action)}
        ticks = [each for each in self._ledger.of_kind(Kind.TICK) if each.handler in names]
        now = self._environment.clock.now()
        return [
            *(f"ended: {each}" for each in ticks[-3:]),
            *(
                f"{each.action} is due at {each.at:%Y-%m-%d %H:%M:%S} UTC, in {(each.at - now).total_seconds():g} s; "
                "let time pass with `await clock.advance(...)`"
                for each in self.next_firings(action, count=1)
            ),
        ]

    def _specs(self, action: ActionName | None) -> list[ActionSpec]:
        if action is None:
            return list(self._actions)
        if isinstance(action, str):
            found = [each for each in self._actions if action in (each.name, each.method, _place(each))]
        else:
            function = getattr(action, "__func__", action)
            found = [each for each in self._actions if getattr(each.controller, each.method) is function]
        if len(found) != 1:
            known = ", ".join(each.name for each in self._actions) or "none"
            asked = action if isinstance(action, str) else getattr(action, "__qualname__", action)
            what = "no scheduled action" if not found else "the name of several scheduled actions"
            raise InvalidOption(f"{asked!r} is {what} of this application. Its actions are: {known}.")
        return found


def _place(spec: ActionSpec) -> str:
    return f"{spec.controller.__qualname__}.{spec.method}"
