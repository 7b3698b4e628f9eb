"""Fields of payloads, whatever the payload is made of: how to read them, and how they differ from what is expected."""

from collections.abc import Mapping
from typing import Any

Expected = Any
"""A value to be equal to, or a callable that takes the actual value and answers whether it fits."""


class Missing:
    """Stands for a field that is not there."""


def read(payload: Any, name: str) -> Any:
    """The value of a payload's field; `Missing` if there is none. `a__b` reads field `b` of field `a`."""
    for part in name.split("__"):
        payload = payload.get(part, Missing) if isinstance(payload, Mapping) else getattr(payload, part, Missing)
    return payload


def fits(payload: Any, fields: Mapping[str, Expected]) -> bool:
    """Whether every field is as expected."""
    return all(_fits(read(payload, name), expected) for name, expected in fields.items())


def _fits(actual: Any, expected: Expected) -> bool:
    if callable(expected) and not isinstance(expected, type):
        return actual is not Missing and bool(expected(actual))
    return bool(actual == expected)


def differences(payload: Any, fields: Mapping[str, Expected]) -> list[str]:
    """One line for each field that is not as expected."""
    actual = {name: read(payload, name) for name in fields}
    wrong = {name: value for name, value in actual.items() if not _fits(value, fields[name])}
    return [f"{name} {_found(value)}, expected {_wanted(fields[name])}" for name, value in wrong.items()]


def _found(actual: Any) -> str:
    return "is missing" if actual is Missing else f"is {actual!r}"


def _wanted(expected: Expected) -> str:
    if callable(expected) and not isinstance(expected, type):
        return f"what {getattr(expected, '__name__', 'the predicate')} accepts"
    return repr(expected)
