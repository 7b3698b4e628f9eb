"""Values as people see them in failures and reports: without secrets, and the same text in every run.

What a field, header or parameter is called decides whether it is a secret. Passwords in URLs are hidden wherever they
stand, addresses of objects are left out, and sets are sorted.
"""

import dataclasses
import enum
import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, SecretBytes, SecretStr

MASK = "***"
DEEPEST = 20

_WORDS = (
    r"pass(?:word|wd|phrase|code)|secret|token|authori[sz]ation|api[_-]?key|private[_-]?key|access[_-]?key|"
    r"cookie|credential|signature"
)
_SECRET = re.compile(_WORDS, re.IGNORECASE)
_URL = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")
_SCHEME = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE)
_QUOTED = re.compile(
    rf"""((["'])[\w-]*(?:{_WORDS})[\w-]*\2\s*:\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,}}\]]+)""", re.IGNORECASE
)
_ASSIGNED = re.compile(rf"""\b([\w-]*(?:{_WORDS})[\w-]*=)("[^"]*"|'[^']*'|[^\s,;&)}}\]"']+)""", re.IGNORECASE)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


def is_secret(name: str) -> bool:
    """Whether what has this name is not for everybody's eyes."""
    return _SECRET.search(name) is not None


def without_secrets(text: str) -> str:
    """Text that somebody else wrote (an error, a body that is no JSON), less what looks like a secret."""
    text = _URL.sub(rf"\1:{MASK}@", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _QUOTED.sub(rf"\1{MASK}", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return _ADDRESS.sub("at 0x...", text)


def shown(value: Any, limit: int | None = None) -> str:
    """A value on one line, as `repr` writes it; of more than `limit` characters the beginning."""
    try:
        text = _shown(value, 0)
    except Exception as error:  # noqa: BLE001 -- a value that cannot be shown must not hide what it is part of
        text = f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
    return text if limit is None or len(text) <= limit else f"{text[: limit - 3]}..."


def _shown(value: Any, depth: int) -> str:
    if depth > DEEPEST:
        return "..."
    if isinstance(value, str):
        return repr(without_secrets(value))
    if isinstance(value, Mapping):
        inner = (f"{_shown(key, depth)}: {_masked(str(key), each, depth)}" for key, each in value.items())
        return f"{{{', '.join(inner)}}}"
    fields = fields_of(value)
    if fields is not None:
        inner = (f"{name}={_masked(name, each, depth)}" for name, each in fields.items())
        return f"{type(value).__name__}({', '.join(inner)})"
    if type(value) in (list, tuple, set, frozenset):
        return _collection(value, depth)
    return without_secrets(repr(value))


def _masked(name: str, value: Any, depth: int) -> str:
    return MASK if is_secret(name) and value is not None else _shown(value, depth + 1)


def _collection(value: Iterable[Any], depth: int) -> str:
    inner = [_shown(each, depth + 1) for each in value]
    if isinstance(value, list):
        return f"[{', '.join(inner)}]"
    if isinstance(value, tuple):
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    text = f"{{{', '.join(sorted(inner))}}}" if inner else ""
    return f"{type(value).__name__}({text})" if isinstance(value, frozenset) or not inner else text


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a model, dataclass or named tuple that its `repr` would show; None of anything else."""
    if isinstance(value, BaseModel):
        return {str(name): each for name, each in value.__repr_args__() if name is not None}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.repr}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    return None


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can say it, for a page: models become objects, and what JSON does not know its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | str):
        return without_secrets(value.decode(errors="backslashreplace") if isinstance(value, bytes) else value)
    if depth > DEEPEST:
        return "..."
    pairs = value if isinstance(value, Mapping) else fields_of(value)
    if pairs is not None:
        return {str(name): _plainly(str(name), each, depth) for name, each in pairs.items()}
    if isinstance(value, list | tuple):
        return [plain(each, depth + 1) for each in value]
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(value, date | time | Decimal | UUID):
        return str(value)
    return shown(value)


def _plainly(name: str, value: Any, depth: int) -> Any:
    return MASK if is_secret(name) and value is not None else plain(value, depth + 1)
