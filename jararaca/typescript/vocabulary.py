"""The named shapes of a client, and how to find what a name stands for."""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from jararaca.typescript.model import Enumeration, Model, Plain, Reference, Shape
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
        wished = {name: pascal(name) for name in definitions if name not in inline}
        for name in sorted(wished, key=lambda each: (wished[each] != each, each)):
            self.identifiers[name] = names.take(wished[name], f"{wished[name]}Model")
        self.shapes = Shapes(definitions, self.identifiers)
        self._names = {identifier: name for name, identifier in self.identifiers.items()}
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

    def inlined(self, schema: Any) -> Any:
        """The schema, or what it refers to if that has no name here."""
        name = referred(schema)
        return schema if name is None or name in self.identifiers else self.definitions.get(name, schema)

    def models(self) -> Iterator[Model]:
        """What is no enumeration, sorted."""
        for name, identifier in self._sorted():
            schema = self.definitions[name]
            if _members(schema) is None:
                yield Model(identifier, self._shape(name), _docs(schema), bool(schema.get("deprecated")))

    def enumerations(self) -> Iterator[Enumeration]:
        """Enums whose values are scalars, sorted."""
        for name, identifier in self._sorted():
            members = _members(self.definitions[name])
            if members is not None:
                yield Enumeration(identifier, members, _docs(self.definitions[name]))

    def _sorted(self) -> list[tuple[str, str]]:
        return sorted(self.identifiers.items(), key=lambda pair: pair[1])

    def _shape(self, name: str) -> Shape:
        if name not in self._shapes:
            self._shapes[name] = self.shapes.of(self.definitions[name])
        return self._shapes[name]


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
