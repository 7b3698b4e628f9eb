"""Where pydantic's schemas and FastAPI's parameters have a name for a field under which it cannot be given.

With `AliasPath` a field is read from inside of another value. Both call it by its own name then, which requests are
only heard by if the model is validated by name.
"""

from collections.abc import Iterator
from typing import Any, get_args

from fastapi.dependencies.models import Dependant
from pydantic import AliasChoices, AliasPath, BaseModel

from jararaca.typescript.model import Place


def has_a_name(alias: Any) -> bool:
    """Whether a field can be given by a name, if pydantic's core has this for its alias."""
    return not isinstance(alias, list) or _plain_name(alias) is not None


def is_by_name(config: Any) -> bool:
    """Whether fields of a model with this configuration can be given by their own names too."""
    return bool(config.get("validate_by_name") or config.get("populate_by_name"))


def misnamed(dependant: Dependant) -> Iterator[tuple[tuple[Place, str], str | None]]:
    """Places and names of parameters that have to be given by another name, with that one; None if there is none."""
    places: tuple[tuple[Place, Any], ...] = (
        ("query", dependant.query_params),
        ("header", dependant.header_params),
        ("cookie", dependant.cookie_params),
    )
    for place, fields in places:
        for field in fields:
            for model in (field.field_info.annotation, *get_args(field.field_info.annotation)):
                if isinstance(model, type) and issubclass(model, BaseModel) and not is_by_name(model.model_config):
                    dashed = place == "header" and getattr(field.field_info, "convert_underscores", True)
                    yield from (((place, said), name) for said, name in _misnamed_fields(model, dashed=dashed))
    for each in dependant.dependencies:
        yield from misnamed(each)


def _misnamed_fields(model: type[BaseModel], *, dashed: bool) -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasPath | AliasChoices) and _has_path(alias):
            is_dashed = getattr(field, "convert_underscores", dashed)
            said = field.alias or (name.replace("_", "-") if is_dashed else name)
            yield said, _plain_name(alias.convert_to_aliases())


def _has_path(alias: AliasPath | AliasChoices) -> bool:
    return isinstance(alias, AliasPath) or any(isinstance(each, AliasPath) for each in alias.choices)


def _plain_name(choices: Any) -> str | None:
    """The first of the choices that leads into nothing, which is the one in pydantic's schema."""
    return next((str(each[0]) for each in choices if isinstance(each, list) and len(each) == 1), None)
