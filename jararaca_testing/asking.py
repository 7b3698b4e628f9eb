"""Questions that no record can answer: about a field that no model of what is asked for has.

`bus.published("order.placed", idd=1).none()` would hold for ever. A model is known if a handler declares it, or if a
message of it was seen; where none is, or where messages may be of models that are not known, any field may be meant.
"""

import dataclasses
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from jararaca.core.steps import Kind
from jararaca.errors import InvalidOption
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.fields import Missing, read
from jararaca_testing.ledger import Ledger
from jararaca_testing.records import Record
from jararaca_testing.routing import binding_matches, is_pattern

OF_A_RECORD = frozenset(Record._fields) - {"payload"}


class Models:
    """The models that are known of topics and handlers, by what one test's `ledger` has and `handlers` declare."""

    def __init__(self, ledger: Ledger, handlers: Sequence[HandlerSpec]) -> None:
        self._ledger = ledger
        self._handlers = tuple(handlers)

    def of_topic(self, topic: str | None) -> list[type]:
        """Those that a topic's handlers declare, and its messages had. None of a pattern: who knows what it covers."""
        if topic is None or is_pattern(topic):
            return []
        declared = [each.model for each in self._handlers if binding_matches(each.topic, topic)]
        published = [each for each in self._ledger.of_kind(Kind.PUBLISH) if each.topic == topic]
        return _distinct([*(kind for each in declared for kind in closed(each) or ()), *_seen(published)])

    def of_handlers(self, names: Collection[str]) -> list[type]:
        """Those that handlers declare, and their messages had; none if one of them takes anything."""
        handlers = [each for each in self._handlers if each.name in names]
        declared = [closed(each.model) for each in handlers]
        if any(kinds is None for kinds in declared):
            return []
        records = [each for each in self._ledger if each.handler in names or _reaches(handlers, each)]
        return _distinct([*(kind for kinds in declared for kind in kinds or ()), *_seen(records)])


def _reaches(handlers: Iterable[HandlerSpec], record: Record) -> bool:
    return record.kind == Kind.PUBLISH and any(binding_matches(each.topic, record.topic or "") for each in handlers)


def _seen(records: Iterable[Record]) -> Iterator[type]:
    yield from (kind for record in records for kind in closed(type(record.payload)) or ())


def _distinct(models: Iterable[type]) -> list[type]:
    return list(dict.fromkeys(models))


def refuse_unknown(question: str, fields: Mapping[str, Any], models: Sequence[type], records: Sequence[Record]) -> None:
    """Refuse fields that neither one of `models` has nor the payload of one of `records`.

    Raises:
        InvalidOption: there is one; the text names the nearest field, or says how to ask for what a record has.
    """
    if not models or any(closed(type(each.payload)) is None for each in records):
        return
    for name, expected in fields.items():
        if not any(_has(model, name.split("__")) for model in models) and not _is_read(records, name):
            raise InvalidOption(f"{question}: {_complaint(name, expected, models)}")


def _is_read(records: Iterable[Record], name: str) -> bool:
    return any(read(each.payload, name) is not Missing for each in records)


def _complaint(name: str, expected: object, models: Sequence[type]) -> str:
    said = f"{name!r} is no field of {' or '.join(model.__name__ for model in models)}"
    if name in OF_A_RECORD:
        return (
            f"{said}, but of the record itself. Ask for it with a predicate: "
            f".where(lambda record: record.{name} == {expected!r})."
        )
    known = {field: None for model in models for field in fields_of_model(model)}
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"{said}.{meant} For a field of yet another model ask with a predicate: "
        f".where(lambda record: record.payload.{name.replace('__', '.')} == {expected!r})."
    )


def closed(model: Any) -> list[type] | None:
    """The classes whose fields are all that a payload of this type can have; None if it can have any."""
    if model is type(None):
        return []
    origin = get_origin(model)
    if origin is Annotated:
        return closed(get_args(model)[0])
    if origin in (Union, types.UnionType):
        kinds = [closed(each) for each in get_args(model)]
        return None if any(each is None for each in kinds) else [one for each in kinds for one in each or ()]
    kind = origin or model
    if not isinstance(kind, type):
        return None
    if issubclass(kind, BaseModel):
        return None if kind.model_config.get("extra") == "allow" else [kind]
    return [kind] if dataclasses.is_dataclass(kind) else None


def fields_of_model(model: type) -> dict[str, Any]:
    """The fields of a class that is closed, with their types as far as they are known."""
    if issubclass(model, BaseModel):
        return {name: each.annotation for name, each in model.model_fields.items()}
    try:
        hints = get_type_hints(model)
    except (NameError, TypeError):
        hints = {}
    return {each.name: hints.get(each.name, Any) for each in dataclasses.fields(model)}  # type: ignore[arg-type] # it is one


def _has(model: type, parts: Sequence[str]) -> bool:
    fields = fields_of_model(model)
    if parts[0] not in fields:
        return hasattr(model, parts[0])
    inner = closed(fields[parts[0]]) if len(parts) > 1 else None
    return not inner or any(_has(each, parts[1:]) for each in inner)
