"""Who is connected here, and how a message reaches everybody everywhere."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from pydantic import BaseModel
from starlette.websockets import WebSocket

from jararaca.core.context import current_execution, current_execution_or_none
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca.core.unit_of_work import Rank
from jararaca.errors import NotConfigured, UsageError
from jararaca.presentation.websocket.connection import NORMAL, connection_of
from jararaca.presentation.websocket.frames import Frame, FrameKind, Payload, payload_of
from jararaca.presentation.websocket.relay import FrameRelay
from jararaca.presentation.websocket.rooms import Rooms
from jararaca.presentation.websocket.writer import SocketWriter

Message = bytes | str | BaseModel
MANAGER = "websocket manager"

_STAGED = "staged frames"


class WebSocketManager:
    """The sockets of this process, and the way to those of others.

    Inside a unit of work `broadcast`, `send` and `close_room` wait for its commit and vanish with its rollback.
    Elsewhere, and with `immediate=True`, they act at once. None of them ever waits for a client.
    """

    def __init__(self, environment: Environment, relay: FrameRelay) -> None:
        self._environment = environment
        self._relay = relay
        self._rooms: Rooms[SocketWriter] = Rooms()
        relay.on_frame = self._deliver

    async def add_websocket(self, websocket: WebSocket) -> None:
        """Let this accepted socket receive broadcasts; no effect if it does already, or if its connection has ended.

        Raises:
            UsageError: the socket was not accepted before.
        """
        connection = connection_of(websocket)
        if connection.is_new:
            raise UsageError("this websocket was not accepted: call `await websocket.accept()` before add_websocket().")
        if connection.is_open:
            self._rooms.add(connection.opened_writer(tasks=self._environment.tasks, on_end=self._rooms.remove))

    async def remove_websocket(self, websocket: WebSocket) -> None:
        """Take the socket out of everything; no effect if it is not in. What is queued for it is still written."""
        writer = connection_of(websocket).writer
        if writer is not None:
            self._rooms.remove(writer)

    async def join(self, rooms: Iterable[str], websocket: WebSocket) -> None:
        """Put an added socket into rooms.

        Raises:
            UsageError: the socket was not added, or is gone.
        """
        writer = connection_of(websocket).writer
        if writer is None or writer not in self._rooms:
            raise UsageError("this websocket is not known here: call add_websocket(websocket) before join().")
        self._rooms.join(_names(rooms), writer)

    async def leave(self, rooms: Iterable[str], websocket: WebSocket) -> None:
        """Take a socket out of rooms; no effect where it is not in."""
        names, writer = _names(rooms), connection_of(websocket).writer
        if writer is not None:
            self._rooms.leave(names, writer)

    async def broadcast(self, message: Message, *, immediate: bool = False) -> None:
        """Send to every added socket of every instance."""
        await self._emit("broadcast", (), payload_of(message), immediate)

    async def send(self, rooms: Iterable[str], message: Message, *, immediate: bool = False) -> None:
        """Send to every socket in at least one of the rooms, on every instance, once each."""
        await self._emit("send", _names(rooms), payload_of(message), immediate)

    async def close_room(self, room: str, *, immediate: bool = False) -> None:
        """Close every socket in the room with 1000, on every instance, once what is queued for it was written."""
        await self._emit("close_room", _names([room]), b"", immediate)

    def rooms_of(self, websocket: WebSocket) -> frozenset[str]:
        """The rooms that a socket of this process is in."""
        writer = connection_of(websocket).writer
        return frozenset() if writer is None else self._rooms.rooms_of(writer)

    def local_count(self, room: str | None = None) -> int:
        """How many sockets of this process are in the room, or added at all."""
        return len(self._rooms.everyone() if room is None else self._rooms.in_any(_names([room])))

    async def _emit(self, kind: FrameKind, rooms: tuple[str, ...], payload: Payload, immediate: bool) -> None:
        execution = current_execution_or_none()
        work = execution.open_unit_of_work if execution is not None and not immediate else None
        if work is None:
            await self._send_now(kind, rooms, payload)
            return
        staged = work.participant(_STAGED)
        if not isinstance(staged, StagedFrames):
            staged = StagedFrames(partial(self._send_now, staged=True))
            work.enlist(_STAGED, staged)
        staged.frames.append((kind, rooms, payload))

    async def _send_now(
        self, kind: FrameKind, rooms: tuple[str, ...], payload: Payload, *, staged: bool = False
    ) -> None:
        frame = self._relay.send(kind, rooms, payload)
        reached = self._deliver(frame)
        steps = self._environment.steps
        if steps.observers:
            facts = {"outcome": kind, "rooms": rooms, "reached": reached, "staged": staged}
            steps.after(Kind.FRAME, frame, current_execution_or_none(), **facts)
        if reached:
            await self._environment.clock.sleep(0)  # lets writers write: a burst alone must not fill a queue

    def _deliver(self, frame: Frame) -> int:
        writers = self._rooms.everyone() if frame.kind == "broadcast" else self._rooms.in_any(frame.rooms)
        for writer in writers:
            if frame.kind == "close_room":
                writer.close(NORMAL)
            else:
                writer.put(frame.payload)
        return len(writers)


class StagedFrames:
    """Frames that wait for the commit of a unit of work."""

    rank = Rank.FRAMES

    def __init__(self, send: Callable[[FrameKind, tuple[str, ...], Payload], Awaitable[None]]) -> None:
        self.frames: list[tuple[FrameKind, tuple[str, ...], Payload]] = []
        self._send = send

    async def prepare(self) -> None:
        """Nothing: a frame is encoded when it is staged."""

    async def commit(self) -> None:
        """Nothing: frames follow the commit."""

    async def rollback(self) -> None:
        self.frames.clear()

    async def after_commit(self) -> None:
        for frame in self.frames:
            await self._send(*frame)


def use_ws_manager() -> WebSocketManager:
    """The websockets of this application, in any runtime: a worker's broadcast reaches the servers' sockets.

    Raises:
        OutsideExecution: nothing is being handled here.
    """
    environment = current_execution("use_ws_manager()").environment
    manager = environment.resource(MANAGER)
    if not isinstance(manager, WebSocketManager):
        raise NotConfigured(
            "this application has no websocket manager. Add WebSocketInterceptor() to its interceptors."
        )
    return manager


def _names(rooms: Iterable[str]) -> tuple[str, ...]:
    if isinstance(rooms, str):
        raise UsageError(f"rooms are a list of names, not one string: write [{rooms!r}].")
    names = tuple(rooms)
    for name in names:
        if not isinstance(name, str):
            raise UsageError(
                f"a room's name is a string, not {name!r}: other instances would not find it. Write str()."
            )
    return names
