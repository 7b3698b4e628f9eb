"""How decorators leave facts on classes and methods, and how rooms find them again.

A fact is a frozen value of a type that belongs to one room. A subclass inherits the facts of its bases; a method that
overrides another keeps the other's facts of a kind unless it is decorated with that kind itself. So overriding a
body keeps the route, and decorating again replaces it.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from jararaca.errors import InvalidOption

F = TypeVar("F")
T = TypeVar("T")

_FACTS = "__jararaca_facts__"

_found: WeakKeyDictionary[type, dict[type, tuple[tuple[str, Any], ...]]] = WeakKeyDictionary()
"""What `method_facts` found: an application is put together anew for every test, and its classes stay."""


def attach(target: T, fact: object) -> T:
    """Leave `fact` on a class or function, after those that are there, and return the target itself.

    Of a class method or static method it is left on the function inside, where it is looked for.
    """
    _found.clear()
    holder = getattr(target, "__func__", target)
    setattr(holder, _FACTS, (*vars(holder).get(_FACTS, ()), fact))
    return target


def named(target: object) -> str:
    """What a decorated class or function is called in sentences: `Class.method`, without what encloses the class."""
    holder = getattr(target, "__func__", target)
    return str(getattr(holder, "__qualname__", holder)).rpartition("<locals>.")[2]


def checked_text(value: object, *, decorator: str, what: str) -> None:
    """See that a decorator's first argument is a text; a function or class is what it decorates, without parentheses.

    Raises:
        InvalidOption: it is none; `what` says what it is for.
    """
    if isinstance(value, str):
        return
    if callable(value):
        raise InvalidOption(f"@{decorator} on {named(value)} needs {what}. Write the decorator with parentheses.")
    raise InvalidOption(f"@{decorator}({value!r}): the first argument is {what}.")


def own_facts(target: object, kind: type[F]) -> tuple[F, ...]:
    """The facts of one kind that sit on exactly this class or function, in the order they were attached."""
    return tuple(fact for fact in getattr(target, "__dict__", {}).get(_FACTS, ()) if isinstance(fact, kind))


def class_facts(cls: type, kind: type[F]) -> tuple[F, ...]:
    """The facts of one kind on the nearest class, from `cls` upwards, that has any."""
    return next((facts for base in cls.__mro__ if (facts := own_facts(base, kind))), ())


def method_facts(cls: type, kind: type[F]) -> tuple[tuple[str, F], ...]:
    """`(method name, fact)` of every method of `cls`, base classes first, in the order of definition."""
    found = _found.setdefault(cls, {})
    if kind not in found:
        found[kind] = tuple(_method_facts(cls, kind))
    return found[kind]


def ingredients(cls: type, kind: type[Any]) -> Iterator[object]:
    """Every fact of one kind on a method of `cls`, and the method that is there now: what `Kept` compares."""
    for name, fact in method_facts(cls, kind):
        yield fact
        yield getattr(cls, name)


def _method_facts(cls: type, kind: type[F]) -> Iterator[tuple[str, F]]:
    found: dict[str, tuple[F, ...]] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            function: Callable[..., Any] = getattr(member, "__func__", member)
            if facts := own_facts(function, kind):
                found[name] = facts
            elif name in found and not callable(function):
                del found[name]
    for name, facts in found.items():
        yield from ((name, fact) for fact in facts)
