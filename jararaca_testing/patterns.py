"""What a test expects of a frame, as a value: whether a frame is like it, and if not, in which fields it differs.

    a string                    the text of the frame
    a compiled regular one      is found in the text
    bytes                       the frame, as it was sent
    a mapping                   a JSON object with at least these fields
    a list                      a JSON array, item by item
    a pydantic model            JSON that the model accepts; the answer is the model
    a type                      a JSON value of that type
    another callable            says whether a JSON value fits
    anything else               equals the JSON value

What stands inside of mappings and lists means the same there, but that strings are compared with JSON strings.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

Pattern = Any
Frame = str | bytes

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a frame compares: the value that a test is given, and one line for each difference."""

    value: Any
    differences: tuple[str, ...] = ()


def compare(frame: Frame, pattern: Pattern, fields: Mapping[str, Pattern]) -> Comparison:
    """Compare one frame with a pattern and with fields that the answer must have besides."""
    if isinstance(pattern, (str, bytes, re.Pattern)):
        return Comparison(frame, tuple(_of_text(frame, pattern)))
    if isinstance(pattern, type) and issubclass(pattern, BaseModel):
        return _of_model(frame, pattern, fields)
    parsed = parsed_or_frame(frame)
    found = [] if pattern is None else [*_differences(parsed, pattern, "")]
    return Comparison(parsed, (*found, *(_differences(parsed, fields, "") if fields else ())))


def parsed_or_frame(frame: Frame) -> Any:
    """What a frame says in JSON, or the frame itself if it says nothing in JSON."""
    try:
        return json.loads(frame)
    except ValueError:
        return frame


def _of_text(frame: Frame, pattern: Any) -> Iterator[str]:
    if isinstance(pattern, re.Pattern):
        searched: Any = frame.decode(errors="replace") if isinstance(frame, bytes) else frame
        if isinstance(pattern.pattern, bytes):
            searched = searched.encode()
        if pattern.search(searched) is None:
            yield f"{frame!r} has nothing like {pattern.pattern!r}"
    elif frame != pattern:
        yield f"it is {frame!r}, expected {pattern!r}"


def _of_model(frame: Frame, model: type[BaseModel], fields: Mapping[str, Pattern]) -> Comparison:
    try:
        value = model.model_validate_json(frame)
    except ValidationError as error:
        wrong = (f"{_place(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False))
        return Comparison(frame, tuple(wrong))
    return Comparison(value, tuple(_differences(value, fields, "")))


def _differences(actual: Any, wanted: Pattern, place: str) -> Iterator[str]:
    name = place or "it"
    if isinstance(wanted, Mapping):
        held = vars(actual) if isinstance(actual, BaseModel) else actual
        if not isinstance(held, Mapping):
            yield f"{name} is {actual!r}, expected an object"
            return
        for key, inner in wanted.items():
            where = f"{place}.{key}" if place else str(key)
            if key in held:
                yield from _differences(held[key], inner, where)
            else:
                yield f"{where} is missing, expected {_named(inner)}"
    elif isinstance(wanted, (list, tuple)):
        yield from _of_list(actual, wanted, place)
    elif not _fits(actual, wanted):
        yield f"{name} is {actual!r}, expected {_named(wanted)}"


def _of_list(actual: Any, wanted: Any, place: str) -> Iterator[str]:
    if not isinstance(actual, (list, tuple)) or len(actual) != len(wanted):
        yield f"{place or 'it'} is {actual!r}, expected {len(wanted)} items"
        return
    for index, inner in enumerate(wanted):
        yield from _differences(actual[index], inner, f"{place}[{index}]")


def _fits(actual: Any, wanted: Pattern) -> bool:
    if isinstance(wanted, type):
        return isinstance(actual, wanted)
    if isinstance(wanted, re.Pattern):
        return isinstance(actual, str) and wanted.search(actual) is not None
    return bool(wanted(actual)) if callable(wanted) else bool(actual == wanted)


def _named(wanted: Pattern) -> str:
    if isinstance(wanted, type):
        return f"a value of type {wanted.__name__}"
    if isinstance(wanted, re.Pattern):
        return f"something like {wanted.pattern!r}"
    return f"what {getattr(wanted, '__name__', 'the predicate')} accepts" if callable(wanted) else repr(wanted)


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location) or "it"


def described(pattern: Pattern, fields: Mapping[str, Pattern]) -> str:
    """A pattern in the words of a failure."""
    if isinstance(pattern, (type, re.Pattern)) or callable(pattern):
        said = _named(pattern)
    else:
        said = f"with {dict(fields)!r}" if pattern is None else repr(pattern)
    return said if pattern is None or not fields else f"{said} with {dict(fields)!r}"


def report(frames: list[Frame], pattern: Pattern, fields: Mapping[str, Pattern]) -> list[str]:
    """What came instead, the latest frames of it, and how the nearest of all differs."""
    if not frames:
        return ["nothing came"]
    differences = [compare(frame, pattern, fields).differences for frame in frames]
    wants_object = isinstance(pattern, Mapping) or (pattern is None and fields)

    def distance(index: int) -> tuple[bool, int, int]:
        is_of_another_kind = bool(wants_object) and not isinstance(parsed_or_frame(frames[index]), dict)
        return is_of_another_kind, len(differences[index]), -index

    nearest = min(range(len(frames)), key=distance)
    lines = [f"{len(frames)} came instead{':' if len(frames) <= SHOWN else f', the last {SHOWN}:'}"]
    lines += [f"  {parsed_or_frame(frame)!r}" for frame in frames[-SHOWN:]]
    return [*lines, f"nearest: {parsed_or_frame(frames[nearest])!r}", *(f"  {each}" for each in differences[nearest])]
