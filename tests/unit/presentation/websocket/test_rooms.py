"""Rooms against the simplest thing that could be right: a set of pairs."""

from hypothesis import given
from hypothesis import strategies as st

from jararaca.presentation.websocket.rooms import Rooms

SOCKETS = st.integers(0, 3)
NAMES = st.lists(st.sampled_from(["a", "b", "a,b", "", "\0"]), max_size=3)
CHANGES = st.lists(st.tuples(st.sampled_from(["add", "remove", "join", "leave"]), SOCKETS, NAMES), max_size=30)


class Pairs:
    """The model: who was added, and which socket is in which room."""

    def __init__(self) -> None:
        self.added: set[int] = set()
        self.pairs: set[tuple[int, str]] = set()

    def change(self, change: str, socket: int, names: list[str]) -> None:
        pairs = {(socket, name) for name in names}
        match change:
            case "add":
                self.added.add(socket)
            case "remove":
                self.added.discard(socket)
                self.pairs = {pair for pair in self.pairs if pair[0] != socket}
            case "join":
                self.pairs |= pairs if socket in self.added else set()
            case _:
                self.pairs -= pairs


def change(rooms: Rooms[int], change: str, socket: int, names: list[str]) -> None:
    match change:
        case "add":
            rooms.add(socket)
        case "remove":
            rooms.remove(socket)
        case "join" if socket in rooms:
            rooms.join(names, socket)
        case "leave":
            rooms.leave(names, socket)


@given(changes=CHANGES, asked=NAMES)
def test_who_is_in_which_room_is_what_was_said_and_nothing_is_left(
    changes: list[tuple[str, int, list[str]]], asked: list[str]
) -> None:
    rooms: Rooms[int] = Rooms()
    model = Pairs()
    for each in changes:
        change(rooms, *each)
        model.change(*each)

    assert set(rooms.everyone()) == model.added
    assert {(socket, name) for socket in range(4) for name in rooms.rooms_of(socket)} == model.pairs
    assert sorted(rooms.in_any(asked)) == sorted({socket for socket, name in model.pairs if name in asked})
    assert len(rooms) == len({name for _socket, name in model.pairs})


def test_a_room_ends_with_its_last_member() -> None:
    rooms: Rooms[str] = Rooms()
    for number in range(10_000):
        rooms.add("socket")
        rooms.join([f"room {number}"], "socket")
        rooms.remove("socket")

    assert (len(rooms), rooms.everyone()) == (0, ())
