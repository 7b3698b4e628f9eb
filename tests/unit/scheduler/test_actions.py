"""Which methods can be scheduled, and how others are named."""

from typing import Any, Optional

import pytest

from jararaca import Microservice, ScheduledAction
from jararaca.errors import InvalidHandler
from jararaca.scheduler.actions import collect_actions
from jararaca.scheduler.decorators import Tick

HOURLY = "0 * * * *"


class Fine:
    @ScheduledAction(HOURLY)
    async def nothing(self) -> None: ...

    @ScheduledAction(HOURLY)
    async def tick(self, tick: Tick) -> None: ...

    @ScheduledAction(HOURLY)
    async def quoted(self, tick: "Tick") -> None: ...

    @ScheduledAction(HOURLY)
    async def optional(self, tick: Optional[Tick] = None) -> None: ...  # noqa: UP045 -- what users write

    @ScheduledAction(HOURLY)
    async def bare(self, tick) -> None: ...  # type: ignore[no-untyped-def]

    @ScheduledAction(HOURLY)
    async def anything(self, tick: Any, verbose: bool = False) -> None: ...

    @ScheduledAction(HOURLY)
    async def positional(self, tick: object, /) -> None: ...

    @ScheduledAction(HOURLY)
    async def defaults(self, verbose: bool = False, *, limit: int = 3) -> None: ...

    @ScheduledAction(HOURLY)
    async def keywords(self, **options: object) -> None: ...

    @ScheduledAction(HOURLY)
    async def several(self, *values: object) -> None: ...

    async def not_scheduled(self) -> None: ...


def test_an_action_takes_nothing_or_a_tick() -> None:
    actions = collect_actions(Microservice(controllers=[Fine]))

    assert {action.method: action.takes_tick for action in actions} == {
        "nothing": False,
        "tick": True,
        "quoted": True,
        "optional": True,
        "bare": True,
        "anything": True,
        "positional": True,
        "defaults": False,
        "keywords": False,
        "several": False,
    }
    assert actions[0].name == "Fine.nothing"


class Plain:
    @ScheduledAction(HOURLY)
    def run(self) -> None: ...


class Static:
    @staticmethod
    @ScheduledAction(HOURLY)
    async def run(tick: Tick) -> None: ...


class WithoutSelf:
    @ScheduledAction(HOURLY)
    async def run() -> None: ...  # type: ignore[misc]


class TwoArguments:
    @ScheduledAction(HOURLY)
    async def run(self, tick: Tick, limit: int) -> None: ...


class KeywordOnly:
    @ScheduledAction(HOURLY)
    async def run(self, *, tick: Tick) -> None: ...


class SomethingElse:
    @ScheduledAction(HOURLY)
    async def run(self, ticket: int) -> None: ...


class Generator:
    @ScheduledAction(HOURLY)
    async def run(self):  # type: ignore[no-untyped-def]
        yield


@pytest.mark.parametrize(
    ("controller", "reason"),
    [
        (Plain, "is not a coroutine method. Write `async def run\\(self\\)`"),
        (Static, "is not a coroutine method"),
        (Generator, "is not a coroutine method"),
        (WithoutSelf, "has no `self`"),
        (TwoArguments, "needs 'limit' too. A scheduled action takes nothing or one tick"),
        (KeywordOnly, "needs 'tick' by keyword"),
        (SomethingElse, "takes ticket: int. A scheduled action takes nothing or one tick"),
    ],
)
def test_a_method_that_cannot_be_called_is_named_with_its_class(controller: type, reason: str) -> None:
    with pytest.raises(InvalidHandler, match=f"{controller.__name__}.run is scheduled, but {reason}"):
        collect_actions(Microservice(controllers=[controller]))


class Twice:
    @ScheduledAction(HOURLY, name="report")
    async def first(self) -> None: ...

    @ScheduledAction(HOURLY, name="report")
    async def second(self) -> None: ...


class Stacked:
    @ScheduledAction(HOURLY)
    @ScheduledAction("30 * * * *")
    async def run(self) -> None: ...


@pytest.mark.parametrize(
    ("controller", "names"),
    [(Twice, "'report': Twice.first and Twice.second"), (Stacked, "'Stacked.run': Stacked.run and Stacked.run")],
)
def test_two_actions_of_one_name_are_refused(controller: type, names: str) -> None:
    with pytest.raises(InvalidHandler, match=f"two scheduled actions are called {names}. Give one of them"):
        collect_actions(Microservice(controllers=[controller]))


class Base:
    @ScheduledAction(HOURLY)
    async def run(self) -> None: ...


class Derived(Base):
    async def run(self) -> None: ...


def test_actions_are_inherited_under_the_name_of_the_class_that_has_them() -> None:
    actions = collect_actions(Microservice(controllers=[Base, Derived]))

    assert [action.name for action in actions] == ["Base.run", "Derived.run"]
