"""What an operation answers: its result, how that is read, and its typed errors."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse

from jararaca.typescript.exactness import picked, why_inexact
from jararaca.typescript.model import (
    NULL,
    UNKNOWN,
    Field,
    Plain,
    Reference,
    ResponseKind,
    Series,
    Shape,
)
from jararaca.typescript.schemas import Operation
from jararaca.typescript.shapes import any_of
from jararaca.typescript.vocabulary import Vocabulary

_BYTES = Plain("Blob")
_STREAM = Plain("ReadableStream<Uint8Array>")
_STRING = Plain("string")

Answer = tuple[ResponseKind, Shape]


class Responses:
    """Reads what operations answer. Reasons for what could not be typed exactly are added to `remarks`."""

    def __init__(self, vocabulary: Vocabulary, remarks: list[str]) -> None:
        self._vocabulary = vocabulary
        self._remarks = remarks

    def result(self, operation: Operation) -> Answer:
        """How a success is read, and its shape; with several of them, what fits all."""
        successes = dict(_successes(operation))
        answers = [self._answer(operation, status, said) for status, said in successes.items()]
        if not answers:
            return "blob", _BYTES
        kinds = {kind for kind, _shape in answers}
        shapes = [shape for _kind, shape in answers]
        if kinds == {"json", "empty"}:  # a body that is empty is read as undefined
            return "json", any_of(Plain("undefined") if shape == Plain("void") else shape for shape in shapes)
        if len(kinds) > 1:
            return "blob", _BYTES
        return kinds.pop(), any_of(shapes)

    def errors(self, operation: Operation) -> tuple[Field, ...]:
        """What is answered instead of a success, by status."""
        successes = dict(_successes(operation))
        said = sorted((str(status), each) for status, each in operation.spoken["responses"].items())
        return tuple(
            Field(status, self._error(each), docs=str(each.get("description", "")))
            for status, each in said
            if status not in successes
        )

    def _error(self, said: Mapping[str, Any]) -> Shape:
        contents: Mapping[str, Mapping[str, Any]] = said.get("content") or {"": {}}
        return any_of(self._vocabulary.shapes.of(each.get("schema", {})) for each in contents.values())

    def _answer(self, operation: Operation, status: str, said: Mapping[str, Any]) -> Answer:
        route, is_primary = operation.route, status == _primary(operation)
        if operation.verb == "HEAD":
            return "empty", Plain("void")
        contents: Mapping[str, Any] = said.get("content") or {}
        if not contents:
            return self._bodiless(route, status, is_primary=is_primary)
        if len(contents) > 1:
            return "blob", _BYTES
        [(media, content)] = contents.items()
        if "itemSchema" in content:
            return self._series(media, content["itemSchema"])
        if media.startswith("text/event-stream") or (is_primary and issubclass(_class(route), StreamingResponse)):
            return "stream", _STREAM
        if not media.startswith("application/json") and not media.endswith("+json"):
            return ("text", _STRING) if media.startswith("text/") else ("blob", _BYTES)
        if is_primary and route.response_field is None and not _says(content.get("schema")):
            return self._undeclared(route)
        return "json", self._declared(route, content.get("schema", {}), is_primary=is_primary)

    def _bodiless(self, route: Any, status: str, *, is_primary: bool) -> Answer:
        if not is_primary or status in ("204", "205", "304") or status.startswith("1"):
            return "empty", Plain("void")
        return _bytes_of(_class(route))

    def _declared(self, route: Any, schema: Any, *, is_primary: bool) -> Shape:
        shape = self._vocabulary.shapes.of(schema)
        if not is_primary:
            return shape
        why = why_inexact(route, schema, self._vocabulary.shapes)
        if why is not None:
            return self._unknown(why)
        if isinstance(shape, Reference) and (route.response_model_include or route.response_model_exclude):
            return picked(route, shape, self._vocabulary) or self._unknown(
                "response_model_include or _exclude is nested"
            )
        return shape

    def _series(self, media: str, schema: Mapping[str, Any]) -> Answer:
        in_events = media == "text/event-stream"
        data = schema.get("properties", {}).get("data", {}).get("contentSchema", {}) if in_events else schema
        item = self._vocabulary.shapes.of(data)
        if not _says(data):
            item = self._unknown("what the generator yields is not declared, or is an event whose data is not")
        return ("events" if in_events else "lines"), Series(item, in_events)

    def _undeclared(self, route: Any) -> Answer:
        """The result of a method that has no response model."""
        returned = inspect.signature(route.endpoint).return_annotation
        if returned in (None, "None"):
            return "json", NULL
        if inspect.isclass(returned) and issubclass(returned, Response):
            if issubclass(returned, JSONResponse):
                return "json", self._unknown("the method makes the JSON itself, and declares no response_model")
            return _bytes_of(returned)
        if returned is inspect.Signature.empty:
            return "json", self._unknown("the method has no return annotation, and declares no response_model")
        return "json", self._unknown("it has response_model=None, or its return annotation is no model")

    def _unknown(self, why: str) -> Shape:
        self._remarks.append(f"the result is typed unknown: {why}")
        return UNKNOWN


def _successes(operation: Operation) -> Iterator[tuple[str, Mapping[str, Any]]]:
    primary = _primary(operation)
    for status, said in operation.spoken["responses"].items():
        if str(status).startswith("2") or status == primary:
            yield str(status), said


def _primary(operation: Operation) -> str:
    """The status of a method that returns."""
    status = operation.route.status_code
    if status is None:
        parameter = inspect.signature(_class(operation.route).__init__).parameters.get("status_code")
        status = 200 if parameter is None else parameter.default
    return str(int(status))


def _class(route: Any) -> type[Response]:
    said = route.response_class
    found: type[Response] = said.value if isinstance(said, DefaultPlaceholder) else said
    return found


def _bytes_of(response: type[Response]) -> Answer:
    if issubclass(response, StreamingResponse):
        return "stream", _STREAM
    if issubclass(response, HTMLResponse | PlainTextResponse):
        return "text", _STRING
    return "blob", _BYTES


def _says(schema: object) -> bool:
    """Whether a schema says anything: FastAPI gives a title to one that does not."""
    return isinstance(schema, Mapping) and not schema.keys() <= {"title"}
