"""Secrets that reach a log: every secret of the configuration is a canary, and no record may have one.

A canary is the value of a `SecretStr` or `SecretBytes` in what injection hands out, or the password of a URL in the
declaration. One that could stand in any text by chance is none: it needs eight characters, and a sign among them that
is no letter, or sixteen.
"""

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

from pydantic import BaseModel, SecretBytes, SecretStr

from jararaca.core.disclosure import is_telling
from jararaca.core.steps import Kind, Step
from jararaca_testing.gates.findings import Finding
from jararaca_testing.gates.names import SECRETS_IN_LOGS
from jararaca_testing.ledger import KEPT

DEEP = 3
FACTS = frozenset({Kind.REQUEST, Kind.CONNECTION, Kind.COPY, Kind.LEASE})
"""Steps whose facts are not all names that the project itself chose."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_shapes: "WeakKeyDictionary[type, str]" = WeakKeyDictionary()
ADVICE = "Leave it out of the message, or keep it in its SecretStr: what is logged is read by many."


class Logs(logging.Handler):
    """The log records and facts of one test, kept until somebody asks; the first 10,000 of each."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[logging.LogRecord] = []
        self._steps: list[Step] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the records of the block that reach the root logger."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._records) < KEPT:
            self._records.append(record)

    def on_step(self, step: Step) -> None:
        """Keep the facts of a step of one of the kinds of `FACTS`."""
        if len(self._steps) < KEPT:
            self._steps.append(step)

    def findings(self, canaries: Mapping[str, str]) -> list[Finding]:
        """Where canaries were told since the last call. They are given as secrets with what they are called."""
        records, self._records = self._records, []
        steps, self._steps = self._steps, []
        if not canaries:
            return []
        found = [
            *(_said(f"the logger {each.name!r} at {_place(each)}", _texts(each), canaries) for each in records),
            *(_said(f"the step {each.kind!s}", _shown(each.facts.values()), canaries) for each in steps),
        ]
        told = dict.fromkeys(what for what in found if what)
        return [Finding(SECRETS_IN_LOGS, what, advice=ADVICE) for what in told]


def _said(where: str, texts: Iterable[str], canaries: Mapping[str, str]) -> str | None:
    whole = "\n".join(texts)
    names = [name for secret, name in canaries.items() if secret in whole]
    return f"{where} says {', '.join(dict.fromkeys(names))}" if names else None


def _place(record: logging.LogRecord) -> str:
    return f"{record.pathname}:{record.lineno} in {record.funcName}"


def _texts(record: logging.LogRecord) -> Iterator[str]:
    try:
        yield record.getMessage()
    except Exception:  # noqa: BLE001 -- logging itself complains about arguments that do not fit
        yield str(record.msg)
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__
    yield from _shown(value for name, value in vars(record).items() if name not in _STANDARD)


def _shown(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if value is not None and not isinstance(value, (bool, int, float)):
            yield str(value)


# -- what is a secret


def canaries_of(objects: Iterable[object]) -> dict[str, str]:
    """Every canary in these objects, with what a message calls it."""
    found: dict[str, str] = {}
    for each in objects:
        _look_into(each, (type(each).__name__,), DEEP, found)
    return {secret: name for secret, name in found.items() if is_telling(secret)}


def _look_into(value: Any, path: tuple[str, ...], depth: int, found: dict[str, str]) -> None:
    kind = type(value)
    shape = _shapes.get(kind) or _shape_of(kind)
    if shape == "text":
        if "@" in value and "://" in value:
            _note_password(value, path, found)
    elif shape == "secret":
        secret = value.get_secret_value()
        found[secret if isinstance(secret, str) else secret.decode("utf-8", "replace")] = ".".join(path)
    elif shape != "other" and depth:
        names = value.__dict__ if shape == "model" else value.__dataclass_fields__
        for name in names:
            _look_into(getattr(value, name, None), (*path, name), depth - 1, found)


def _shape_of(kind: type) -> str:
    """How to look into objects of a class."""
    if issubclass(kind, str):
        shape = "text"
    elif issubclass(kind, (SecretStr, SecretBytes)):
        shape = "secret"
    elif issubclass(kind, BaseModel):
        shape = "model"
    else:
        shape = "dataclass" if dataclasses.is_dataclass(kind) else "other"
    _shapes[kind] = shape
    return shape


def _note_password(url: str, path: tuple[str, ...], found: dict[str, str]) -> None:
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return
    for spelling in (password, unquote(password)):
        found[spelling] = f"the password of {'.'.join(path)}"


def declared_in(interceptor: object) -> list[object]:
    """What an interceptor was given and keeps, such as the configuration of a database."""
    return list(getattr(interceptor, "__dict__", {}).values())
