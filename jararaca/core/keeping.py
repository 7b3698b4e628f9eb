"""What was made of a class's decorated methods, kept for the next application that has the same class.

An application is put together anew for every test and every replica, and its classes stay. What is kept must follow
from the class alone, and nobody may change it.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from operator import is_
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 256
"""Entries of one kind; the oldest ones are forgotten, for they keep their classes alive."""


class Kept(Generic[T]):
    """One kind of what is kept."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, tuple[tuple[object, ...], T]] = OrderedDict()

    def get(self, key: Hashable, made_of: Sequence[object], make: Callable[[], T]) -> T:
        """What `make` gave for `key` before, if it was made of the very same objects; else what it gives now.

        What `make` raises is not kept.
        """
        of = tuple(made_of)
        found = self._made.get(key)
        if found is not None and len(found[0]) == len(of) and all(map(is_, found[0], of)):
            return found[1]
        made = make()
        self._made[key] = (of, made)
        self._made.move_to_end(key)
        if len(self._made) > self._most:
            self._made.popitem(last=False)
        return made
