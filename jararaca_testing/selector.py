"""The place where asyncio asks to wait: there a virtual loop decides what happens next.

Most loops of tests never wait for anybody outside: no thread, no file, no signal. Those ask nothing of the operating
system, not even the pipe by which asyncio lets threads wake it; it is opened when the loop waits for one of them.
"""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from typing_extensions import TypeVarTuple, Unpack

from jararaca_testing.pulse import Pulse

Ts = TypeVarTuple("Ts")


class VirtualSelector(selectors.BaseSelector):
    """A real selector that never waits before the loop has said what for.

    `woken` says that somebody has called the loop from a thread, `files` counts what it listens to, of which
    `own_files` are its own, and `listens` says that somebody may write to those unseen, as signals do.
    """

    def __init__(self) -> None:
        self.pulse = Pulse()
        self.on_turn: Callable[[], None] = lambda: None
        self.on_rest: Callable[[], float] = lambda: 0.0
        self.on_wait: Callable[[], None] = lambda: None
        self.files = 0
        self.own_files = 0
        self.woken = False
        self.listens = False

    @cached_property
    def _real(self) -> selectors.BaseSelector:
        return selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._real.register(fileobj, events, data)
        self.files += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._real.unregister(fileobj)
        self.files -= 1
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        if not self.files:
            raise KeyError(f"{fileobj!r} is not registered")
        return self._real.get_key(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        if "_real" in self.__dict__:
            self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.pulse.turns += 1
        woken, self.woken = self.woken, False
        events = self._real.select(0) if self.files and (woken or self.listens or self.files > self.own_files) else []
        if events or woken or timeout == 0:
            self.on_turn()
            return events
        real_seconds = self.on_rest()
        return self._wait(real_seconds) if real_seconds else []

    def _wait(self, real_seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        self.on_wait()
        # who came before the pipe was there has not written to it, and is waited for no longer
        return self._real.select(0 if self.woken else real_seconds)


class PipelessLoop(asyncio.SelectorEventLoop):
    """An event loop on a `VirtualSelector`, without a pipe to itself before it waits.

    asyncio has no public seam for that: what begins with an underscore here replaces what it has.
    """

    _csock: Any
    _ssock: Any

    def __init__(self, selector: VirtualSelector) -> None:
        self.selects = selector  # a closed loop has none, and threads may still call
        super().__init__(selector)
        selector.on_wait = self._open_pipe

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _open_pipe(self) -> None:
        if self._csock is None:
            super()._make_self_pipe()  # type: ignore[misc]
            self.selects.own_files = 1

    def _close_self_pipe(self) -> None:
        if self._csock is not None:
            super()._close_self_pipe()  # type: ignore[misc]

    def _write_to_self(self) -> None:
        self.selects.woken = True  # also before, for a loop that is about to wait
        super()._write_to_self()  # type: ignore[misc] # no effect without a pipe
        self.selects.woken = True

    def add_signal_handler(self, sig: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        self._open_pipe()  # to which the interpreter writes
        self.selects.listens = True
        super().add_signal_handler(sig, callback, *args)

    def files(self) -> list[int]:
        """The descriptors of what somebody listens to, but for its own."""
        if self.selects.files == self.selects.own_files:
            return []
        own = None if self._ssock is None else self._ssock.fileno()
        return [key.fd for key in self.selects.get_map().values() if key.fd != own]
