"""How text of an application is written so that it stays text: the only way from it into a client.

A docstring cannot end its comment or speak to the compiler, a string cannot end its quotes, and a name that is no
identifier is quoted.
"""

import json
import re
from collections.abc import Iterable

from jararaca.typescript.names import is_identifier

WIDTH = 118
"""Columns of a comment, its frame not counted."""

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_TAG = re.compile(r"(?<![\w\\])@")


def string(text: str) -> str:
    """A string literal, in ASCII."""
    return json.dumps(text)


def key(name: str) -> str:
    """A property's name where a type or an object is written."""
    return name if is_identifier(name) else string(name)


def member(owner: str, name: str) -> str:
    """How a property of `owner` is read."""
    return f"{owner}.{name}" if is_identifier(name) else f"{owner}[{string(name)}]"


def comment(text: str, *, tags: Iterable[str] = (), indent: str = "") -> list[str]:
    """The lines of a JSDoc comment; none if there is nothing to say. Tags are ours, the text is not."""
    lines = [line.rstrip() for line in _harmless(text).strip().splitlines()]
    lines += [f"@{tag}" for tag in tags]
    if not lines:
        return []
    if len(lines) == 1 and len(lines[0]) <= WIDTH:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def _harmless(text: str) -> str:
    """Without the end of a comment, characters that nobody sees, and words for the compiler."""
    shown = _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4))
    return _TAG.sub(r"\\@", shown.replace("*/", "*\\/"))
