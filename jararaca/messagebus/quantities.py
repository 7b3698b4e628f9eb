"""Numbers that users write: whether they are numbers at all, before anything is compared with them."""

from typing import TypeGuard

ADVICE = "Use a number; a timedelta has its seconds in total_seconds()."


def is_number(value: object) -> TypeGuard[float]:
    """Whether it can count seconds; a truth value cannot, although Python takes it for a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it can count things."""
    return isinstance(value, int) and not isinstance(value, bool)
