"""Which models are written as a generic declaration with arguments, such as `Page<Item>`.

A model is, if the form of its class, with arguments in the place of its parameters, is the very shape of the model
itself, and if the same holds for every generic model inside of the form. Where arguments change more than the places
that they are put into, as a serializer or a constraint can, the model stays an interface of its own. So a client says
the same of a model with parameters as without.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from jararaca.typescript.generator import Filled, Schema, referred
from jararaca.typescript.model import (
    AllOf,
    AnyOf,
    Dictionary,
    ListOf,
    Reference,
    Shape,
    Structure,
    TupleOf,
    TypeParameter,
    parts_of,
)
from jararaca.typescript.shapes import Shapes, all_of, any_of

Definitions = Mapping[str, Schema]


def references(definitions: Definitions, names: Mapping[str, str], filled: Mapping[str, Filled]) -> dict[str, Shape]:
    """How each definition is referred to: if it is `filled`, as its form with arguments, otherwise by its own name.

    The type parameters of forms are called "0", "1" and so on.
    """
    found: dict[str, Shape] = {name: Reference(names[name]) for name in names}
    for name, each in filled.items():
        if name == each.form:
            found |= {str(referred(marker)): _parameter(number) for number, marker in enumerate(each.arguments)}
    shapes, left = Shapes(definitions, found), dict(filled)

    def add(name: str) -> None:
        each = left.pop(name)
        for inner in _named_in([*each.arguments]):
            if inner in left:
                add(inner)
        found[name] = Reference(names[each.form], tuple(shapes.of(argument) for argument in each.arguments))

    while left:
        add(next(iter(left)))
    return found


def generic_ones(definitions: Definitions, names: Mapping[str, str], filled: Mapping[str, Filled]) -> dict[str, Filled]:
    """Those of the `filled` definitions that a generic declaration says as well as one of their own.

    `names` are the same for two definitions that are the same.
    """
    referred_to = references(definitions, names, filled)
    shapes = Shapes(definitions, referred_to)
    shape = {name: shapes.of(definitions[name]) for name in filled}
    arguments = {name: _by_parameter(referred_to[name]) for name in filled}

    def fits(name: str, form: str) -> bool:
        said, general = definitions[name], definitions[form]
        is_whole = arguments[name].keys() <= set(_parameters_in(shape[form]))
        is_described = said.get("description") in (None, filled[form].docs(general))
        is_same = is_described and said.get("deprecated") == general.get("deprecated")
        return is_whole and is_same and substituted(shape[form], arguments[name]) == shape[name]

    def holds(name: str, form: str, lost: set[Shape]) -> bool:
        inside = (substituted(each, arguments[name]) for each in _generic_references_in(shape[form]))
        return lost.isdisjoint(inside)

    left = {name: each for name, each in filled.items() if each.form in filled and fits(name, each.form)}
    while True:
        lost = {referred_to[name] for name in filled if name not in left}
        held = {name: each for name, each in left.items() if each.form in left and holds(name, each.form, lost)}
        if len(held) == len(left):
            return held
        left = held


def substituted(shape: Shape, arguments: Mapping[Shape, Shape]) -> Shape:
    """A shape with arguments in the place of its type parameters."""

    def again(each: Shape) -> Shape:
        return substituted(each, arguments)

    match shape:
        case TypeParameter():
            return arguments.get(shape, shape)
        case ListOf(item):
            return ListOf(again(item))
        case TupleOf(items, required, rest):
            return TupleOf(tuple(map(again, items)), required, None if rest is None else again(rest))
        case Dictionary(value, keys):
            return Dictionary(again(value), keys)
        case Structure(fields, others):
            known = tuple(replace(field, shape=again(field.shape)) for field in fields)
            return Structure(known, None if others is None else again(others))
        case AnyOf(members):
            return any_of(map(again, members))
        case AllOf(members):
            return all_of(map(again, members))
        case Reference(name, inner):
            return Reference(name, tuple(map(again, inner)))
    return shape


def named_parameters(names: tuple[str, ...]) -> dict[Shape, Shape]:
    """What the type parameters of a form are called in its declaration."""
    return {_parameter(number): TypeParameter(name) for number, name in enumerate(names)}


def _parameter(number: int) -> TypeParameter:
    return TypeParameter(str(number))


def _by_parameter(reference: Shape) -> dict[Shape, Shape]:
    return {_parameter(number): each for number, each in enumerate(parts_of(reference))}


def _parameters_in(shape: Shape) -> Iterator[Shape]:
    if isinstance(shape, TypeParameter):
        yield shape
    for part in parts_of(shape):
        yield from _parameters_in(part)


def _generic_references_in(shape: Shape) -> Iterator[Shape]:
    """The references whose arguments depend on those of the form."""
    if isinstance(shape, Reference) and any(_parameters_in(shape)):
        yield shape
    for part in parts_of(shape):
        yield from _generic_references_in(part)


def _named_in(schema: Any) -> Iterator[str]:
    """The definitions that a schema names itself."""
    name = referred(schema)
    if name is not None:
        yield name
    inside = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    for each in inside:
        yield from _named_in(each)
