"""From JSON Schema to shapes.

A schema may come from pydantic, or from a user who wrote one by hand: whatever is not understood becomes `unknown` with
a reason, and nothing raises.
"""

import json
import math
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from jararaca.typescript.generator import REASON, Schema, referred
from jararaca.typescript.model import (
    NEVER,
    NULL,
    UNKNOWN,
    AllOf,
    AnyOf,
    Constant,
    Dictionary,
    Field,
    Inexpressible,
    ListOf,
    Plain,
    Shape,
    Structure,
    TupleOf,
)

_SCALARS = {
    "string": Plain("string"),
    "integer": Plain("number"),
    "number": Plain("number"),
    "boolean": Plain("boolean"),
    "null": NULL,
}
_OF_OBJECTS = frozenset({"properties", "required", "additionalProperties", "propertyNames", "patternProperties"})
_OF_LISTS = frozenset({"items", "prefixItems"})
_COMBINED = frozenset({"allOf", "anyOf", "oneOf", "$ref"})
_CONDITIONS = frozenset({"not", "required", "maxProperties", "minProperties"})
_EXACT = 2**53


class Shapes:
    """Reads schemas whose references lead to `definitions`, by what these are referred to in the client."""

    def __init__(self, definitions: Mapping[str, Schema], references: Mapping[str, Shape]) -> None:
        self._definitions = definitions
        self._references = references

    def of(self, schema: Any) -> Shape:
        """The shape of what a schema describes."""
        if schema is True or schema == {}:
            return UNKNOWN
        if not isinstance(schema, Mapping):
            return NEVER if schema is False else Inexpressible("its schema is not one")
        if REASON in schema:
            return Inexpressible(str(schema[REASON]))
        parts = [*self._alternatives(schema), *self._joined(schema)]
        own = self._own(schema)
        if own is not None:
            parts.append(own)
        return all_of(parts)

    def fields_of(self, schema: Any) -> tuple[Field, ...]:
        """The properties of an object's schema."""
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if not isinstance(properties, Mapping):
            return ()
        required = _required(schema)
        return tuple(self._field(str(name), each, name in required) for name, each in properties.items())

    def resolved(self, schema: Any) -> Any:
        """The schema that a chain of references leads to."""
        seen: set[str] = set()
        while (name := referred(schema)) is not None and name in self._definitions and name not in seen:
            seen.add(name)
            schema = self._definitions[name]
        return schema

    def _field(self, name: str, schema: Any, is_required: bool) -> Field:
        docs = is_deprecated = None
        if isinstance(schema, Mapping):
            docs, is_deprecated = schema.get("description"), schema.get("deprecated")
        return Field(name, self.of(schema), not is_required, docs if isinstance(docs, str) else "", bool(is_deprecated))

    def _alternatives(self, schema: Mapping[str, Any]) -> Iterable[Shape]:
        for key in ("anyOf", "oneOf"):
            choices = schema.get(key)
            if isinstance(choices, list):
                tag = _discriminator(schema)
                chosen = [each for each in choices if not _is_condition(each)]
                shapes = [self.of(each) if tag is None else self._tagged(each, tag) for each in chosen]
                yield any_of(shapes if len(chosen) == len(choices) else [self._none_of(chosen), *shapes])

    def _none_of(self, schemas: Iterable[Any]) -> Shape:
        """What has no field of any of these: so forms say that a group of fields may be left out."""
        names = dict.fromkeys(name for each in schemas for name in self._names_in(each))
        return Structure(tuple(Field(name, Plain("undefined"), is_optional=True) for name in names))

    def _names_in(self, schema: Any, *, deep: int = 4) -> Iterator[str]:
        target = self.resolved(schema)
        if isinstance(target, Mapping) and deep:
            properties = target.get("properties")
            yield from properties if isinstance(properties, Mapping) else ()
            for key in ("anyOf", "oneOf", "allOf"):
                choices = target.get(key)
                for each in choices if isinstance(choices, list) else ():
                    yield from self._names_in(each, deep=deep - 1)

    def _tagged(self, schema: Any, tag: str) -> Shape:
        """A member of a discriminated union: its tag is always there, also where the model has a default for it."""
        target = self.resolved(schema)
        for key in ("oneOf", "anyOf"):  # a union inside a union, told apart by the same tag
            if isinstance(target, Mapping) and isinstance(target.get(key), list):
                return self.of(schema)
        properties = target.get("properties") if isinstance(target, Mapping) else None
        if not isinstance(properties, Mapping) or tag not in properties or tag in _required(target):
            return self.of(schema)
        return all_of([self.of(schema), Structure((Field(tag, self.of(properties[tag])),))])

    def _joined(self, schema: Mapping[str, Any]) -> Iterable[Shape]:
        name = referred(schema)
        if name is not None:
            nowhere = Inexpressible(f"its schema refers to {name!r}, which is nowhere")
            yield self._references.get(name, nowhere)
        elif "$ref" in schema:
            yield Inexpressible("its schema refers to something that is no definition")
        joined = schema.get("allOf")
        if isinstance(joined, list):
            yield from (self.of(each) for each in joined if not _is_condition(each))

    def _own(self, schema: Mapping[str, Any]) -> Shape | None:
        """What the keywords beside references and combinations say; None if they say nothing."""
        if "const" in schema:
            return constant(schema["const"])
        if isinstance(schema.get("enum"), list):
            return any_of(constant(value) for value in schema["enum"])
        kind = schema.get("type")
        if isinstance(kind, list):
            return any_of(self._typed(each, schema) for each in kind)
        if kind == "object" and _OF_OBJECTS.isdisjoint(schema) and not _COMBINED.isdisjoint(schema):
            return None
        if kind is None:
            kind = "object" if "properties" in schema else "array" if not _OF_LISTS.isdisjoint(schema) else None
        return None if kind is None else self._typed(kind, schema)

    def _typed(self, kind: object, schema: Mapping[str, Any]) -> Shape:
        if kind == "array":
            return self._list(schema)
        if kind == "object":
            return self._object(schema)
        return _SCALARS.get(str(kind), Inexpressible("its schema has a type that JSON has not"))

    def _list(self, schema: Mapping[str, Any]) -> Shape:
        prefix, items, longest = schema.get("prefixItems"), schema.get("items", True), schema.get("maxItems")
        if isinstance(prefix, list):
            shapes = tuple(self.of(each) for each in prefix)
            is_closed = items is False or (isinstance(longest, int) and longest <= len(shapes))
            least = schema.get("minItems", 0)
            required = min(least, len(shapes)) if isinstance(least, int) else 0
            return TupleOf(shapes, required, None if is_closed else self.of(items))
        return TupleOf((), 0) if longest == 0 else ListOf(self.of(items))

    def _object(self, schema: Mapping[str, Any]) -> Shape:
        fields, more = self.fields_of(schema), schema.get("additionalProperties", None)
        patterns = schema.get("patternProperties")
        if fields or (more in (None, False) and "properties" in schema):
            return Structure(fields, UNKNOWN if patterns else self._beside(fields, more))
        if isinstance(patterns, Mapping) and patterns:
            return Dictionary(any_of(self.of(each) for each in patterns.values()))
        if more is False:
            return Structure(())
        return Dictionary(UNKNOWN if more is None else self.of(more), self._keys(schema.get("propertyNames")))

    def _beside(self, fields: Iterable[Field], more: Any) -> Shape | None:
        """What may stand beside the fields. TypeScript wants theirs to be of the same type."""
        if more in (None, False):
            return None
        others = self.of(more)
        if others == UNKNOWN:
            return others
        if any_of([others, *(field.shape for field in fields)]) != others:
            return Inexpressible(
                "other fields may stand beside the known ones, but TypeScript has them of one type only"
            )
        return any_of([others, Plain("undefined")]) if any(field.is_optional for field in fields) else others

    def _keys(self, schema: Any) -> Shape | None:
        """The constants that may be keys; None where any string may."""
        target = self.resolved(schema)
        if not isinstance(target, Mapping) or not ("enum" in target or "const" in target):
            return None
        keys = self.of(schema)
        values = target["enum"] if isinstance(target.get("enum"), list) else [target.get("const")]
        return keys if all(isinstance(value, str | int) and not isinstance(value, bool) for value in values) else None


class FormShapes(Shapes):
    """Reads the schema of a multipart form, in which bytes are files, except where `texts` names a field.

    Models are written out, because elsewhere their bytes are strings.
    """

    def __init__(
        self, definitions: Mapping[str, Schema], references: Mapping[str, Shape], texts: Container[str]
    ) -> None:
        super().__init__(definitions, references)
        self._texts = texts
        self._elsewhere = Shapes(definitions, references)

    def of(self, schema: Any) -> Shape:
        target = self.resolved(schema)
        return super().of(target if isinstance(target, Mapping) and "properties" in target else schema)

    def _field(self, name: str, schema: Any, is_required: bool) -> Field:
        if name in self._texts:
            return self._elsewhere._field(name, schema, is_required)
        return super()._field(name, schema, is_required)

    def _typed(self, kind: object, schema: Mapping[str, Any]) -> Shape:
        is_file = kind == "string" and schema.get("contentMediaType") == "application/octet-stream"
        return Plain("Blob") if is_file else super()._typed(kind, schema)


def constant(value: Any) -> Shape:
    """Exactly this JSON value."""
    if value is None:
        return NULL
    if isinstance(value, str | bool):
        return Constant(json.dumps(value))
    if isinstance(value, int | float):
        return Constant(json.dumps(value)) if math.isfinite(value) and abs(value) < _EXACT else Plain("number")
    if isinstance(value, list):
        return TupleOf(tuple(constant(each) for each in value), len(value))
    if isinstance(value, Mapping):
        return Structure(tuple(Field(str(name), constant(each)) for name, each in value.items()))
    return Inexpressible("a constant in its schema is no JSON")


def any_of(shapes: Iterable[Shape]) -> Shape:
    """The union, flat and without repetition."""
    members: dict[Shape, None] = {}
    for shape in shapes:
        members |= dict.fromkeys(shape.members if isinstance(shape, AnyOf) else (shape,))
    members.pop(NEVER, None)
    if UNKNOWN in members:
        return UNKNOWN
    for shape in members:
        if isinstance(shape, Inexpressible):
            return shape
    return AnyOf(tuple(members)) if len(members) > 1 else next(iter(members), NEVER)


def all_of(shapes: Iterable[Shape]) -> Shape:
    """The intersection, flat and without repetition."""
    members: dict[Shape, None] = {}
    for shape in shapes:
        members |= dict.fromkeys(shape.members if isinstance(shape, AllOf) else (shape,))
    members.pop(UNKNOWN, None)
    for shape in members:
        if isinstance(shape, Inexpressible):
            return shape
    return AllOf(tuple(members)) if len(members) > 1 else next(iter(members), UNKNOWN)


def _required(schema: Mapping[str, Any]) -> list[Any]:
    said = schema.get("required")
    return said if isinstance(said, list) else []


def _discriminator(schema: Mapping[str, Any]) -> str | None:
    said = schema.get("discriminator")
    tag = said.get("propertyName") if isinstance(said, Mapping) else None
    return tag if isinstance(tag, str) else None


def _is_condition(schema: Any) -> bool:
    """Whether a part of a form's schema only says which of its fields must come together."""
    if not isinstance(schema, Mapping):
        return False
    if isinstance(schema.get("anyOf"), list) and schema.keys() == {"anyOf"}:
        return all(_is_condition(each) for each in schema["anyOf"])
    return bool(schema) and schema.keys() <= _CONDITIONS
