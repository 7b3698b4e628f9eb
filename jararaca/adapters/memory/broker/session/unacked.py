"""What one channel has handed out and not yet heard of: its delivery tags, in order, and how long it waits."""

import asyncio
import math
from collections.abc import Callable

from jararaca.adapters.memory.broker import version
from jararaca.adapters.memory.broker.consumers import Consumer
from jararaca.adapters.memory.broker.message import Message
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.timers import PRECISION, Alarm

_TICK = 60.0
"""Seconds between two looks of the server at its channels."""

Unacked = tuple[Message, MessageQueue, Consumer | None, float]
"""A delivery under way, to a consumer or to a get, and when it was made, in the loop's time."""


class UnackedWindow:
    """The unacked deliveries of one channel. `overdue` is called once one of them is too old."""

    __slots__ = ("_entries", "_loop", "_opened", "_overdue", "_patience", "tag")

    def __init__(self, overdue: Callable[[], None]) -> None:
        self._entries: dict[int, Unacked] = {}
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.time()
        self._overdue = overdue
        self._patience = Alarm("consumer_timeout of a channel", self._check_ages)
        self.tag = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, message: Message, queue: MessageQueue, consumer: Consumer | None) -> int:
        """Note one delivery. Returns its delivery tag."""
        self.tag = tag = self.tag + 1
        now = self._loop.time()
        self._entries[tag] = (message, queue, consumer, now)
        if self._patience.at is None:
            self._watch(now)
        return tag

    def take_one(self, tag: int) -> Unacked | None:
        """Take one delivery out of the window; None if it is not there."""
        return self._entries.pop(tag, None)

    def take_up_to(self, tag: int) -> list[tuple[int, Unacked]] | None:
        """Take every delivery up to `tag` out, in order; 0 is all of them. None, and nothing, if `tag` is not there."""
        if tag and tag not in self._entries:
            return None
        taken: list[tuple[int, Unacked]] = []
        for known in list(self._entries):
            if tag and known > tag:
                break
            taken.append((known, self._entries.pop(known)))
        return taken

    def restore(self, entries: list[tuple[int, Unacked]]) -> None:
        """Take back what was taken out, under the same tags (the rollback of a transaction)."""
        self._entries = dict(sorted([*self._entries.items(), *entries]))

    def queues(self) -> list[MessageQueue]:
        """Those to which something would return, for each delivery one."""
        return [queue for _message, queue, _consumer, _at in self._entries.values()]

    def take_of(self, queue: MessageQueue) -> list[Unacked]:
        """Take every delivery from `queue` out, in order."""
        taken = {tag: entry for tag, entry in self._entries.items() if entry[1] is queue}
        for tag in taken:
            del self._entries[tag]
        return list(taken.values())

    def clear(self) -> None:
        """Forget everything and stop waiting."""
        self._patience.set(None)
        self._entries.clear()

    def _watch(self, delivered: float) -> None:
        """Look again at the first tick at which a delivery of this moment is too old."""
        ticks = math.ceil((delivered + version.ACK_TIMEOUT - self._opened) / _TICK)
        self._patience.set(self._opened + ticks * _TICK)

    def _check_ages(self) -> None:
        oldest = next(iter(self._entries.values()), None)
        if oldest is None:
            return
        if self._loop.time() >= oldest[3] + version.ACK_TIMEOUT - PRECISION:
            self._overdue()
        else:
            self._watch(oldest[3])
