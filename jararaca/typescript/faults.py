"""Which part of a route it is whose JSON schema cannot be made, and which model inside of it is to blame."""

from collections.abc import Iterator
from typing import Any, get_args

from fastapi._compat import ModelField, v2
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from jararaca.errors import InvalidHandler
from jararaca.typescript.generator import Schemas


def check_schemas(route: Any, where: str) -> None:
    """Make the schema of every part of a route.

    Raises:
        InvalidHandler: one cannot be made; the text says `where`, and names the part and the model.
    """
    for part, field in _parts(route):
        try:
            Schemas().generate(field._type_adapter.core_schema, mode=field.mode)
            v2.get_flat_models_from_fields([field], known_models=set())
        except Exception as error:
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            model = _unreadable(field.field_info.annotation, set())
            inside = "" if model is None else f" in the model {model.__module__}.{model.__qualname__}"
            is_self = getattr(error, "code", None) == "invalid-self-type"
            advice = (
                "Write the name of the model, in quotes, in the place of Self" if is_self else "Correct what makes it"
            )
            raise InvalidHandler(
                f"{where}: the JSON schema of {part} cannot be made, because of {said}{inside}. "
                f'{advice}, or leave the route out of clients with {{"include_in_schema": False}}.'
            ) from error


def _parts(route: Any) -> Iterator[tuple[str, ModelField]]:
    """What a route takes and gives, with what it is called in sentences."""
    yield from _taken(route.dependant)
    if route.response_field is not None:
        yield "its result", route.response_field
    for status, field in sorted(route.response_fields.items(), key=lambda each: str(each[0])):
        yield f"its answer {status}", field


def _taken(dependant: Dependant) -> Iterator[tuple[str, ModelField]]:
    own = (dependant.path_params, dependant.query_params, dependant.header_params, dependant.cookie_params)
    for fields in (*own, dependant.body_params):
        yield from ((repr(field.name), field) for field in fields)
    for each in dependant.dependencies:
        yield from _taken(each)


def _unreadable(annotation: Any, seen: set[type]) -> type[BaseModel] | None:
    """The model whose fields FastAPI cannot read apart from it, as it does."""
    inside = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        try:
            v2.get_model_fields(annotation)
        except Exception:  # noqa: BLE001 -- whatever it is, this is the model
            return annotation
        inside = tuple(field.annotation for field in annotation.model_fields.values())
    return next((found for each in inside if (found := _unreadable(each, seen)) is not None), None)
