"""Randomness that is the same in every run."""

import contextlib
import hashlib
import os
import random
from collections.abc import Iterator, Sequence
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


class SeededChance:
    """The `Chance` of a test: identities and choices follow from the seed.

    `random()` is 0.0 each time, so that a delay with jitter is the full delay and "one delay later" is exact, unless
    `jitter` is asked for.
    """

    def __init__(self, seed: int | str, *, jitter: bool = False) -> None:
        self._seed = seed
        self._jitter = jitter
        self._random = random.Random(seed)

    def again(self) -> "SeededChance":
        """The same choices from the beginning, for another example of one test."""
        return SeededChance(self._seed, jitter=self._jitter)

    def uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def identity(self) -> str:
        return str(self.uuid())

    def random(self) -> float:
        return self._random.random() if self._jitter else 0.0

    def choice(self, items: Sequence[T]) -> T:
        return self._random.choice(items)


def new_seed() -> int:
    """A seed that nobody can foresee, of 32 bits: people type it."""
    return random.SystemRandom().getrandbits(32)


def derived_seed(*parts: int | str) -> int:
    """A seed that follows from `parts`, in every process and on every machine the same."""
    text = "\0".join(map(str, parts)).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def reseed(seed: int, phase: str) -> None:
    """Let the module `random` go on with what follows from a test's seed for one phase of it."""
    random.seed(derived_seed(seed, phase))


@contextlib.contextmanager
def determined(seed: int, *, entropy: bool) -> Iterator[None]:
    """Let what code draws from `random` follow from `seed` for the length of a block, and go on as before after it.

    With `entropy` also what it takes from the operating system through `os.urandom`: `uuid.uuid4` and `secrets`.
    """
    before = random.getstate()
    reseed(seed, "setup")
    try:
        with _entropy_from(derived_seed(seed, "entropy")) if entropy else contextlib.nullcontext():
            yield
    finally:
        random.setstate(before)


@contextlib.contextmanager
def _entropy_from(seed: int) -> Iterator[None]:
    holders = ((os, "urandom"), (random, "_urandom"))  # `random` keeps its own reference, on which `secrets` stands
    before = [getattr(module, name) for module, name in holders]
    source = random.Random(seed)

    def urandom(size: int, /) -> bytes:
        return source.randbytes(size)

    for module, name in holders:
        setattr(module, name, urandom)
    try:
        yield
    finally:
        for (module, name), function in zip(holders, before, strict=True):
            setattr(module, name, function)
