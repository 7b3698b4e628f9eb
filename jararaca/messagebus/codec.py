"""Models as they travel: JSON, with a name for what they are."""

from dataclasses import is_dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, PydanticUserError, TypeAdapter
from pydantic_core import SchemaSerializer

from jararaca.core.keeping import Kept
from jararaca.errors import UnencodableMessage

CONTENT_TYPE = "application/json"
TYPE_PREFIX = "urn:jararaca:"
_LONGEST_TYPE = 255  # bytes that AMQP carries


@lru_cache(maxsize=1024)
def type_urn(model: type) -> str:
    """What a message of this model calls itself: `urn:jararaca:` and the name of the class.

    The module is left out, so that moving a class, or a copy of it in another application, keeps the name. So are
    the parameters of a generic model: `Envelope(data=order)` and `Envelope[Order](data=order)` are the same message.
    """
    generic = getattr(model, "__pydantic_generic_metadata__", {}).get("origin") or model
    urn = TYPE_PREFIX + quote(generic.__name__)
    if len(urn) > _LONGEST_TYPE:
        return f"{urn[: _LONGEST_TYPE - 17]}-{sha256(urn.encode()).hexdigest()[:16]}"
    return urn


def encode(message: Any) -> bytes:
    """The JSON of a pydantic model or a dataclass, such that the same type can be validated from it again.

    Names are the aliases, as in HTTP; computed fields are left out, because a model does not take them back.

    Raises:
        UnencodableMessage: it is something else, or holds what JSON cannot carry.
    """
    kind: type = type(message)
    if not isinstance(message, BaseModel) and not (is_dataclass(message) and not isinstance(message, type)):
        raise UnencodableMessage(
            f"cannot publish {_described(message)}: a message is an instance of a pydantic model or of a dataclass, so "
            "that its handler knows what to expect. Declare one: class OrderPlaced(BaseModel): ..."
        )
    try:
        return _serializer(kind).to_json(message, by_alias=True, round_trip=True)
    except (ValueError, TypeError, NameError, RecursionError, PydanticUserError) as error:
        raise UnencodableMessage(
            f"cannot publish a {kind.__name__}: it holds what JSON cannot carry ({type(error).__name__}: {error}). "
            "Change the field's type, or give it a serializer."
        ) from error


def complete_adapter(model: Any) -> TypeAdapter[Any]:
    """What validates payloads of a type.

    Raises:
        PydanticUserError, NameError: pydantic cannot validate it, or its annotations name what does not exist.
    """
    return _adapters.get(id(model), (model,), lambda: _complete_adapter(model))  # types that are equal may differ


_adapters: Kept[TypeAdapter[Any]] = Kept()


def _complete_adapter(model: Any) -> TypeAdapter[Any]:
    adapter = TypeAdapter[Any](model)
    adapter.rebuild(raise_errors=True)  # otherwise an unknown name is an error of the first payload
    return adapter


@lru_cache(maxsize=1024)
def _serializer(kind: type) -> SchemaSerializer:
    return TypeAdapter(kind).serializer


def _described(message: object) -> str:
    if isinstance(message, type):
        return f"the class {message.__name__} itself"
    return f"a {type(message).__name__}"
