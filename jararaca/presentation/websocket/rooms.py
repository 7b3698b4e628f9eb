"""Which sockets are in which rooms: plain bookkeeping, with nothing left behind when the last one leaves."""

from collections.abc import Iterable
from typing import Generic, TypeVar

S = TypeVar("S")


class Rooms(Generic[S]):
    """Sockets and rooms, each found from the other. Rooms are exact strings and exist while somebody is in them."""

    def __init__(self) -> None:
        self._members: dict[str, dict[S, None]] = {}
        self._rooms: dict[S, dict[str, None]] = {}

    def __contains__(self, socket: S) -> bool:
        return socket in self._rooms

    def __len__(self) -> int:
        return len(self._members)

    def add(self, socket: S) -> None:
        self._rooms.setdefault(socket, {})

    def remove(self, socket: S) -> None:
        """Take the socket out of every room; no effect if it is not there."""
        self.leave(tuple(self._rooms.get(socket, ())), socket)
        self._rooms.pop(socket, None)

    def join(self, rooms: Iterable[str], socket: S) -> None:
        for room in rooms:
            self._members.setdefault(room, {})[socket] = None
            self._rooms[socket][room] = None

    def leave(self, rooms: Iterable[str], socket: S) -> None:
        for room in rooms:
            self._rooms.get(socket, {}).pop(room, None)
            members = self._members.get(room, {})
            members.pop(socket, None)
            if not members:
                self._members.pop(room, None)

    def everyone(self) -> tuple[S, ...]:
        return tuple(self._rooms)

    def in_any(self, rooms: Iterable[str]) -> tuple[S, ...]:
        """Who is in at least one of the rooms, each once."""
        return tuple(dict.fromkeys(socket for room in rooms for socket in self._members.get(room, ())))

    def rooms_of(self, socket: S) -> frozenset[str]:
        return frozenset(self._rooms.get(socket, ()))
