"""Websocket endpoints: where they are, what they take, and which messages go which way."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jararaca.presentation.execution_route import CONTROLLER
from jararaca.typescript.model import (
    AllOf,
    AnyOf,
    Constant,
    Field,
    Parameter,
    Plain,
    Shape,
    Socket,
    Structure,
    reasons_in,
)
from jararaca.typescript.names import Names, pascal
from jararaca.typescript.requests import Requests
from jararaca.typescript.schemas import Operation, SocketRoute
from jararaca.typescript.shapes import all_of, any_of
from jararaca.typescript.vocabulary import Vocabulary

MESSAGE = "message"
"""The name of messages that nothing tells apart."""

_FRAME = any_of([Plain("string"), Plain("ArrayBuffer"), Plain("Blob")])
_USUAL_TAGS = ("type", "kind", "event", "topic", "name")


class Sockets:
    """Takes the names of the websocket endpoints first, and reads the endpoints once models have theirs."""

    def __init__(self, routes: Iterable[SocketRoute], names: Names) -> None:
        wishes = [(_name_of(each), each) for each in routes]
        self._routes = [
            (name := names.take(wish, f"{wish}Socket"), names.take(f"{name}Messages"), each)
            for wish, each in sorted(wishes, key=lambda pair: (pair[0], pair[1].route.path))
        ]

    def collected(self, vocabulary: Vocabulary) -> Iterator[Socket]:
        """Every endpoint, sorted by name."""
        for name, messages_name, each in self._routes:
            remarks: list[str] = []
            operation = Operation(each.route, "GET", each.spoken, {})
            requests = Requests(vocabulary, _name_of(each), remarks)
            given = requests.parameters(operation, has_body=False)
            tag, messages = _messages(each, vocabulary, remarks)
            client = _FRAME if each.receives is None else vocabulary.shapes.of(each.receives)
            for shape in (client, *(field.shape for field in messages)):
                remarks += (f"a part is typed unknown: {why}" for why in reasons_in(shape))
            yield Socket(
                name=name,
                path=requests.path(operation, given),
                parameters=tuple(_carried(given, remarks)),
                messages_name=messages_name,
                messages=messages,
                client=client,
                reads="text" if each.sends is None else "json",
                tag=tag,
                docs=str(each.spoken.get("description") or ""),
                remarks=tuple(dict.fromkeys(remarks)),
            )


def _name_of(socket: SocketRoute) -> str:
    endpoint = socket.route.endpoint
    owner = getattr(endpoint, CONTROLLER, None)
    return f"{'' if owner is None else pascal(owner.__name__)}{pascal(endpoint.__name__)}"


def _carried(parameters: Iterable[Parameter], remarks: list[str]) -> Iterator[Parameter]:
    """Parameters in path and query: a browser's WebSocket carries no others."""
    for each in parameters:
        if each.place in ("path", "query"):
            yield each
        else:
            remarks.append(f"the {each.place} {each.name!r} is left out, because a WebSocket cannot be given any")


def _messages(socket: SocketRoute, vocabulary: Vocabulary, remarks: list[str]) -> tuple[str | None, tuple[Field, ...]]:
    """What tells messages apart, and the messages by its values."""
    if socket.sends is None:
        remarks.append("no messages are declared with sends=..., so that each is the text of its frame")
        return None, (Field(MESSAGE, Plain("string")),)
    whole = vocabulary.shapes.of(socket.sends)
    resolved = vocabulary.resolved(whole)
    members = resolved.members if isinstance(resolved, AnyOf) else (whole,)
    structures = [_fields(each, vocabulary) for each in members]
    for tag in _candidates(structures):
        values = [_values(fields.get(tag)) for fields in structures]
        if all(values):
            return tag, tuple(_by_value(tag, zip(values, members, strict=True)))
    return None, (Field(MESSAGE, whole),)


def _candidates(structures: Sequence[Mapping[str, Shape]]) -> list[str]:
    """Fields that every message has, those that usually tell them apart first."""
    common = [name for name in structures[0] if all(name in each for each in structures)]
    return sorted(common, key=lambda name: _USUAL_TAGS.index(name) if name in _USUAL_TAGS else len(_USUAL_TAGS))


def _by_value(tag: str, found: Iterable[tuple[Sequence[Constant], Shape]]) -> Iterator[Field]:
    shapes: dict[str, list[Shape]] = {}
    for values, shape in found:
        for value in values:
            exact = all_of([shape, Structure((Field(tag, value),))])
            shapes.setdefault(json.loads(value.json), []).append(exact if len(values) > 1 else shape)
    for name in sorted(shapes):
        yield Field(name, any_of(shapes[name]))


def _fields(shape: Shape, vocabulary: Vocabulary) -> dict[str, Shape]:
    """The fields of an object, however it is put together."""
    target = vocabulary.resolved(shape)
    if isinstance(target, Structure):
        return {field.name: field.shape for field in target.fields}
    if isinstance(target, AllOf):
        return {name: found for each in target.members for name, found in _fields(each, vocabulary).items()}
    return {}


def _values(shape: Shape | None) -> list[Constant]:
    """The strings that a field may be, if it can be nothing else."""
    members = shape.members if isinstance(shape, AnyOf) else (shape,)
    found = [each for each in members if isinstance(each, Constant) and each.json.startswith('"')]
    return found if len(found) == len(members) else []
