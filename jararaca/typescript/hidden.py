"""Parameters with `include_in_schema=False`, which clients do not offer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant

from jararaca.typescript.model import Place


@dataclass(frozen=True, slots=True)
class HiddenParameter:
    """What a request may carry and a client does not say. `name` is its alias."""

    place: Place
    name: str
    is_required: bool


def hidden_parameters(dependant: Dependant) -> Iterator[HiddenParameter]:
    """The hidden parameters of a method, and those of all that it depends on."""
    places: tuple[tuple[Place, Any], ...] = (
        ("query", dependant.query_params),
        ("header", dependant.header_params),
        ("cookie", dependant.cookie_params),
    )
    for place, fields in places:
        for field in fields:
            if not getattr(field.field_info, "include_in_schema", True):
                yield HiddenParameter(place, field.alias, field.field_info.is_required())
    for each in dependant.dependencies:
        yield from hidden_parameters(each)
