"""One alarm that moves. It rings on the running loop, whose time is virtual in the harness."""

import asyncio
from collections.abc import Callable

PRECISION = 1e-6
"""Seconds by which a loop may wake its timers early."""


class Alarm:
    """Calls `ring` once at the set moment. The loop calls the alarm itself, so that a list of timers shows `label`."""

    __slots__ = ("_handle", "_label", "_ring", "at")

    def __init__(self, label: str, ring: Callable[[], object]) -> None:
        self._label = label
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None
        self.at: float | None = None

    def __repr__(self) -> str:
        return self._label

    def __call__(self) -> None:
        self._handle = None
        self.at = None
        self._ring()

    def set(self, at: float | None) -> None:
        """Ring at `at`, in the loop's time, instead of any moment set before; None: not at all."""
        if at == self.at:
            return
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self.at = at
        if at is not None:
            self._handle = asyncio.get_running_loop().call_at(at, self)
