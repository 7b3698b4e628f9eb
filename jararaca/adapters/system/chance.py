"""The machine's own randomness."""

import os
import random
import uuid
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The digit in which RFC 9562 wants the two highest bits to be 10."""


class SystemChance:
    """The `Chance` of a real process."""

    def uuid(self) -> UUID:
        return uuid.uuid4()

    def identity(self) -> str:
        # Text of `uuid4()`, in half the time: no object in between.
        digits = os.urandom(16).hex()
        variant = _VARIANT[digits[16]]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def random(self) -> float:
        return random.random()

    def choice(self, items: Sequence[T]) -> T:
        return random.choice(items)
