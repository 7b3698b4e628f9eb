"""The named shapes of a client, and how to find what a name stands for."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jararaca.typescript.model import NULL, Constant, Enumeration, Model, Plain, Reference, Shape, references_in
from jararaca.typescript.names import Names, pascal
from jararaca.typescript.schemas import MEMBERS, Schema
from jararaca.typescript.shapes import Shapes, constant, referred


class Vocabulary:
    """Gives every definition an identifier, in an order that depends on nothing but their names.

    Those in `inline` get none: they are written out where they are used.
    """

    def __init__(self, definitions: Mapping[str, Schema], names: Names, *, inline: Container[str] = ()) -> None:
        self.definitions = definitions
        self.identifiers: dict[str, str] = {}
        self._names: dict[str, str] = {}
        plain = _plain_names([name for name in definitions if name not in inline], definitions)
        wished = {plain[name]: pascal(plain[name]) for name in sorted(plain)}
        taken = {}
        for name in sorted(wished, key=lambda each: (wished[each] != each, each)):
            taken[name] = names.take(wished[name], f"{wished[name]}Model")
        for name in sorted(plain):
            self.identifiers[name] = taken[plain[name]]
            self._names.setdefault(taken[plain[name]], name)
        self.shapes = Shapes(definitions, self.identifiers)
        self._shapes: dict[str, Shape] = {}

    def resolved(self, shape: Shape) -> Shape:
        """What a reference stands for, or the shape itself. An enumeration stays a reference."""
        seen: set[str] = set()
        while isinstance(shape, Reference) and shape.name in self._names and shape.name not in seen:
            seen.add(shape.name)
            name = self._names[shape.name]
            if _members(self.definitions[name]) is not None:
                break
            shape = self._shape(name)
        return shape

    def constants(self, shape: Shape) -> tuple[Shape, ...]:
        """The values of an enumeration; nothing if the shape is none."""
        members = _members(self.definitions[self._names[shape.name]]) if isinstance(shape, Reference) else None
        return tuple(NULL if json == "null" else Constant(json) for _name, json in members or ())

    def inlined(self, schema: Any) -> Any:
        """The schema, or what it refers to if that has no name here."""
        name = referred(schema)
        return schema if name is None or name in self.identifiers else self.definitions.get(name, schema)

    def reached_from(self, shapes: Iterable[Shape]) -> frozenset[str]:
        """The identifiers of everything that shapes name, and of what that names in turn."""
        found: set[str] = set()
        left = [name for shape in shapes for name in references_in(shape)]
        while left:
            name = left.pop()
            if name in self._names and name not in found:
                found.add(name)
                left += references_in(self._shape(self._names[name]))
        return frozenset(found)

    def models(self, wanted: Container[str]) -> Iterator[Model]:
        """What is no enumeration, sorted."""
        for identifier, name in sorted(self._names.items()):
            schema = self.definitions[name]
            if identifier in wanted and _members(schema) is None:
                yield Model(identifier, self._shape(name), _docs(schema), bool(schema.get("deprecated")))

    def enumerations(self, wanted: Container[str]) -> Iterator[Enumeration]:
        """Enums whose values are scalars, sorted."""
        for identifier, name in sorted(self._names.items()):
            members = _members(self.definitions[name])
            if identifier in wanted and members is not None:
                yield Enumeration(identifier, members, _docs(self.definitions[name]))

    def _shape(self, name: str) -> Shape:
        if name not in self._shapes:
            self._shapes[name] = self.shapes.of(self.definitions[name])
        return self._shapes[name]


_MODE = re.compile(r"-(?:Input|Output)(?=$|__\d+$)")


def _plain_names(names: Sequence[str], definitions: Mapping[str, Schema]) -> dict[str, str]:
    """Each name without its mode, where a model is the same in both.

    pydantic tells the modes of a model apart that refers to itself, and of all that refer to it, because the references
    differ. So all are taken to be the same at first, and told apart as long as one of them differs.
    """
    pairs: dict[str, list[str]] = {}
    for name in names:
        if _MODE.search(name) and _MODE.sub("", name) not in definitions:
            pairs.setdefault(_MODE.sub("", name), []).append(name)
    joined = {name: plain for plain, modes in pairs.items() if len(modes) == 2 for name in modes}
    while True:
        shapes = Shapes(definitions, {name: joined.get(name, name) for name in names})
        found = {name: (shapes.of(definitions[name]), _docs(definitions[name])) for name in joined}
        differing = {plain for plain in joined.values() if len({found[name] for name in pairs[plain]}) > 1}
        if not differing:
            return {name: joined.get(name, name) for name in names}
        joined = {name: plain for name, plain in joined.items() if plain not in differing}


def _members(schema: Schema) -> tuple[tuple[str, str], ...] | None:
    """Names and values of an enum, if they can be constants of TypeScript."""
    said = schema.get(MEMBERS)
    if not said:
        return None
    shapes = [(name, constant(value)) for name, value in said]
    if any(not hasattr(shape, "json") and shape != Plain("null") for _name, shape in shapes):
        return None
    return tuple((name, getattr(shape, "json", "null")) for name, shape in shapes)


def _docs(schema: Schema) -> str:
    docs = schema.get("description")
    return docs if isinstance(docs, str) else ""
