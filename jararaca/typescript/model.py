"""What a client consists of: plain values between `collect`, which makes them, and `render`, which writes them down.

Nothing here knows FastAPI, pydantic or TypeScript's spelling. Names of declarations are identifiers already; every
other string is as the application has it, and is escaped where it is written.
"""

from dataclasses import dataclass, field
from typing import Literal

Foreign = Literal["ArrayBuffer", "Blob", "BodyInit", "ReadableStream<Uint8Array>"]
Word = Literal["string", "number", "boolean", "null", "undefined", "void", "unknown", "never", "WireScalar"] | Foreign
Place = Literal["path", "query", "header", "cookie"]
Encoding = Literal["json", "form", "multipart", "raw"]
Reading = Literal["json", "text", "bytes"]
ResponseKind = Literal["json", "text", "blob", "empty", "stream", "lines", "events"]


@dataclass(frozen=True, slots=True)
class Plain:
    """A type that has a name of its own in every client."""

    word: Word


@dataclass(frozen=True, slots=True)
class Inexpressible:
    """What JSON Schema or TypeScript cannot say; written as `unknown`, with the reason beside it."""

    why: str


@dataclass(frozen=True, slots=True)
class Constant:
    """Exactly one value, as JSON has it."""

    json: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """Any number of one shape."""

    item: "Shape"


@dataclass(frozen=True, slots=True)
class TupleOf:
    """Shapes by position, the first `required` of which are always there, and after them any number of `rest`."""

    items: tuple["Shape", ...]
    required: int
    rest: "Shape | None" = None


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Values by key. `keys` is None for any string; where it is a set of constants, none of them has to be there."""

    value: "Shape"
    keys: "Shape | None" = None


@dataclass(frozen=True, slots=True)
class Field:
    """A name on the wire and what is found under it."""

    name: str
    shape: "Shape"
    is_optional: bool = False
    docs: str = ""
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """Fields in their declared order. `others` is the shape of those that may stand beside them, under any name."""

    fields: tuple[Field, ...]
    others: "Shape | None" = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A union; at least two members, none of them a union."""

    members: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """An intersection; at least two members."""

    members: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A declaration of this client, by its identifier, with what its type parameters stand for if it has some."""

    name: str
    arguments: "tuple[Shape, ...]" = ()


@dataclass(frozen=True, slots=True)
class TypeParameter:
    """What users of a declaration fill in."""

    name: str


@dataclass(frozen=True, slots=True)
class Picked:
    """A declaration with only some of its fields, or without some."""

    how: Literal["Pick", "Omit"]
    whole: Reference
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Items that arrive one by one, each in a server-sent event or each on a line."""

    item: "Shape"
    in_events: bool


Shape = (
    Plain
    | Inexpressible
    | Constant
    | ListOf
    | TupleOf
    | Dictionary
    | Structure
    | AnyOf
    | AllOf
    | Reference
    | TypeParameter
    | Picked
    | Series
)

UNKNOWN = Plain("unknown")
NEVER = Plain("never")
NULL = Plain("null")


@dataclass(frozen=True, slots=True)
class Model:
    """A named shape."""

    name: str
    shape: Shape
    docs: str = ""
    is_deprecated: bool = False
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Named constants, each as JSON has it. `is_open` if other numbers are values too, as combinations of flags are."""

    name: str
    members: tuple[tuple[str, str], ...]
    docs: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a request carries beside its body. `name` is on the wire, `key` is what callers write."""

    place: Place
    name: str
    key: str
    shape: Shape
    is_required: bool
    docs: str = ""
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class PathPart:
    """A piece of a path: as it is on the wire, or the key of a parameter, which may hold slashes or not."""

    text: str = ""
    key: str = ""
    has_slashes: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries. `key` is what callers write, `content_type` matters where `encoding` is `raw`."""

    encoding: Encoding
    shape: Shape
    is_required: bool
    key: str = "body"
    content_type: str = ""
    docs: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of a service."""

    name: str
    verb: str
    path: tuple[PathPart, ...]
    parameters: tuple[Parameter, ...]
    body: Body | None
    result: Shape
    response: ResponseKind
    errors: tuple[Field, ...] = ()
    errors_name: str = ""
    docs: str = ""
    is_deprecated: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """One controller."""

    name: str
    endpoints: tuple[Endpoint, ...]
    docs: str = ""


@dataclass(frozen=True, slots=True)
class Socket:
    """One websocket endpoint: a class with typed messages, by the value of their field `tag` if they have one."""

    name: str
    path: tuple[PathPart, ...]
    parameters: tuple[Parameter, ...]
    messages_name: str
    messages: tuple[Field, ...]
    client: Shape
    reads: Reading = "json"
    tag: str | None = None
    docs: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """Everything that is written, sorted, and everything that is not."""

    models: tuple[Model, ...] = ()
    enumerations: tuple[Enumeration, ...] = ()
    services: tuple[Service, ...] = ()
    sockets: tuple[Socket, ...] = ()
    remarks: tuple[str, ...] = field(default=())
    left_out: tuple[str, ...] = field(default=())


def parts_of(shape: Shape) -> tuple[Shape, ...]:
    """The shapes that a shape is made of."""
    match shape:
        case ListOf(item) | Series(item):
            return (item,)
        case TupleOf(items, _, rest):
            return items if rest is None else (*items, rest)
        case Dictionary(value, keys):
            return (value,) if keys is None else (value, keys)
        case Structure(fields, others):
            shapes = tuple(field.shape for field in fields)
            return shapes if others is None else (*shapes, others)
        case AnyOf(members) | AllOf(members) | Reference(_, members):
            return members
        case Picked(_, whole):
            return (whole,)
    return ()


def reasons_in(shape: Shape) -> tuple[str, ...]:
    """Why parts of a shape are `unknown`, each reason once; references are not followed."""
    if isinstance(shape, Inexpressible):
        return (shape.why,)
    return tuple(dict.fromkeys(why for part in parts_of(shape) for why in reasons_in(part)))


def references_in(shape: Shape) -> tuple[str, ...]:
    """What a shape names that only a client declares, each once."""
    parts = tuple(name for part in parts_of(shape) for name in references_in(part))
    match shape:
        case Reference(name):
            parts = (name, *parts)
        case Plain("WireScalar"):
            parts = ("WireScalar", *parts)
        case Series(_, True):
            parts = ("ServerSentEvent", *parts)
    return tuple(dict.fromkeys(parts))
