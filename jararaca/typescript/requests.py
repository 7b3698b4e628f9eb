"""What the caller of an operation gives: parameters and a body."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import quote

from fastapi import params
from fastapi.dependencies.models import Dependant
from pydantic.fields import FieldInfo
from starlette.convertors import PathConvertor

from jararaca.errors import InvalidHandler
from jararaca.typescript.aliases import misnamed
from jararaca.typescript.hidden import hidden_parameters
from jararaca.typescript.model import (
    NULL,
    UNKNOWN,
    AllOf,
    AnyOf,
    Body,
    Constant,
    Encoding,
    Inexpressible,
    ListOf,
    Parameter,
    PathPart,
    Place,
    Plain,
    Reference,
    Shape,
    Structure,
    TupleOf,
    parts_of,
)
from jararaca.typescript.names import Names, argument
from jararaca.typescript.schemas import Operation
from jararaca.typescript.shapes import FormShapes, any_of
from jararaca.typescript.vocabulary import Vocabulary

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLACES: tuple[Place, ...] = ("path", "query", "header", "cookie")
_SCALAR = any_of([Plain("string"), Plain("number"), Plain("boolean")])


class Requests:
    """Reads what operations take.

    `where` names a method in errors. Reasons for what could not be typed exactly are added to `remarks`.
    """

    def __init__(self, vocabulary: Vocabulary, where: str, remarks: list[str]) -> None:
        self._vocabulary = vocabulary
        self._where = where
        self._remarks = remarks

    def parameters(self, operation: Operation, *, has_body: bool) -> tuple[Parameter, ...]:
        """Parameters in the order path, query, header, cookie; each under a key of its own.

        Raises:
            InvalidHandler: one has a name or a type that no request can carry.
        """
        found: dict[tuple[Place, str], Parameter] = {}
        declared = (self._parameter(said) for said in self._offered(operation))
        for one in (*declared, *self._credentials(operation), *self._undeclared(operation)):
            found.setdefault((one.place, one.name), one)
        for each in hidden_parameters(operation.route.dependant):
            if each.is_required:
                why = "must be given, but include_in_schema=False keeps it from clients"
                raise self._refusal(f"the parameter {each.name!r}", why)
        ordered = sorted(found.values(), key=lambda each: _PLACES.index(each.place))
        return tuple(_with_keys(ordered, has_body=has_body))

    def _offered(self, operation: Operation) -> Iterator[Mapping[str, Any]]:
        """The parameters by the names under which they can be given."""
        names = dict(misnamed(operation.route.dependant))
        for said in _said(operation):
            name = names.get((said["in"], said["name"]), said["name"])
            subject, why = (
                f"the {said['in']} parameter {said['name']!r}",
                "is read from inside of others with AliasPath",
            )
            if name is not None:
                yield {**said, "name": name}
            elif said.get("required"):
                raise self._refusal(subject, why)
            else:
                self._remarks.append(f"{subject} is left out, because it {why}")

    def path(self, operation: Operation, parameters: Iterable[Parameter]) -> tuple[PathPart, ...]:
        """The pieces of the path; what is fixed is encoded as URLs want it."""
        keys = {each.name: each.key for each in parameters if each.place == "path"}
        convertors: Mapping[str, Any] = operation.route.param_convertors
        parts = []
        for number, piece in enumerate(re.split(r"\{(\w+)\}", operation.route.path_format)):
            if number % 2:
                parts.append(PathPart(key=keys[piece], has_slashes=isinstance(convertors.get(piece), PathConvertor)))
            elif piece:
                parts.append(PathPart(text=quote(piece, safe="/:@!$&'()*+,;=~-._")))
        return tuple(parts)

    def body(self, operation: Operation) -> Body | None:
        """What is sent beside parameters.

        Raises:
            InvalidHandler: no client can send it.
        """
        said: Mapping[str, Any] = operation.spoken.get("requestBody") or {}
        content = said.get("content")
        if not content:
            return None
        if operation.verb in ("GET", "HEAD"):
            raise self._refusal("the body", f"belongs to a {operation.verb} request, which browsers send without one")
        media = next((each for each in content if _is_json(each)), next(iter(content)))
        encoding, shape = self._encoded(_encoding(media), content[media].get("schema", {}), operation)
        docs = said.get("description")
        return Body(
            encoding,
            shape,
            bool(said.get("required")),
            content_type=media,
            docs=docs if isinstance(docs, str) else "",
        )

    def _encoded(self, encoding: Encoding, schema: Any, operation: Operation) -> tuple[Encoding, Shape]:
        """The body as it is sent. A form that has files is sent in parts, also where FastAPI does not say so."""
        if encoding == "raw":
            return encoding, Plain("BodyInit")
        vocabulary = self._vocabulary
        shape = vocabulary.shapes.of(vocabulary.inlined(schema))
        if encoding == "json":
            return encoding, shape
        texts = frozenset(_texts(operation.route.dependant))
        in_parts = FormShapes(vocabulary.definitions, vocabulary.references, texts).of(schema)
        if encoding == "multipart" or _has_files(in_parts):
            encoding, shape = "multipart", in_parts
        self._check_form(shape)
        return encoding, shape

    def _check_form(self, shape: Shape) -> None:
        for part in shape.members if isinstance(shape, AllOf | AnyOf) else (shape,):
            target = self._vocabulary.resolved(part)
            if isinstance(target, Inexpressible):
                raise self._refusal("the form", f"cannot be typed: {target.why}")
            if target is not part and not isinstance(target, Structure):
                continue
            if isinstance(target, AllOf | AnyOf):
                self._check_form(target)
            for field in target.fields if isinstance(target, Structure) else ():
                self._wired(field.shape, f"the form field {field.name!r}")

    def _parameter(self, said: Mapping[str, Any]) -> Parameter:
        place, name, docs = said["in"], said["name"], said.get("description")
        subject = f"the {place} parameter {name!r}"
        if place in ("header", "cookie") and not _TOKEN.fullmatch(name):
            raise self._refusal(subject, "has a name that no request can carry")
        shape = self._wired(self._vocabulary.shapes.of(said.get("schema", {})), subject)
        return Parameter(
            place,
            name,
            "",
            self._of_a_path(shape) if place == "path" else shape,
            place == "path" or bool(said.get("required")),
            docs if isinstance(docs, str) else "",
            bool(said.get("deprecated")),
        )

    def _wired(self, shape: Shape, subject: str, *, in_list: bool = False) -> Shape:
        """The shape as what is written into a URL, a header or a form may have it.

        Raises:
            InvalidHandler: it is an object, or a list of lists.
        """
        target = self._vocabulary.resolved(shape)
        if target == UNKNOWN:
            return Plain("WireScalar")
        if isinstance(target, Inexpressible):
            self._remarks.append(f"{subject} is typed as any scalar: {target.why}")
            return Plain("WireScalar")
        if isinstance(target, ListOf) and not in_list:
            item = self._wired(target.item, subject, in_list=True)
            return shape if item == target.item else ListOf(item)
        if isinstance(target, AnyOf):
            members = [self._wired(each, subject, in_list=in_list) for each in target.members]
            return shape if members == [*target.members] else any_of(members)
        if isinstance(target, TupleOf) and not in_list:
            items = tuple(self._wired(each, subject, in_list=True) for each in target.items)
            rest = None if target.rest is None else self._wired(target.rest, subject, in_list=True)
            wired = TupleOf(items, target.required, rest)
            return shape if wired == target else wired
        if self._vocabulary.is_open(target):  # the server takes combinations of flags from JSON only
            return any_of(self._vocabulary.constants(target))
        if isinstance(target, Plain | Constant | Reference):
            return shape
        raise self._refusal(subject, "has a type that is neither a scalar nor a list of scalars")

    def _of_a_path(self, shape: Shape) -> Shape:
        """Without null, which a path cannot carry."""
        target = self._vocabulary.resolved(shape)
        constants = self._vocabulary.constants(target)
        members = target.members if isinstance(target, AnyOf) else constants or (target,)
        left = [each for each in members if each not in (NULL, Plain("WireScalar"))]
        if len(left) == len(members):
            return shape
        return any_of(left) if left else _SCALAR

    def _credentials(self, operation: Operation) -> Iterator[Parameter]:
        """What security schemes look at: optional, because a backend may add it to every request."""
        for scheme, said in sorted(operation.security.items()):
            docs = f"Looked at by the security scheme {scheme}; leave it out if the backend adds it to every request."
            if said.get("type") == "apiKey":
                yield Parameter(said["in"], said["name"], "", Plain("string"), False, docs)
            else:
                yield Parameter("header", "Authorization", "", Plain("string"), False, docs)

    def _undeclared(self, operation: Operation) -> Iterator[Parameter]:
        """Parameters of the path that the method does not take, but perhaps reads from the request."""
        for name in operation.route.param_convertors:
            yield Parameter("path", name, "", _SCALAR, True)

    def _refusal(self, subject: str, why: str) -> InvalidHandler:
        return InvalidHandler(
            f"{self._where}: {subject} {why}, so that no client can be generated for it. Change it, or leave the route "
            'out of clients with {"include_in_schema": False}.'
        )


def _said(operation: Operation) -> Iterator[Mapping[str, Any]]:
    """The parameters, without what openapi_extra may have put there that is none."""
    for said in operation.spoken.get("parameters", ()):
        is_one = isinstance(said, Mapping) and said.get("in") in _PLACES and isinstance(said.get("name"), str)
        if is_one and (said["in"] != "path" or said["name"] in operation.route.param_convertors):
            yield said


_INHERITED = (
    *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
    *("toLocaleString", "toString", "valueOf", "__proto__"),
)
"""What every object has in JavaScript, also under a key that nobody gave."""


def _with_keys(parameters: Iterable[Parameter], *, has_body: bool) -> Iterator[Parameter]:
    arguments, options = Names.of_a_method(), Names([*_INHERITED, *(["body"] if has_body else [])])
    for each in parameters:
        if each.place == "path":
            yield replace(each, key=arguments.take(argument(each.name)))
        else:
            yield replace(each, key=options.take(each.name, f"{each.name}_{each.place}"))


def _is_json(media: str) -> bool:
    kind = media.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _encoding(media: str) -> Encoding:
    if _is_json(media):
        return "json"
    kinds: dict[str, Encoding] = {"application/x-www-form-urlencoded": "form", "multipart/form-data": "multipart"}
    return kinds.get(media, "raw")


def _has_bytes(annotation: object) -> bool:
    return annotation is bytes or any(map(_has_bytes, get_args(annotation)))


def _texts(dependant: Dependant) -> Iterator[str]:
    """The form fields that are no files, also where they are bytes."""
    for field in dependant.body_params:
        if isinstance(field.field_info, params.Form) and not isinstance(field.field_info, params.File):
            annotation = field.field_info.annotation
            if _has_bytes(annotation):
                yield field.validation_alias or field.alias
            for model in (annotation, *get_args(annotation)):
                yield from _texts_of(model)
    for each in dependant.dependencies:
        yield from _texts(each)


def _texts_of(model: Any) -> Iterator[str]:
    fields: Mapping[str, FieldInfo] = getattr(model, "model_fields", {})
    for name, field in fields.items():
        if _has_bytes(field.annotation):
            yield field.alias or name


def _has_files(shape: Shape) -> bool:
    return shape == Plain("Blob") or any(map(_has_files, parts_of(shape)))
