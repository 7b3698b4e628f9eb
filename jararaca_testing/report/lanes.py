"""Who takes part in a story, and who of them gets a lane of the diagram: clients, services and queues, left to right.

A page has room for so many lanes. Where there are more, first the queues share one, then the websockets, then the
handlers of each controller, and at last all handlers.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from jararaca.core.steps import Kind
from jararaca_testing import traffic
from jararaca_testing.report.events import Event
from jararaca_testing.report.wording import Tone, Wording, path_of, tone

MOST_LANES = 12

_OF_HANDLERS = frozenset({Kind.ATTEMPT, Kind.SETTLE, Kind.DELIVERY})
_OF_SCHEDULER = frozenset({Kind.TICK, Kind.CLAIM, Kind.LEASE})
_OF_HTTP = frozenset({traffic.EXCHANGE, traffic.WEBSOCKET, Kind.REQUEST})


@dataclass(frozen=True, slots=True)
class Lane:
    """One participant: `kind` is how it is drawn."""

    name: str
    kind: Literal["client", "service", "queue"]


@dataclass(slots=True)
class Cast:
    """Everybody who takes part. `sockets` maps the number of a websocket's event to its name."""

    is_tested: bool = False
    sockets: dict[int, str] = field(default_factory=dict)
    serves: bool = False
    schedules: bool = False
    handlers: dict[str, None] = field(default_factory=dict)
    gives_up: bool = False
    _paths: Counter[str] = field(default_factory=Counter)

    def add(self, event: Event, wording: Wording, *, is_root: bool) -> None:
        """Take note of who has a part in an event."""
        record = event.record
        if event.kind == traffic.WEBSOCKET:
            path = path_of(record).partition("?")[0]
            self._paths[path] += 1
            self.sockets[event.seq] = path if self._paths[path] == 1 else f"{path} {self._paths[path]}"
        self.is_tested |= event.kind == traffic.EXCHANGE or (is_root and event.kind in (Kind.PUBLISH, Kind.FRAME))
        self.serves |= event.kind in _OF_HTTP
        self.schedules |= event.kind in _OF_SCHEDULER
        self.gives_up |= tone(event) is Tone.DEAD
        if event.kind == Kind.PUBLISH:
            self.handlers.update(dict.fromkeys(wording.targets(record)))
        elif event.kind in _OF_HANDLERS and record.handler:
            self.handlers[record.handler] = None


def cast_of(events: Iterable[tuple[Event, int]], wording: Wording) -> Cast:
    """Who takes part in these events, each given with its depth."""
    cast = Cast()
    for event, depth in events:
        cast.add(event, wording, is_root=depth == 0)
    return cast


Grouping = Callable[[str], str]


def _each(name: str) -> str:
    return name


def _controller(name: str) -> str:
    return name.rpartition(".")[0] or name


class Lanes:
    """The lanes of a cast, each with its place counted from 0."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._socket: Grouping = _each
        self._handler: Grouping = _each
        self._queue: Grouping = lambda handler: f"queue of {self._handler(handler)}"
        self._lay_out()
        if len(self.lanes) > MOST_LANES:
            self._queue = lambda _handler: "queues"
            self._lay_out()
        if len(self.lanes) > MOST_LANES:
            self._socket = lambda _name: "websockets"
            self._lay_out()
        if len(self.lanes) > MOST_LANES:
            self._handler = _controller
            self._lay_out()
        if len(self.lanes) > MOST_LANES:
            self._handler = lambda _name: "handlers"
            self._lay_out()

    def _lay_out(self) -> None:
        cast = self._cast
        lanes: list[Lane] = []
        lanes += [Lane("test", "client")] if cast.is_tested else []
        lanes += [Lane(self._socket(name), "client") for name in cast.sockets.values()]
        lanes += [Lane("http", "service")] if cast.serves else []
        lanes += [Lane("scheduler", "service")] if cast.schedules else []
        for handler in cast.handlers:
            lanes += [Lane(self._queue(handler), "queue"), Lane(self._handler(handler), "service")]
        lanes += [Lane("dead letters", "queue")] if cast.gives_up else []
        self.lanes = tuple(dict.fromkeys(lanes or [Lane("test", "client")]))
        self._place = {lane.name: place for place, lane in enumerate(self.lanes)}

    def handler(self, name: str) -> int:
        """Where a handler is."""
        return self._place[self._handler(name)]

    def handler_is_alone(self, name: str) -> bool:
        """Whether its lane is that of one handler, so that it need not be named there."""
        return self._handler(name) == name

    def queue(self, handler: str) -> int:
        """Where the queue of a handler is."""
        return self._place[self._queue(handler)]

    def socket(self, seq: int) -> int:
        """Where the client of a websocket is."""
        return self._place[self._socket(self._cast.sockets[seq])]

    def named(self, name: str) -> int:
        """Where `test`, `http`, `scheduler` or `dead letters` is; the first lane if there is none of that name."""
        return self._place.get(name, 0)
