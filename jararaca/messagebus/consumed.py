"""A delivery in the hands of the worker, and the order in which deliveries are taken up."""

import hashlib
from collections import deque
from dataclasses import dataclass

from jararaca.messagebus.headers import Marks
from jararaca.ports.broker import Delivery


@dataclass(slots=True, eq=False)
class Consumed:
    """One delivery with what its headers say. `settled` keeps it from being settled twice, which kills a channel.

    `was_attempted` once its handler was called and has ended, with `error` if it failed. `derived_id` is what stands in
    for a message id that is missing.
    """

    delivery: Delivery
    marks: Marks
    settled: bool = False
    was_attempted: bool = False
    error: BaseException | None = None
    derived_id: str | None = None

    @property
    def message_id(self) -> str | None:
        """By which the message is known; None if nothing tells it from others."""
        return self.derived_id or self.delivery.envelope.message_id

    @property
    def topic(self) -> str:
        """The topic of first publication."""
        return self.marks.topic_of(self.delivery)


def identity_of(consumed: Consumed) -> str | None:
    """By which an idempotent handler remembers it: its dedupe key, else its message id; never one for the other."""
    key = consumed.marks.dedupe_key
    if key is None:
        return consumed.message_id
    return f"dedupe:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def content_id(consumed: Consumed) -> str:
    """An id made of topic and body: the same for messages that say the same."""
    said = f"{consumed.topic}\0".encode("utf-8", "surrogateescape") + consumed.delivery.envelope.body
    return f"sha256:{hashlib.sha256(said).hexdigest()}"


class Backlog:
    """Deliveries that wait for a free place, first come first served; with `ordered`, one of each key at a time.

    Messages without an ordering key never wait for each other.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._waiting: deque[Consumed] = deque()
        self._ordered = ordered
        self._busy: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, consumed: Consumed) -> None:
        """Let it wait behind the others."""
        self._waiting.append(consumed)

    def take(self) -> Consumed | None:
        """The first that may be handled now; its key is busy until `release`."""
        if not self._ordered:
            return self._waiting.popleft() if self._waiting else None
        for index, consumed in enumerate(self._waiting):
            key = consumed.marks.key
            if key is None or key not in self._busy:
                del self._waiting[index]
                if key is not None:
                    self._busy.add(key)
                return consumed
        return None

    def release(self, consumed: Consumed) -> None:
        """Its key may be taken again."""
        if consumed.marks.key is not None:
            self._busy.discard(consumed.marks.key)

    def drain(self) -> list[Consumed]:
        """Everything that waits, which then no longer does."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting
