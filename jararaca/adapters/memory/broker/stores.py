"""Where ready messages lie, in the order in which they leave: one store per kind of queue.

A store knows order and nothing else. `messages` are given to `put_back` in the order in which they were delivered.
"""

from bisect import insort
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from jararaca.adapters.memory.broker.message import Message


class Store(Protocol):
    """Ready messages of one queue. `count` is how many there are, `size` how many bytes their bodies have."""

    count: int
    size: int

    def put(self, message: Message) -> None:
        """A new message."""
        ...

    def put_back(self, messages: Sequence[Message]) -> None:
        """Messages that were delivered and lost with their consumer."""
        ...

    def put_back_refused(self, message: Message) -> None:
        """A message that its consumer refused."""
        ...

    def head(self) -> Message | None:
        """The message that leaves next."""
        ...

    def take(self) -> Message: ...

    def clear(self) -> list[Message]: ...


class _Counted:
    """How much a store holds."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0

    def _add(self, message: Message) -> None:
        self.count += 1
        self.size += len(message.properties.body)

    def _remove(self, message: Message) -> Message:
        self.count -= 1
        self.size -= len(message.properties.body)
        return message


class ClassicStore(_Counted):
    """First in, first out; what comes back takes its original position."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: deque[Message] = deque()

    def put(self, message: Message) -> None:
        self._add(message)
        self._ready.append(message)

    def put_back(self, messages: Sequence[Message]) -> None:
        for message in sorted(messages, key=_position, reverse=True):
            self._add(message)
            if not self._ready or message.position < self._ready[0].position:
                self._ready.appendleft(message)
            else:
                insort(self._ready, message, key=_position)

    def put_back_refused(self, message: Message) -> None:
        self.put_back((message,))

    def head(self) -> Message | None:
        return self._ready[0] if self._ready else None

    def take(self) -> Message:
        return self._remove(self._ready.popleft())

    def clear(self) -> list[Message]:
        dropped = list(self._ready)
        self._ready.clear()
        self.count = self.size = 0
        return dropped


class PriorityStore(_Counted):
    """One classic store per priority; the highest leaves first. More than `highest` counts as `highest`."""

    def __init__(self, highest: int) -> None:
        super().__init__()
        self._highest = highest
        self._lines = [ClassicStore() for _ in range(highest + 1)]

    def put(self, message: Message) -> None:
        self._add(message)
        self._line_of(message).put(message)

    def put_back(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.put_back_refused(message)

    def put_back_refused(self, message: Message) -> None:
        self._add(message)
        self._line_of(message).put_back_refused(message)

    def head(self) -> Message | None:
        return next((line.head() for line in reversed(self._lines) if line.count), None)

    def take(self) -> Message:
        return self._remove(next(line for line in reversed(self._lines) if line.count).take())

    def clear(self) -> list[Message]:
        self.count = self.size = 0
        return [message for line in reversed(self._lines) for message in line.clear()]

    def _line_of(self, message: Message) -> ClassicStore:
        return self._lines[min(message.properties.priority or 0, self._highest)]


class QuorumStore(_Counted):
    """Returned messages leave before new ones, in the order of their return.

    Without `refused_first` what a consumer refuses comes behind the new ones, and what a lost one held still first.
    """

    def __init__(self, *, refused_first: bool) -> None:
        super().__init__()
        self._refused_first = refused_first
        self._new: deque[Message] = deque()
        self._returned: deque[Message] = deque()

    def put(self, message: Message) -> None:
        self._add(message)
        self._new.append(message)

    def put_back(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._add(message)
        self._returned.extend(messages)

    def put_back_refused(self, message: Message) -> None:
        self._add(message)
        (self._returned if self._refused_first else self._new).append(message)

    def head(self) -> Message | None:
        return self._returned[0] if self._returned else self._new[0] if self._new else None

    def take(self) -> Message:
        return self._remove(self._returned.popleft() if self._returned else self._new.popleft())

    def clear(self) -> list[Message]:
        dropped = [*self._returned, *self._new]
        self._returned.clear()
        self._new.clear()
        self.count = self.size = 0
        return dropped


def _position(message: Message) -> int:
    return message.position
