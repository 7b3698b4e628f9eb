"""The texts of what is wrong with a graph of providers: who needs what, by which way, and what to do about it."""

import difflib
from collections.abc import Iterable, Sequence

from jararaca.core.recipes import Recipe
from jararaca.core.signatures import Need
from jararaca.core.tokens import Key, Token, name_of
from jararaca.errors import CircularDependency, InvalidProvider, MissingProvider, ScopeViolation


def missing_provider(
    key: Key,
    registered: Iterable[Key],
    *,
    path: Sequence[str] = (),
    recipe: Recipe | None = None,
    need: Need | None = None,
) -> MissingProvider:
    """Nobody offers `key`. `recipe` and `need` say who asks, `path` the way from the root to it."""
    asked = (
        f"{_place(recipe, need)} needs {name_of(key)}, but" if recipe and need else f"{name_of(key)} is asked for, but"
    )
    way = (*path, name_of(key))
    parts = [f"{asked} no provider offers it.", _way(way), _advice(key, registered)]
    return MissingProvider(" ".join(part for part in parts if part), key=key, path=way)


def unknown_override(key: Key, known: Iterable[Key]) -> MissingProvider:
    """An override of something that nothing provides or needs: most likely a typing error."""
    return MissingProvider(
        f"override({name_of(key)}) replaces nothing: no provider offers it and nothing needs it. "
        f"{_nearest(key, known) or 'Nothing similar is known.'} Override a key that is registered or needed.",
        key=key,
        path=(name_of(key),),
    )


def circular_dependency(path: Sequence[str], name: str) -> CircularDependency:
    """`name` is needed, by way of `path`, to build itself."""
    circle = (*path[list(path).index(name) :], name)
    return CircularDependency(
        f"{name} needs itself: {' -> '.join(circle)}. Let one of them take the Container and look the other up when "
        "it is used, or move what both need into a third.",
        path=circle,
    )


def scope_violation(recipe: Recipe, need: Need, way: Sequence[str]) -> ScopeViolation:
    """An object of the process asks for an object of a unit of work, which `way` ends in."""
    through = f" (through {' -> '.join(way)})" if len(way) > 1 else ""
    name = name_of(recipe.key)
    return ScopeViolation(
        f"{name} lives as long as the process, but {_place(recipe, need)} needs {name_of(need.key)}, which lives for "
        f'one unit of work{through}. Register {name} with scope="uow", or leave it out of providers: a class without a '
        "provider lives as long as what it needs."
    )


def outside_unit_of_work(key: Key) -> ScopeViolation:
    """An object of a unit of work was asked of the container itself."""
    return ScopeViolation(
        f"{name_of(key)} lives for one unit of work, and the container does not belong to any. Take it as a parameter "
        "of a class that is built there, or from a scope: await scope.resolve(...)."
    )


def built_too_early(recipe: Recipe, need: Need) -> InvalidProvider:
    """A provider that is built before the interceptors asks for one that is built after them."""
    name = name_of(recipe.key)
    return InvalidProvider(
        f"{name} is built before the interceptors, but {_place(recipe, need)} needs {name_of(need.key)}, which is "
        f"built after them. Register {name} with after_interceptors=True as well."
    )


def _place(recipe: Recipe, need: Need) -> str:
    return recipe.owner if need.parameter == "use_existing" else f"{recipe.owner}({need.parameter})"


def _way(names: Sequence[str]) -> str:
    return f"The way to it: {' -> '.join(names)}." if len(names) > 2 else ""


def _advice(key: Key, registered: Iterable[Key]) -> str:
    parts = [_nearest(key, registered), _remedy(key)]
    return " ".join(part for part in parts if part)


def _nearest(key: Key, known: Iterable[Key]) -> str:
    """The registered name that was probably meant: the same class under a name, or a similar spelling."""
    keys = [each for each in known if each != key]
    namesakes = [each for each in keys if isinstance(each, Token) and each.type == getattr(key, "type", key)]
    if namesakes:
        return f"Registered under a name: {namesakes[0]}; write Annotated[..., {namesakes[0]}] to get that one."
    names = {name_of(each): None for each in keys}
    close = difflib.get_close_matches(name_of(key), names, n=1)
    return f"The closest registered name is {close[0]}." if close else ""


def _remedy(key: Key) -> str:
    if isinstance(key, type) and key.__module__ == "builtins":
        return (
            f'Give the value a name, Annotated[{name_of(key)}, Token({name_of(key)}, "NAME")], and a provider for it, '
            f'ProviderSpec(Token({name_of(key)}, "NAME"), use_value=...).'
        )
    return f"Add ProviderSpec({name_of(key)}, ...) to Microservice(providers=[...])."
