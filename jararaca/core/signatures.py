"""Which keys a class or a function asks for, read from its annotated parameters."""

import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from jararaca.core.tokens import UNSET, Key, key_or_none, name_of
from jararaca.errors import InvalidProvider, MissingProvider, UnresolvedAnnotation


@dataclass(frozen=True, slots=True)
class Need:
    """One parameter that injection may fill.

    Attributes:
        key: what to look for; None if the annotation is no key, and then `is_required` is False.
        is_required: without a provider nothing can be passed.
        default: what to pass without a provider. UNSET leaves the parameter out.
        by_keyword: whether the parameter must be passed by name. `by_position` is the same for its position.
    """

    parameter: str
    key: Key | None
    is_required: bool
    default: Any = UNSET
    by_position: bool = False
    by_keyword: bool = False


@dataclass(frozen=True, slots=True)
class _Namespace:
    """Where the names in the annotations of one callable are looked up."""

    owner: str  # what messages call the callable
    module: str
    names: dict[str, Any]
    type_arguments: dict[TypeVar, Any]


def owner_of(target: Callable[..., Any]) -> str:
    """What messages call the callable whose parameters are injected: `Checkout.__init__`, `make_pool`."""
    if isinstance(get_origin(target) or target, type):
        return f"{name_of(target)}.__init__"
    return name_of(_function(target))


def needs_of(target: Callable[..., Any]) -> tuple[Need, ...]:
    """The parameters that injection fills when it calls `target`, in order. `*args` and `**kwargs` get nothing.

    A pydantic settings class needs nothing: it reads its fields from the environment.

    Raises:
        InvalidProvider: Python cannot tell the signature.
        UnresolvedAnnotation: a parameter has no annotation, or one whose names cannot be found.
        MissingProvider: the annotation of a required parameter is not a key.
    """
    cls: Any = get_origin(target) or target
    if hasattr(cls, "settings_customise_sources"):
        return ()
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (ValueError, TypeError) as error:
        raise InvalidProvider(
            f"{owner_of(target)} has a signature that cannot be read. Register a factory that calls it: "
            f"ProviderSpec({name_of(target)}, use_factory=...)."
        ) from error
    namespace = _namespace_of(target)
    return tuple(
        _need(
            parameter, namespace if not dataclasses.is_dataclass(cls) else _field_namespace(cls, parameter, namespace)
        )
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )


def _need(parameter: inspect.Parameter, namespace: _Namespace) -> Need:
    is_required = parameter.default is parameter.empty
    if parameter.annotation is parameter.empty:
        key, accepts_none = None, False
    else:
        key, accepts_none = _read(_substituted(_evaluated(parameter, namespace), namespace.type_arguments))
    if key is None and is_required and not accepts_none:
        raise _no_key(parameter, namespace)
    by_position = parameter.kind is parameter.POSITIONAL_ONLY
    default: Any = None if accepts_none else UNSET
    if not is_required:
        default = parameter.default if by_position else UNSET
    return Need(
        parameter.name,
        key,
        is_required=is_required and not accepts_none,
        default=default,
        by_position=by_position,
        by_keyword=parameter.kind is parameter.KEYWORD_ONLY,
    )


def _no_key(parameter: inspect.Parameter, namespace: _Namespace) -> UnresolvedAnnotation | MissingProvider:
    where = f"{namespace.owner}({parameter.name})"
    if parameter.annotation is parameter.empty:
        return UnresolvedAnnotation(
            f"{where} has no annotation, so injection cannot know what to pass. Annotate it, or give it a default."
        )
    written = parameter.annotation if isinstance(parameter.annotation, str) else name_of(parameter.annotation)
    return MissingProvider(
        f"{where} is annotated with {written}, which is not a key. Name one: Annotated[..., Token(SomeClass, "
        '"NAME")], or give the parameter a default.'
    )


def _read(hint: Any) -> tuple[Key | None, bool]:
    """The key in an annotation, and whether None will do as well."""
    if isinstance(hint, dataclasses.InitVar):
        return _read(hint.type)
    origin = get_origin(hint)
    if origin is Annotated:
        key, accepts_none = _read(get_args(hint)[0])
        named = key_or_none(hint)
        return (key if named is None else named), accepts_none
    if origin in (Union, types.UnionType):
        choices = [each for each in get_args(hint) if each is not types.NoneType]
        return (_read(choices[0])[0] if len(choices) == 1 else None), len(choices) < len(get_args(hint))
    return key_or_none(hint), False


def _evaluated(parameter: inspect.Parameter, namespace: _Namespace) -> Any:
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        return typing.get_type_hints(holder, namespace.names, include_extras=True)[parameter.name]
    except Exception as error:
        missing = f"{error.name!r} in " if isinstance(error, NameError) and error.name else ""
        raise UnresolvedAnnotation(
            f"{namespace.owner}({parameter.name}): {missing}the annotation {parameter.annotation!r} cannot be found in "
            f"module {namespace.module}. A name that exists only inside a function or under TYPE_CHECKING is not "
            "there at run time. Define or import it at module level."
        ) from error


def _namespace_of(target: Callable[..., Any]) -> _Namespace:
    cls = get_origin(target) or target
    if not isinstance(cls, type):
        function = _function(target)
        names = getattr(function, "__globals__", {})
        return _Namespace(name_of(function), getattr(function, "__module__", ""), names, {})
    owner, constructor = next(_constructors(cls), (cls, cls))
    names = getattr(constructor, "__globals__", None) or _module_names(owner)
    return _Namespace(owner_of(target), owner.__module__, {**vars(owner), **names}, _type_arguments(target, owner))


def _constructors(cls: type) -> Iterator[tuple[type, Callable[..., Any]]]:
    for base in cls.__mro__:
        for method in ("__init__", "__new__"):
            defined: Any = vars(base).get(method)
            function = inspect.unwrap(getattr(defined, "__func__", defined))
            if isinstance(function, types.FunctionType):
                yield base, function


def _field_namespace(cls: Any, parameter: inspect.Parameter, namespace: _Namespace) -> _Namespace:
    """A dataclass takes fields over from its bases, whose annotations were written in other modules."""
    for base in cls.__mro__ if hasattr(cls, "__dataclass_fields__") else ():
        if parameter.name in vars(base).get("__annotations__", {}):
            names = {**vars(base), **_module_names(base)}
            return _Namespace(namespace.owner, base.__module__, names, namespace.type_arguments)
    return namespace


def _module_names(cls: type) -> dict[str, Any]:
    return vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}


def _function(target: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind bound methods, partials, wrappers and objects with `__call__`."""
    while isinstance(target, functools.partial):
        target = target.func
    if not hasattr(target, "__name__"):
        target = type(target).__call__
    function: Callable[..., Any] = getattr(target, "__func__", target)
    unwrapped: Callable[..., Any] = inspect.unwrap(function)
    return unwrapped


def _type_arguments(alias: Any, owner: type) -> dict[TypeVar, Any]:
    """What the type variables of `owner` stand for, seen from a subclass or generic alias of it."""
    origin = get_origin(alias) or alias
    bound = dict(zip(getattr(origin, "__parameters__", ()), get_args(alias), strict=False))
    if origin is owner:
        return bound
    bases = vars(origin).get("__orig_bases__", origin.__bases__)
    base = next(base for base in bases if issubclass(get_origin(base) or base, owner))
    return _type_arguments(_substituted(base, bound), owner)


def _substituted(hint: Any, bound: dict[TypeVar, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return bound.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ()) if get_origin(hint) is not None else ()
    return hint[tuple(bound.get(each, each) for each in parameters)] if parameters and bound else hint
