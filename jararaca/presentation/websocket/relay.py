"""The way to the sockets of other instances: numbered frames out, other origins' frames in, gaps noticed.

Every frame carries its origin and that origin's count. A receiver drops its own and what it saw before, and reports a
gap when a number is skipped. With a shared backend each origin repeats its latest number in a heartbeat, so that a
lost tail shows up too, and a receiver that no longer sees its own heartbeat knows that its subscription is dead.
"""

import asyncio
import contextvars
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from jararaca.core.context import Trigger
from jararaca.core.environment import Environment
from jararaca.core.invocation import invoke, new_execution
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import FanoutUnavailable
from jararaca.ports.fanout import Fanout
from jararaca.presentation.websocket.frames import Frame, FrameKind, Payload, UndecodableFrame

logger = logging.getLogger("jararaca.presentation")

HEARTBEAT = 5.0
MISSED_HEARTBEATS = 3
OUTBOX_SIZE = 10_000
FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 5.0

_GAP = Trigger("manual", "websocket gap")


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames of `origin` that this instance missed: those after `seen`, before `next`.

    All None after the connection to the others was interrupted: nobody knows what was missed.
    """

    origin: str | None
    seen: int | None
    next: int | None


OnGap = Callable[[Gap], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Channels:
    """Where frames travel: those for everybody, and those for rooms."""

    broadcast: str
    send: str

    def of(self, kind: FrameKind) -> str:
        return self.broadcast if kind in ("broadcast", "heartbeat") else self.send


class FrameRelay:
    """Sends this instance's frames to the others, and hands theirs to `on_frame`.

    `receiving` says whether frames of others arrive; `undecodable` counts what arrived and is no frame, `dropped` the
    frames that were given up because the backend was away for too long.
    """

    def __init__(
        self, environment: Environment, fanout: Fanout, channels: Channels, *, heartbeats: bool, on_gap: OnGap | None
    ) -> None:
        self._environment = environment
        self._fanout = fanout
        self._channels = channels
        self._heartbeats = heartbeats
        self._on_gap = on_gap
        self._origin = environment.chance.uuid().hex[:12]  # not the instance: an application may be started again
        self._tasks = TaskScope("websocket relay")
        self._outbox: deque[Frame] = deque()
        self._queued = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()
        self._context: contextvars.Context | None = None
        self._sends = False
        self._seq = 0
        self._seen: dict[str, int] = {}
        self._withdraw_check: Callable[[], None] | None = None
        self.on_frame: Callable[[Frame], Any] = lambda _frame: None
        self.receiving = False
        self.undecodable = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to send; frames that others send are not received yet."""
        self._context = contextvars.copy_context()
        if self._heartbeats:
            self._begin_to_send()

    def _begin_to_send(self) -> None:
        self._sends = True
        self._tasks.spawn(self._send_for_ever(), name="send frames to other instances", context=self._context)

    def receive(self) -> None:
        """Begin to receive; only processes that have sockets need to. No effect a second time."""
        if self._withdraw_check is None:
            self._withdraw_check = self._environment.checks("websocket fan-out", lambda: self.receiving)
            self._tasks.spawn(self._receive_for_ever(), name="receive frames of other instances")

    async def stop(self, grace: float = 1.0) -> None:
        """Let what is queued be sent, for at most `grace` seconds, and end."""
        if not self._sent.is_set():
            await self._send_the_rest(grace)
        await self._tasks.cancel()
        self._context, self._sends = None, False
        await self._fanout.close()
        self.receiving = False
        if self._withdraw_check is not None:
            self._withdraw_check()

    async def _send_the_rest(self, grace: float) -> None:
        try:
            async with self._environment.clock.timeout(grace):
                await self._sent.wait()
        except TimeoutError:
            logger.warning("frames for other instances were not sent", extra={"frames": len(self._outbox)})

    # -- out

    def send(self, kind: FrameKind, rooms: tuple[str, ...], payload: Payload) -> Frame:
        """Number a frame and queue it for the other instances; never waits. Of too many the oldest is dropped."""
        self._seq += 1
        frame = Frame(kind, self._origin, self._seq, payload, rooms)
        if len(self._outbox) >= OUTBOX_SIZE:
            self._outbox.popleft()
            self.dropped += 1
        self._queue(frame)
        return frame

    def _queue(self, frame: Frame) -> None:
        self._outbox.append(frame)
        self._sent.clear()
        self._queued.set()
        if not self._sends and self._context is not None:  # most processes of an application never send any
            self._begin_to_send()

    async def _send_for_ever(self) -> None:
        clock = self._environment.clock
        backoff = FIRST_BACKOFF
        while True:
            try:
                async with clock.timeout(HEARTBEAT if self._heartbeats else None):
                    await self._queued.wait()
            except TimeoutError:
                self._queue(Frame("heartbeat", self._origin, self._seq))
            try:
                await self._send_queued()
                backoff = FIRST_BACKOFF
            except FanoutUnavailable as error:
                logger.warning("frames do not reach other instances", extra={"reason": str(error)})
                backoff = await self._pause(backoff)

    async def _send_queued(self) -> None:
        while self._outbox:
            frame = self._outbox[0]
            await self._fanout.publish(self._channels.of(frame.kind), frame.encode())
            if self._outbox and self._outbox[0] is frame:  # it was not dropped meanwhile
                self._outbox.popleft()
        self._queued.clear()
        self._sent.set()

    async def _pause(self, backoff: float) -> float:
        """Wait, up to half of it taken off by chance, and return how long to wait the next time."""
        await self._environment.clock.sleep(backoff * (1 - self._environment.chance.random() / 2))
        return min(backoff * 2, LONGEST_BACKOFF)

    # -- in

    async def _receive_for_ever(self) -> None:
        backoff = FIRST_BACKOFF
        interrupted = False
        while True:
            try:
                async with self._fanout.subscribe(self._channels.broadcast, self._channels.send) as frames:
                    self.receiving = True
                    backoff = FIRST_BACKOFF
                    if interrupted:
                        self._seen.clear()
                        self._report(Gap(None, None, None))
                    await self._receive_from(frames)
            except (FanoutUnavailable, TimeoutError) as error:
                self.receiving, interrupted = False, True
                reason = str(error) or "no heartbeat came back"
                logger.warning("frames of other instances do not arrive", extra={"reason": reason})
                backoff = await self._pause(backoff)

    async def _receive_from(self, frames: AsyncIterator[tuple[str, bytes]]) -> None:
        clock = self._environment.clock
        limit = HEARTBEAT * MISSED_HEARTBEATS if self._heartbeats else None
        while True:
            async with clock.timeout(limit):
                _channel, data = await anext(frames)
            try:
                frame = Frame.decode(data)
            except UndecodableFrame:
                self.undecodable += 1
                logger.warning("a frame on the fan-out channel is not ours", extra={"bytes": len(data)})
                continue
            if frame.origin != self._origin:
                self._take(frame)
                await clock.sleep(0)  # lets writers write: a burst alone must not fill a queue

    def _take(self, frame: Frame) -> None:
        seen = self._seen.get(frame.origin)
        expected = frame.seq if frame.kind == "heartbeat" else frame.seq - 1
        if seen is not None and expected > seen:
            self._report(Gap(frame.origin, seen, expected + 1))
        self._seen[frame.origin] = max(frame.seq, seen or 0)
        if frame.kind != "heartbeat" and (seen is None or frame.seq > seen):
            self.on_frame(frame)

    def _report(self, gap: Gap) -> None:
        logger.warning("frames of another instance were missed", extra={"origin": gap.origin, "seen": gap.seen})
        if self._on_gap is not None:
            self._tasks.spawn(self._tell(self._on_gap, gap), name="report a gap")

    async def _tell(self, on_gap: OnGap, gap: Gap) -> None:
        async def call() -> None:
            result = on_gap(gap)
            if inspect.isawaitable(result):
                await result

        outcome = await invoke(new_execution(self._environment, _GAP), call)
        if outcome.error is not None:
            logger.error("on_gap failed", exc_info=outcome.error)
