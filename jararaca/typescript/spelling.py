"""How TypeScript writes shapes."""

from jararaca.typescript.model import (
    AllOf,
    AnyOf,
    Constant,
    Dictionary,
    Field,
    Inexpressible,
    ListOf,
    Picked,
    Plain,
    Reference,
    Series,
    Shape,
    Structure,
    TupleOf,
    TypeParameter,
    reasons_in,
)
from jararaca.typescript.quoting import comment, key, string


def spelled(shape: Shape) -> str:
    """The type, on one line."""
    match shape:
        case Plain(text) | Constant(text) | TypeParameter(text):
            return text
        case Reference(name, arguments):
            return f"{name}<{', '.join(map(spelled, arguments))}>" if arguments else name
        case Inexpressible():
            return "unknown"
        case ListOf(item):
            return f"{_as_part(item)}[]"
        case TupleOf():
            return _tuple(shape)
        case Dictionary(value, keys):
            index = "[key: string]" if keys is None else f"[key in {spelled(keys)}]?"
            return f"{{ {index}: {spelled(value)} }}"
        case Structure():
            return _structure(shape)
        case AnyOf(members):
            return " | ".join(f"({spelled(each)})" if isinstance(each, AllOf) else spelled(each) for each in members)
        case AllOf(members):
            return " & ".join(f"({spelled(each)})" if isinstance(each, AnyOf) else spelled(each) for each in members)
        case Picked(how, whole, fields):
            return f"{how}<{spelled(whole)}, {' | '.join(map(string, fields)) or 'never'}>"
        case Series(item, in_events):
            return f"AsyncIterable<{f'ServerSentEvent<{spelled(item)}>' if in_events else spelled(item)}>"


def field_lines(field: Field, *, indent: str = "  ") -> list[str]:
    """A field of an interface, below its comment."""
    tags = ["deprecated"] if field.is_deprecated else []
    return [
        *comment(field.docs + reasons_of(field.shape), tags=tags, indent=indent),
        f"{indent}{key(field.name)}{'?' if field.is_optional else ''}: {spelled(field.shape)};",
    ]


def reasons_of(shape: Shape) -> str:
    """Why parts of a shape are `unknown`, for the end of a comment."""
    return "".join(f"\nTyped unknown: {why}." for why in reasons_in(shape))


def others_line(others: Shape) -> str:
    """The index signature of a structure beside whose fields others may stand."""
    return f"[key: string]: {spelled(others)};"


def _as_part(shape: Shape) -> str:
    text = spelled(shape)
    return f"({text})" if isinstance(shape, AnyOf | AllOf) else text


def _tuple(shape: TupleOf) -> str:
    items = [f"{_as_part(item)}{'?' if number >= shape.required else ''}" for number, item in enumerate(shape.items)]
    if shape.rest is not None:
        items.append(f"...{_as_part(shape.rest)}[]")
    return f"[{', '.join(items)}]"


def _structure(shape: Structure) -> str:
    fields = [f"{key(each.name)}{'?' if each.is_optional else ''}: {spelled(each.shape)}" for each in shape.fields]
    if shape.others is not None:
        fields.append(others_line(shape.others).removesuffix(";"))
    return f"{{ {'; '.join(fields)} }}" if fields else "{}"
