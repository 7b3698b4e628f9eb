"""How an object is made, once it is clear what a provider says: the kind of callable and what it asks for."""

import enum
import inspect
import sys
from abc import ABC
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_origin, is_typeddict
from weakref import WeakKeyDictionary

from jararaca.core.signatures import Need, needs_of, owner_of
from jararaca.core.tokens import UNSET, Key, Lifetime, ProviderSpec, is_abstract, key_of


class Kind(enum.Enum):
    """What is done with the target of a recipe to get the object."""

    VALUE = "value"  # the target is the object
    ALIAS = "alias"  # the object is that of the only need
    SCOPE = "scope"  # the object is the scope that is being filled
    CALL = "call"
    AWAIT = "await"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async generator"

    @property
    def awaits(self) -> bool:
        """Whether making the object takes an event loop."""
        return self in (Kind.AWAIT, Kind.ASYNC_GENERATOR)


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How the object behind `key` is made. `lifetime` None means as long as what it needs allows.

    `owner` is what messages call the callable, `is_late` that it is built after the interceptors.
    """

    key: Key
    kind: Kind
    target: Any
    owner: str = ""
    needs: tuple[Need, ...] = ()
    lifetime: Lifetime | None = None
    is_late: bool = False


def value_recipe(key: Key, value: object) -> Recipe:
    """The recipe that hands out `value` itself."""
    return Recipe(key, Kind.VALUE, value, lifetime="app")


class Recipes:
    """What is registered, and what stands in for it at the moment. Signatures are read when they are asked for first.

    Registering a key again replaces what was registered before.
    """

    def __init__(self, *built_in: Recipe) -> None:
        self._built_in = {recipe.key: recipe for recipe in built_in}
        self._specs: dict[Key, ProviderSpec] = {}
        self._stand_ins: dict[Key, Recipe] = {}
        self._read: dict[Key, Recipe] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._specs or key in self._stand_ins or key in self._built_in

    def __iter__(self) -> Iterator[Key]:
        return iter({**self._built_in, **self._specs, **self._stand_ins})

    def register(self, spec: ProviderSpec) -> None:
        """Offer what `spec` says under its key."""
        self._specs[spec.key] = spec
        self._read.pop(spec.key, None)

    def stand_in(self, key: Key, recipe: Recipe) -> None:
        """Offer something else under `key` until `step_back` is called."""
        self._stand_ins[key] = recipe

    def step_back(self, key: Key) -> None:
        """Offer again what is registered under `key`, if anything is."""
        self._stand_ins.pop(key, None)

    def read(self, key: Key) -> Recipe:
        """The recipe of a registered key, or of a class that has no provider (see `is_buildable`).

        Raises:
            DeclarationError: the signature cannot be read; see `needs_of`.
        """
        recipe = self._stand_ins.get(key) or self._read.get(key)
        if recipe is None:
            spec = self._specs.get(key)
            built_in = self._built_in.get(key)
            recipe = self._read[key] = _recipe_of(spec) if spec is not None else built_in or _recipe_of_class(key)
        return recipe


def _recipe_of(spec: ProviderSpec) -> Recipe:
    key = spec.key
    if spec.use_value is not UNSET:
        return value_recipe(key, spec.use_value)
    if spec.use_existing is not None:
        return Recipe(key, Kind.ALIAS, None, spec.name, (Need("use_existing", key_of(spec.use_existing), True),))
    target = _undecorated(spec.use_factory) if spec.use_factory is not None else spec.use_class
    assert target is not None
    kind = _kind_of(target)
    return Recipe(key, kind, target, owner_of(target), _needs(target), spec.scope, spec.after_interceptors)


def _recipe_of_class(key: Any) -> Recipe:
    return Recipe(key, Kind.CALL, key, owner_of(key), _needs(key))


_needs_of_classes: WeakKeyDictionary[type, tuple[Need, ...]] = WeakKeyDictionary()
"""Signatures that were read: an application is put together anew for every test, and its classes stay."""


def _needs(target: Any) -> tuple[Need, ...]:
    if not isinstance(target, type):
        return needs_of(target)
    needs = _needs_of_classes.get(target)
    if needs is None:
        needs = _needs_of_classes[target] = needs_of(target)
    return needs


def is_buildable(key: Key) -> bool:
    """Whether a key without provider can be built from its signature.

    Protocols, abstract classes, enumerations, typed dicts and everything of the standard library cannot: an empty
    text or the current directory is never what somebody asked for.
    """
    cls = get_origin(key) or key
    if not isinstance(cls, type) or is_abstract(cls) or ABC in cls.__bases__:
        return False
    is_standard = cls.__module__.partition(".")[0] in sys.stdlib_module_names
    return not (is_standard or issubclass(cls, enum.Enum) or is_typeddict(cls))


def _undecorated(factory: Callable[..., Any]) -> Callable[..., Any]:
    """The generator function under `@contextmanager` or `@asynccontextmanager`: injection enters and leaves it."""
    function: Any = getattr(factory, "__func__", factory)
    if getattr(function, "__globals__", {}).get("__name__") != "contextlib" or not hasattr(function, "__wrapped__"):
        return factory
    wrapped: Callable[..., Any] = function.__wrapped__
    return wrapped if function is factory else wrapped.__get__(factory.__self__)  # type: ignore[attr-defined] # bound


def _kind_of(target: Any) -> Kind:
    if isinstance(get_origin(target) or target, type):
        return Kind.CALL
    called = target if hasattr(target, "__name__") or hasattr(target, "func") else type(target).__call__
    if inspect.isasyncgenfunction(called):
        return Kind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(called):
        return Kind.GENERATOR
    return Kind.AWAIT if inspect.iscoroutinefunction(called) else Kind.CALL
