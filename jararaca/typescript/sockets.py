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
    Reading,
    Shape,
    Socket,
    Structure,
    reasons_in,
)
from jararaca.typescript.names import Names, pascal
from jararaca.typescript.requests import Requests
from jararaca.typescript.schemas import Operation, SocketRoute, place_of_route
from jararaca.typescript.shapes import all_of, any_of
from jararaca.typescript.vocabulary import Vocabulary

MESSAGE = "message"
"""The name of messages that nothing tells apart."""

_FRAME = any_of([Plain("string"), Plain("ArrayBuffer"), Plain("Blob")])


def _raw(declared: object) -> tuple[Reading, Shape] | None:
    """How frames are read that are no JSON."""
    if declared is str:
        return "text", Plain("string")
    return ("bytes", Plain("ArrayBuffer")) if declared is bytes else None


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
            requests = Requests(vocabulary, place_of_route(each.route), remarks)
            given = requests.parameters(operation, has_body=False)
            reads, tag, messages = _messages(each, vocabulary, remarks)
            client = _client(each, vocabulary)
            for shape in (client, *(field.shape for field in messages)):
                remarks += (f"a part is typed unknown: {why}" for why in reasons_in(shape))
            yield Socket(
                name=name,
                path=requests.path(operation, given),
                parameters=tuple(_carried(given, remarks)),
                messages_name=messages_name,
                messages=messages,
                client=client,
                reads=reads,
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


def _client(socket: SocketRoute, vocabulary: Vocabulary) -> Shape:
    """What the endpoint reads."""
    if socket.receives is None:
        return _FRAME
    raw = _raw(socket.route.original_route.receives)
    return vocabulary.shapes.of(socket.receives) if raw is None else raw[1]


def _messages(
    socket: SocketRoute, vocabulary: Vocabulary, remarks: list[str]
) -> tuple[Reading, str | None, tuple[Field, ...]]:
    """How messages are read, what tells them apart, and the messages by its values."""
    if socket.sends is None:
        remarks.append("no messages are declared with sends=..., so that each is the text of its frame")
        return "text", None, (Field(MESSAGE, Plain("string")),)
    raw = _raw(socket.route.original_route.sends)
    if raw is not None:
        return raw[0], None, (Field(MESSAGE, raw[1]),)
    whole = vocabulary.shapes.of(socket.sends)
    resolved = vocabulary.resolved(whole)
    members = resolved.members if isinstance(resolved, AnyOf) else (whole,)
    structures = [_fields(each, vocabulary) for each in members]
    for tag in _candidates(structures):
        values = [_values(fields[tag].shape) for fields in structures]
        if all(values):
            exact = [
                len(said) == 1 and not each[tag].is_optional for each, said in zip(structures, values, strict=True)
            ]
            return "json", tag, tuple(_by_value(tag, zip(members, values, exact, strict=True)))
    return "json", None, (Field(MESSAGE, whole),)


def _candidates(structures: Sequence[Mapping[str, Field]]) -> list[str]:
    """Fields that every message has, those that usually tell them apart first."""
    common = [name for name in structures[0] if all(name in each for each in structures)]
    return sorted(common, key=lambda name: _USUAL_TAGS.index(name) if name in _USUAL_TAGS else len(_USUAL_TAGS))


def _by_value(tag: str, found: Iterable[tuple[Shape, Sequence[Constant], bool]]) -> Iterator[Field]:
    """The messages by the values of their tags; those that have several of them, or need not have one, narrowed."""
    shapes: dict[str, list[Shape]] = {}
    for shape, values, is_exact in found:
        for value in values:
            narrowed = shape if is_exact else all_of([shape, Structure((Field(tag, value),))])
            shapes.setdefault(json.loads(value.json), []).append(narrowed)
    for name in sorted(shapes):
        yield Field(name, any_of(shapes[name]))


def _fields(shape: Shape, vocabulary: Vocabulary) -> dict[str, Field]:
    """The fields of an object, however it is put together."""
    target = vocabulary.resolved(shape)
    if isinstance(target, Structure):
        return {field.name: field for field in target.fields}
    if isinstance(target, AllOf):
        return {name: found for each in target.members for name, found in _fields(each, vocabulary).items()}
    return {}


def _values(shape: Shape) -> list[Constant]:
    """The strings that a field may be, if it can be nothing else."""
    members = shape.members if isinstance(shape, AnyOf) else (shape,)
    found = [each for each in members if isinstance(each, Constant) and each.json.startswith('"')]
    return found if len(found) == len(members) else []
