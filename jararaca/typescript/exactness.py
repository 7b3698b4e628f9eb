"""Whether what FastAPI sends is what the schema says: response options can take fields away that it has."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from jararaca.typescript.generator import Schema, Schemas, referred
from jararaca.typescript.model import Picked, Reference, Shape, Structure
from jararaca.typescript.shapes import Shapes
from jararaca.typescript.vocabulary import Vocabulary


def why_inexact(route: Any, schema: Schema, shapes: Shapes) -> str | None:
    """Why the schema does not fit what the options of a route make of its result; None if it does."""
    if route.response_field is None:
        return None
    if not route.response_model_by_alias and _has_aliases(route.response_field):
        return "response_model_by_alias=False gives the fields other names than the schema has"
    reached = list(_reached(schema, shapes, set()))
    if route.response_model_exclude_none and any(_must_be_there(each, _may_be_null) for each in reached):
        return "response_model_exclude_none=True leaves out fields that must be there, and may be null"
    if route.response_model_exclude_unset or route.response_model_exclude_defaults:
        option = "exclude_unset" if route.response_model_exclude_unset else "exclude_defaults"
        if any("discriminator" in each or _must_be_there(each, _has_default) for each in reached):
            return f"response_model_{option}=True leaves out fields that must be there, and have a default"
    if (route.response_model_include or route.response_model_exclude) and referred(schema) is None:
        return "response_model_include and _exclude apply to what is inside of the result"
    return None


def picked(route: Any, shape: Reference, vocabulary: Vocabulary) -> Shape | None:
    """The model with the fields that `response_model_include` and `_exclude` leave; None if they reach deeper."""
    model = route.response_field.field_info.annotation
    structure = vocabulary.resolved(shape)
    if not (isinstance(model, type) and issubclass(model, BaseModel) and isinstance(structure, Structure)):
        return None
    include, exclude = _names(route.response_model_include), _names(route.response_model_exclude)
    if include is None or exclude is None:
        return None
    wire = {name: field.serialization_alias or field.alias or name for name, field in model.model_fields.items()}
    wire |= {name: computed.alias or name for name, computed in model.model_computed_fields.items()}
    left = [wire[name] for name in wire if (not include or name in include) and name not in exclude]
    known = {field.name for field in structure.fields}
    return Picked("Pick", shape, tuple(name for name in left if name in known))


def _names(said: Any) -> frozenset[str] | None:
    """Names of fields, if there is nothing but names."""
    if said is None:
        return frozenset()
    if isinstance(said, Mapping):
        said = said.keys() if all(each in (True, ...) for each in said.values()) else None
    return frozenset(said) if said is not None and all(isinstance(each, str) for each in said) else None


def _has_aliases(field: Any) -> bool:
    return bool(_schema(field, by_alias=True) != _schema(field, by_alias=False))


def _schema(field: Any, *, by_alias: bool) -> Any:
    return Schemas(by_alias=by_alias).generate(field._type_adapter.core_schema, mode="serialization")


def _reached(schema: Any, shapes: Shapes, seen: set[str]) -> Iterator[Schema]:
    """Every schema inside of one, definitions included."""
    if isinstance(schema, list):
        for each in schema:
            yield from _reached(each, shapes, seen)
    if not isinstance(schema, Mapping):
        return
    name = referred(schema)
    if name is not None and name not in seen:
        seen.add(name)
        yield from _reached(shapes.resolved(schema), shapes, seen)
    yield dict(schema)
    for each in schema.values():
        yield from _reached(each, shapes, seen)


def _must_be_there(schema: Schema, is_so: Callable[[Any], bool]) -> bool:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return False
    return any(is_so(properties[name]) for name in required if name in properties)


def _may_be_null(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    choices = schema.get("anyOf") or schema.get("oneOf") or ()
    is_null: bool = schema.get("type") == "null" or schema.keys() <= {"title"}
    return is_null or any(map(_may_be_null, choices))


def _has_default(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "default" in schema
