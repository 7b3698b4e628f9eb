"""What is checked before a message may open a unit of work: size, hops, type, payload. Pure."""

import types
import typing
from dataclasses import dataclass, is_dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from jararaca.messagebus.codec import TYPE_PREFIX, complete_adapter, type_urn
from jararaca.messagebus.copies import Failure, one_line
from jararaca.messagebus.headers import Marks
from jararaca.messagebus.redaction import names_in, paths
from jararaca.messagebus.settlement import Reason
from jararaca.ports.broker import Envelope


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no handler will ever see this message."""

    reason: Reason
    failure: Failure


class Intake:
    """The checks of one handler.

    A message of a foreign producer needs no `type`. One of ours must name the handler's model, one of its subclasses,
    or a member of its union; a handler of anything else than models takes every type.
    """

    def __init__(self, model: Any, *, max_bytes: int, max_hops: int | None) -> None:
        self._model = model
        self._names: frozenset[str] | None = None  # what a path may name, once something was refused
        self._validate = complete_adapter(model).validator.validate_json
        self._models = _models_of(model)
        self._accepted: dict[str, bool] = {}
        self._max_bytes = max_bytes
        self._max_hops = max_hops

    def open(self, envelope: Envelope, marks: Marks) -> Any | Refusal:
        """The validated payload, or why there is none."""
        if len(envelope.body) > self._max_bytes:
            return _refusal("too-large", f"{len(envelope.body)} bytes; max_message_bytes is {self._max_bytes}")
        if self._max_hops is not None and marks.hops > self._max_hops:
            return _refusal(
                "hop-limit", f"published {marks.hops} times since its first cause; max_hops is {self._max_hops}"
            )
        if envelope.type is not None and not self._accepts(envelope.type):
            return _refusal("unknown-type", f"the message is a {envelope.type[:200]}, which its handler does not take")
        try:
            return self._validate(envelope.body)
        except ValidationError as error:
            return Refusal("invalid-payload", Failure("ValidationError", one_line(self._places(error))))
        except Exception as error:  # noqa: BLE001 -- a validator of the user's; whatever it raises, the payload is bad
            return Refusal("invalid-payload", Failure(type(error).__qualname__, "a validator failed"))

    def _places(self, error: ValidationError) -> str:
        if self._names is None:
            self._names = names_in(self._model)
        return paths(error, self._names, positions=True)

    def _accepts(self, urn: str) -> bool:
        if self._models is None or not urn.startswith(TYPE_PREFIX):
            return True
        accepted = self._accepted.get(urn)
        if accepted is None:
            accepted = any(urn == type_urn(model) for root in self._models for model in _with_subclasses(root))
            if len(self._accepted) < 1000:  # types come from outside: remembering them must end somewhere
                self._accepted[urn] = accepted
        return accepted


def _refusal(reason: Reason, text: str) -> Refusal:
    return Refusal(reason, Failure("", one_line(text)))


def _models_of(model: Any) -> tuple[type, ...] | None:
    """The models and dataclasses that an annotation is made of; None if it takes something else too."""
    origin = typing.get_origin(model)
    if origin is typing.Annotated:
        return _models_of(typing.get_args(model)[0])
    if origin in (typing.Union, types.UnionType):
        members = [_models_of(member) for member in typing.get_args(model)]
        return None if None in members else tuple(each for member in members for each in member or ())
    return (model,) if isinstance(model, type) and (issubclass(model, BaseModel) or is_dataclass(model)) else None


def _with_subclasses(model: type) -> list[type]:
    found = [model]
    for each in found:  # grows under the loop
        found.extend(each.__subclasses__())
    return found
