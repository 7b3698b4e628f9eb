"""The declaration of an application: what it is made of, and nothing that runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from jararaca.core.tokens import ProviderSpec
from jararaca.errors import InvalidOption

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class Microservice:
    """One application, declared once and served by any number of processes.

    Declaring does no I/O and needs no event loop. What the application owns on servers (handler queues, dead letters,
    waits, leases, keys) carries `name`; two applications with one name on one broker share those.

    Args:
        providers: what injection may build; a bare class means `use_class` of itself.
        controllers: classes with decorated methods, built by injection.
        interceptors: entered in this order around the whole application, left in reverse.
        name: letters, digits, `_`, `.` and `-`, at most 100 of them.
        shutdown_grace: seconds that running work is given to finish when the process is asked to stop.

    Raises:
        InvalidOption: the name or the grace cannot work, something is no list, or a controller is no class.
    """

    def __init__(
        self,
        providers: Sequence[ProviderSpec | type] = (),
        controllers: Sequence[type] = (),
        interceptors: Sequence[Any] = (),
        *,
        name: str = "app",
        shutdown_grace: float = 25.0,
    ) -> None:
        if not _is_name(name):
            raise InvalidOption(
                f"Microservice(name={name!r}): a name has 1 to 100 letters, digits, '_', '.' or '-', and starts with "
                "a letter or digit, because queues and keys carry it. Choose another one."
            )
        if not _is_grace(shutdown_grace):
            raise InvalidOption(
                f"Microservice(shutdown_grace={shutdown_grace!r}): it is a number of seconds, and cannot be negative. "
                "Use 0 to cancel at once."
            )
        self.providers = listed(providers, "Microservice(providers=...)")
        self.controllers = listed(controllers, "Microservice(controllers=...)")
        self.interceptors = listed(interceptors, "Microservice(interceptors=...)")
        self.name = name
        self.shutdown_grace = shutdown_grace
        self._check_controllers()

    def _check_controllers(self) -> None:
        for each in self.controllers:
            if not isinstance(each, type):
                raise InvalidOption(
                    f"Microservice(controllers=[...]) has {described(each)}. Give the class: injection builds it."
                )

    def __repr__(self) -> str:
        return f"Microservice({self.name!r}, {len(self.controllers)} controllers)"


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


def _is_grace(seconds: object) -> bool:
    return isinstance(seconds, int | float) and seconds >= 0  # which NaN is not


def listed(given: Iterable[T], where: str) -> tuple[T, ...]:
    """What was given as a list, as a tuple.

    Raises:
        InvalidOption: it is one thing, a text or a mapping; the text names `where`.
    """
    if isinstance(given, str | bytes | Mapping | type) or not hasattr(given, "__iter__"):
        raise InvalidOption(f"{where} takes a list, and got {described(given)}. Put what you mean between [ and ].")
    return tuple(given)


def described(thing: object) -> str:
    """What messages call something that is not what it should be; its value may be a secret."""
    if thing is None:
        return "None"
    if isinstance(thing, type):
        return f"the class {thing.__qualname__}"
    return f"an object of type {type(thing).__qualname__}"
