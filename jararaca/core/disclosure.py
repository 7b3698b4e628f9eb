"""What an exception must not tell: what was sent by whoever caused the call that it ended, and configured secrets.

Exceptions of users quote what they were working on. So whoever runs a call notes on its exception what it was given,
and whoever tells of the exception, to a log or to a dead letter, leaves those values out. Looking for them costs
nothing unless a call fails.
"""

import json
import re
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

HIDDEN = "***"
SHORT, LONG = 8, 16
MOST = 1_048_576
"""Bytes of a body that is looked through."""

_NOTED = "__jararaca_given__"
_PASSWORD = re.compile(r"(\w[\w+.-]*://[^\s:/@]*:)[^\s/@]+@")
_PIECES = re.compile(r"[\s;,=&]+")


def is_telling(secret: str) -> bool:
    """Whether a text that has this secret has it hardly by chance."""
    return len(secret) >= LONG or (len(secret) >= SHORT and not secret.isalpha())


def without_passwords(text: str) -> str:
    """A text whose URLs have no passwords."""
    return _PASSWORD.sub(rf"\1{HIDDEN}@", text) if "://" in text else text


def reason_of(error: BaseException) -> str:
    """What a driver says in one line, without a password; SQLAlchemy's own text would have the statement and values."""
    original = getattr(error, "orig", None)
    cause = original if isinstance(original, BaseException) else error
    return without_passwords((str(cause).splitlines() or [""])[0] or type(cause).__name__)


class Given:
    """What a call was given: a body, words such as header values and queries, and secrets of the configuration."""

    __slots__ = ("_body", "_found", "_secrets", "_words")

    def __init__(self, body: bytes = b"", words: Iterable[str] = (), secrets: Set[str] = frozenset()) -> None:
        self._body = body
        self._words = words
        self._secrets = secrets
        self._found: list[str] | None = None

    def hidden_in(self, text: str) -> str:
        """The text without any of it; a value counts if it is long enough not to be there by chance."""
        if len(self._body) > MOST:
            return "its text is not shown, because what was sent is too large to be looked through for it"
        if self._found is None:
            self._found = sorted(set(filter(is_telling, self._values())), key=len, reverse=True)
        for value in self._found:
            text = text.replace(value, HIDDEN)
        return without_passwords(text)

    def _values(self) -> Iterator[str]:
        for value in (*self._secrets, *_pieces(self._words), *_values_of(self._body)):
            yield value
            yield repr(value)[1:-1]
            yield json.dumps(value)[1:-1]


NOTHING = Given()
"""Of which nothing is known."""


def note_given(error: BaseException, given: Given) -> None:
    """Note on an exception what the call was given that it ended; the first note stays."""
    if not hasattr(error, _NOTED):
        with suppress(AttributeError):  # of a class that lets nobody note anything
            setattr(error, _NOTED, given)


def given_to(error: BaseException) -> Given:
    """What was noted on it."""
    given = getattr(error, _NOTED, None)
    return given if isinstance(given, Given) else NOTHING


def _pieces(words: Iterable[str]) -> Iterator[str]:
    """Words, and what they are made of: `Bearer abc`, `session=abc; lang=de`."""
    for word in words:
        for spelling in (word, unquote_plus(word)):
            yield spelling
            yield from _PIECES.split(spelling)


def _values_of(body: bytes) -> Iterator[str]:
    text = body.decode("utf-8", "replace")
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        yield text
        yield from (value for _name, value in parse_qsl(text))
        return
    pending: list[Any] = [found]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, (str, int, float)):
            yield str(value)
