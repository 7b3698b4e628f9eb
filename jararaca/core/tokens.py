"""Keys of injection, and how a declaration says what stands behind each of them.

A key is a class, a generic class with arguments (`Repository[User]`), or a class with a name: `Token(Redis, "CACHE")`.
`Token(T)`, `Token[T]` and `T` are spellings of one key; `key_of` brings every spelling to its one form, so that keys
can be compared and hashed as they are.
"""

import enum
import inspect
import types
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, NewType, TypeVar, Union, get_args, get_origin

from jararaca.errors import InvalidProvider

T = TypeVar("T")

Key = Hashable
Lifetime = Literal["app", "uow"]


class Unset(enum.Enum):
    """The type of `UNSET`, which stands for no value where None is one."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, repr=False)
class Token(Generic[T]):
    """A key: `type`, told apart from other providers of the same type by `name`. Without a name it equals the type.

    `Token["Redis[bytes]"](Redis, "CACHE")` tells a type checker more than the class can say.

    Raises:
        InvalidProvider: `type` is not a class, or `name` is empty or no text.
    """

    type: Callable[..., T]  # a class: mypy refuses Protocols and abstract classes where it reads `type[T]`
    name: str | None = None

    def __post_init__(self) -> None:
        if not _is_class_like(self.type):
            raise InvalidProvider(f"Token({self.type!r}) needs a class as its first argument. Write Token(SomeClass).")
        if self.name == "":
            raise InvalidProvider(f"Token({name_of(self.type)}, ''): an empty name tells nothing apart. Leave it out.")
        if self.name is not None and not _is_text(self.name):
            raise InvalidProvider(f'Token({name_of(self.type)}, {self.name!r}): a name is a text. Write "{self.name}".')

    def __repr__(self) -> str:
        return f"Token({name_of(self.type)})" if self.name is None else f"Token({name_of(self.type)}, {self.name!r})"


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def key_of(spelling: object) -> Key:
    """The one form of a key, whichever way it is written.

    Raises:
        InvalidProvider: this is not a key.
    """
    key = key_or_none(spelling)
    if key is None:
        raise InvalidProvider(
            f"{spelling!r} is not a key. A key is a class, Token(SomeClass), Token[SomeClass] or "
            'Token(SomeClass, "NAME").'
        )
    return key


def key_or_none(spelling: object) -> Key | None:
    """The same for annotations, where much is not a key: unions, literals, texts."""
    if isinstance(spelling, Token):
        return spelling.type if spelling.name is None else spelling
    origin = get_origin(spelling)
    if origin is Token:
        return key_or_none(get_args(spelling)[0])
    if origin is Annotated:
        annotated, *metadata = get_args(spelling)
        return next((key for each in metadata if (key := key_or_none(each)) is not None), key_or_none(annotated))
    return spelling if _is_class_like(spelling) and isinstance(spelling, Hashable) else None


def _is_class_like(candidate: object) -> bool:
    if isinstance(candidate, type | NewType):
        return True
    origin = get_origin(candidate)
    return isinstance(origin, type) and origin not in (Union, types.UnionType)


def name_of(key: object) -> str:
    """What messages call a key."""
    if get_args(key) and (origin := get_origin(key)) is not None:
        return f"{name_of(origin)}[{', '.join(name_of(argument) for argument in get_args(key))}]"
    name = getattr(key, "__qualname__", None) or getattr(key, "__name__", None) or repr(key)
    return str(name).rpartition("<locals>.")[2]


def is_abstract(cls: type) -> bool:
    """Whether calling the class cannot give a useful object: a Protocol, or an abstract base class."""
    return bool(getattr(cls, "_is_protocol", False)) or inspect.isabstract(cls)


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """How to get the object behind a key: from exactly one of the four `use_*`.

    Attributes:
        provide: the key, in any spelling.
        use_value: the object itself, falsy ones included. It is never disposed: who made it owns it.
        use_factory: a function, sync or async, whose annotated parameters are injected. A generator function
            yields the object once; the rest of it disposes.
        use_class: a class whose `__init__` parameters are injected.
        use_existing: another key; both give the same object.
        after_interceptors: built after every interceptor's lifecycle was entered, disposed before they are left.
        scope: "app" is one object per process, "uow" one per unit of work. An alias has that of its target.

    Raises:
        InvalidProvider: no source or several, one of the wrong kind, or options that have no meaning together.
    """

    provide: Any
    use_value: Any = UNSET
    use_factory: Callable[..., Any] | None = None
    use_class: type[Any] | None = None
    use_existing: Any = None
    after_interceptors: bool = False
    scope: Lifetime = "app"

    def __post_init__(self) -> None:
        key_of(self.provide)
        sources = self._sources()
        if len(sources) != 1:
            raise InvalidProvider(
                f"{self.name} has {' and '.join(sources) or 'no source'}. "
                "Give exactly one of use_value, use_factory, use_class and use_existing."
            )
        self._check_source()
        self._check_options(sources[0])

    @property
    def key(self) -> Key:
        """The one form of `provide`."""
        return key_of(self.provide)

    @property
    def name(self) -> str:
        """What messages call this provider."""
        return f"ProviderSpec({name_of(self.key)})"

    def _sources(self) -> list[str]:
        given = {
            "use_value": self.use_value is not UNSET,
            "use_factory": self.use_factory is not None,
            "use_class": self.use_class is not None,
            "use_existing": self.use_existing is not None,
        }
        return [source for source, is_given in given.items() if is_given]

    def _check_source(self) -> None:
        if self.use_factory is not None and not callable(self.use_factory):
            raise InvalidProvider(f"{self.name}: use_factory must be callable. For an object use use_value.")
        if self.use_existing is not None:
            key_of(self.use_existing)
        if self.use_class is not None:
            cls = get_origin(self.use_class) or self.use_class
            if not isinstance(cls, type) or is_abstract(cls):
                raise InvalidProvider(
                    f"{self.name}: {name_of(self.use_class)} is not a class that can be instantiated. "
                    "Give use_class a concrete one, or use_factory a function."
                )

    def _check_options(self, source: str) -> None:
        if self.scope not in ("app", "uow"):
            raise InvalidProvider(f'{self.name}: scope={self.scope!r} is unknown. Use "app" or "uow".')
        is_default = self.scope == "app" and not self.after_interceptors
        if source in ("use_value", "use_existing") and not is_default:
            raise InvalidProvider(
                f"{self.name}: {source} builds nothing, so scope and after_interceptors have no meaning. Remove them."
            )
        if self.scope == "uow" and self.after_interceptors:
            raise InvalidProvider(
                f"{self.name}: an object of a unit of work is always built after the interceptors. "
                "Remove after_interceptors."
            )
