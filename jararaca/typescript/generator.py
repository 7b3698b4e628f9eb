"""JSON schemas as pydantic makes them for FastAPI, with what a client has to know beside.

pydantic knows no generic form of a model: `Page[Item]` is a class of its own, and its schema does not mention `Page`.
So `Page` is filled in once more, with empty models of ours that mark where its parameters are, and gets schemas like
any other model. Nothing is taken for granted by that: `generics` compares what comes of it with every model in use.
"""

import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Flag
from typing import Any, Literal

from fastapi._compat import v2
from fastapi.openapi.constants import REF_PREFIX, REF_TEMPLATE
from pydantic import BaseModel, TypeAdapter, create_model
from pydantic_core import core_schema, to_jsonable_python

from jararaca.typescript.aliases import has_a_name

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

_REFERENCE = re.compile(r"(?<=[\[,])[^\[\],]*:(\d+)")
"""The name and the identity of an argument, in pydantic's reference to a generic type."""

MEMBERS = "x-jararaca-members"
"""In the schema of an enum: its members as pairs of name and value."""

REASON = "x-jararaca-reason"
"""In the schema of what has none: why."""


class Schemas(v2.GenerateJsonSchema):
    """FastAPI's own generator, which goes on where something has no schema."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 -- as pydantic declares it

    def __init__(self, *, arguments: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._arguments = arguments or {}

    def enum_schema(self, schema: core_schema.EnumSchema) -> Schema:
        named_members: Mapping[str, Any] = schema["cls"].__members__  # with aliases, which have names of their own
        members = [[name, to_jsonable_python(member.value)] for name, member in named_members.items()]
        said = {**super().enum_schema(schema), MEMBERS: members}
        if issubclass(schema["cls"], Flag):  # whose values are combinations of members, too
            del said["enum"]
        return said

    def _named_required_fields_schema(self, named_required_fields: Sequence[tuple[str, bool, Any]]) -> Schema:
        """As pydantic's, unless it has a name for a field that cannot be given by one."""
        by_name = self._config.validate_by_name or self._config.populate_by_name
        if self.mode == "validation" and not by_name:
            for name, _is_required, field in named_required_fields:
                if not has_a_name(field.get("validation_alias")):
                    return {REASON: f"{name!r} is read from inside of other fields with AliasPath"}
        return super()._named_required_fields_schema(named_required_fields)

    def get_defs_ref(self, core_mode_ref: Any) -> Any:
        """As pydantic's, with one name more to choose from where the arguments of generics are named alike.

        pydantic would number such models in the order in which it meets them, and another route could change that.
        """
        found = super().get_defs_ref(core_mode_ref)
        core_ref, mode = core_mode_ref
        qualified = _REFERENCE.sub(lambda match: self._arguments.get(match[1], match[0]), core_ref)
        if qualified != core_ref:
            name = self.normalize_name(re.sub(r":\d+", "", qualified))
            choices = self._prioritized_defsref_choices[found]
            choices[4:4] = [name, f"{name}-{'Input' if mode == 'validation' else 'Output'}"]  # type: ignore[list-item]
        return found

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:  # noqa: ARG002 -- pydantic's signature
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error_info.removeprefix("core_schema.").partition("Schema")[0])
        return {REASON: f"pydantic has no JSON schema for it ({kind.lower()})"}


MARKERS: tuple[type[BaseModel], ...] = tuple(create_model(f"JararacaTypeParameter{number}") for number in range(8))
"""What stands where a generic model has its first parameter, its second one, and so on."""


@dataclass(frozen=True, slots=True)
class Generic:
    """A class with type parameters, and what it is filled in with."""

    origin: Any
    arguments: tuple[Any, ...]

    @classmethod
    def of(cls, model: type[BaseModel]) -> "Generic | None":
        """How a class was made; None if that was without arguments.

        A generic class that stands alone is one whose parameters are what they are bound to.
        """
        said = model.__pydantic_generic_metadata__
        origin, arguments = said["origin"], said["args"]
        if origin is None:
            origin = model
            arguments = tuple(getattr(each, "__bound__", None) or Any for each in said["parameters"])
        is_generic = 0 < len(arguments) == len(_parameters(origin)) <= len(MARKERS)
        return cls(origin, arguments) if is_generic else None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, in the order in which they are declared."""
        return tuple(str(each.__name__) for each in _parameters(self.origin))

    @property
    def form(self) -> Any:
        """The same class with markers for arguments.

        Raises:
            Exception: whatever code of the class does not like about them.
        """
        return self.origin[MARKERS[: len(self.arguments)]]


@dataclass(frozen=True, slots=True)
class Filled:
    """The definition of a generic model with its arguments: `form` is the one that has markers in their place."""

    generic: Generic
    form: str
    arguments: tuple[Schema, ...]

    def docs(self, schema: Schema) -> str:
        """What the schema says of it, or else the class, whose docstring pydantic does not hand on."""
        said = schema.get("description") or inspect.cleandoc(vars(self.generic.origin).get("__doc__") or "")
        return said if isinstance(said, str) else ""


class GenericSchemas(Schemas):
    """Adds, to each generic model that it meets, its arguments and the form that has markers in their place."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._inputs: list[Any] = []
        self._met: dict[tuple[Any, Mode], Generic] = {}

    def generate_definitions(self, inputs: Sequence[Any]) -> Any:
        """As pydantic's, which reads what is added to its inputs while it reads them."""
        self._inputs = [*inputs]
        return super().generate_definitions(self._inputs)

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        model, mode = schema["cls"], self.mode
        generic = Generic.of(model)
        if generic is not None and (model, mode) not in self._met:
            parts = _parts(model, generic, mode)
            if parts:
                self._met[model, mode] = generic
                self._inputs += [((model, part), mode, each) for part, each in enumerate(parts)]
        return super().model_schema(schema)

    def filled(self, mapping: Mapping[Any, Schema]) -> dict[str, Filled]:
        """The generic models by their definitions, once there are all of them.

        Where a model has one definition, because input and output are the same, its form is that of input.
        """
        found = {}
        for (model, mode), generic in sorted(self._met.items(), key=lambda each: each[0][1]):
            own, form, *arguments = (mapping[(model, part), mode] for part in range(2 + len(generic.arguments)))
            name, form_name = referred(own), referred(form)
            if name is not None and form_name is not None:
                found[name] = Filled(generic, form_name, tuple(arguments))
        return found


def referred(schema: Any) -> str | None:
    """The name of the definition that a schema refers to."""
    target = schema.get("$ref") if isinstance(schema, Mapping) else None
    return target.removeprefix(REF_PREFIX) if isinstance(target, str) and target.startswith(REF_PREFIX) else None


def _parameters(origin: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = origin.__pydantic_generic_metadata__["parameters"]
    return found


def _parts(model: Any, generic: Generic, mode: Mode) -> list[core_schema.CoreSchema]:
    """The schemas of a model, of its form and of its arguments; none at all if one of them cannot be made."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about the form: users know of the class already
            parts = [TypeAdapter(each).core_schema for each in (model, generic.form, *generic.arguments)]
            for part in parts[1:]:
                Schemas(ref_template=REF_TEMPLATE).generate(part, mode=mode)
    except Exception:  # noqa: BLE001 -- code of the application, which need not know what to do with markers, nor has to
        return []
    return parts
