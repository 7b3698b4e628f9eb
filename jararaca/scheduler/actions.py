"""Which scheduled actions an application has, and whether their methods can be called."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jararaca.core.keeping import Kept
from jararaca.core.metadata import ingredients, method_facts
from jararaca.core.microservice import Microservice
from jararaca.errors import InvalidHandler
from jararaca.scheduler.decorators import ActionFact

_ANY = (inspect.Parameter.empty, Any, object, "Any", "object")
_TICK = re.compile(r"\bTick\b")


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One scheduled method of one controller. `name` is its identity in stores and records."""

    name: str
    controller: type
    method: str
    takes_tick: bool
    fact: ActionFact


def collect_actions(declaration: Microservice) -> tuple[ActionSpec, ...]:
    """Every scheduled action of the application, in the order of declaration.

    Raises:
        InvalidHandler: a method is not a coroutine, takes something else than a tick, or shares its name.
    """
    actions: dict[str, ActionSpec] = {}
    for controller in declaration.controllers:
        for action in _kept_actions_of(controller):
            other = actions.get(action.name)
            if other is not None:
                raise InvalidHandler(
                    f"two scheduled actions are called {action.name!r}: {other.controller.__qualname__}.{other.method} "
                    f"and {controller.__qualname__}.{action.method}. Give one of them another name=..."
                )
            actions[action.name] = action
    return tuple(actions.values())


_kept: Kept[tuple[ActionSpec, ...]] = Kept()


def _kept_actions_of(controller: type) -> tuple[ActionSpec, ...]:
    facts = method_facts(controller, ActionFact)
    if not facts:
        return ()
    return _kept.get(
        controller,
        [*ingredients(controller, ActionFact)],
        lambda: tuple(_action(controller, method, fact) for method, fact in facts),
    )


def _action(controller: type, method: str, fact: ActionFact) -> ActionSpec:
    where = f"{controller.__qualname__}.{method} is scheduled, but"
    function = inspect.getattr_static(controller, method)
    if not inspect.iscoroutinefunction(function):
        raise InvalidHandler(f"{where} is not a coroutine method. Write `async def {method}(self)`.")
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise InvalidHandler(f"{where} has no `self`. Write `async def {method}(self)`.")
    wrong = next(_wrong(parameters[1:]), None)
    if wrong is not None:
        raise InvalidHandler(
            f"{where} {wrong}. A scheduled action takes nothing or one tick: write `async def {method}(self)` or "
            f"`async def {method}(self, tick: Tick)`."
        )
    name = fact.name or f"{controller.__name__}.{method}"
    return ActionSpec(name, controller, method, any(map(_takes_tick, parameters[1:2])), fact)


def _wrong(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """What a call with nothing, or with one tick, would leave out or get wrong."""
    for index, each in enumerate(parameters):
        if each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) or each.default is not each.empty:
            continue
        if each.kind is each.KEYWORD_ONLY:
            yield f"needs {each.name!r} by keyword"
        elif index > 0:
            yield f"needs {each.name!r} too"
        elif not _is_tick(each) and each.annotation not in _ANY:
            yield f"takes {each.name}: {_spelled(each.annotation)}"


def _takes_tick(parameter: inspect.Parameter) -> bool:
    """Whether the first parameter is given the tick; one with a default only if it is annotated so."""
    if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        return False
    return parameter.default is parameter.empty or _is_tick(parameter)


def _is_tick(parameter: inspect.Parameter) -> bool:
    return _TICK.search(_spelled(parameter.annotation)) is not None


def _spelled(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
