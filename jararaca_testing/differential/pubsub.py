"""Pub/sub of two Redis servers, step by step: fakeredis, on which the tests of an application run, and Redis.

Both are driven by redis-py's blocking client, a fake one and a real one: `PubSub(lambda: redis.Redis(...))`. Compared
are the answers of `PUBLISH` and `PUBSUB`, and each subscriber's frames in order, confirmations with their counts too.
`PUBSUB NUMPAT` is left out: a server that is shared counts the patterns of everybody.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Frame = tuple[Any, ...]

PATIENCE = 10.0
"""Seconds for a frame."""

_SO_FAR = b"so far"


@dataclass(frozen=True, slots=True)
class Act:
    """One step: what `subscriber` does (`subscribe`, `psubscribe`, `unsubscribe`, `punsubscribe` with names, `close`),
    or, with none, what a publisher does (`publish` with a channel and a message, `numsub`, `channels`).
    """

    verb: str
    names: tuple[str, ...] = ()
    subscriber: int | None = None
    message: bytes = b""


class PubSub:
    """One of the two servers, its subscribers numbered. `prefix` keeps the channels apart from everybody else's."""

    def __init__(self, connect: Callable[[], Any], prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix
        self._publisher = connect()
        self._subscribers: dict[int, tuple[Any, Any]] = {}
        self._heard: dict[int, list[Frame]] = {}

    def act(self, act: Act) -> Any:
        """Do it. Returns what the publisher is answered, or None."""
        names = [self._prefix + name for name in act.names]
        if act.subscriber is None:
            return self._ask(act, names)
        if act.verb == "close":
            self._close(act.subscriber)
            return None
        if act.subscriber not in self._subscribers:
            client = self._connect()
            self._subscribers[act.subscriber] = client, client.pubsub()
        pubsub = self._subscribers[act.subscriber][1]
        getattr(pubsub, act.verb)(*names)
        self._heard[act.subscriber] = [_next_of(pubsub) for _ in names]
        return None

    def frames(self) -> dict[int, list[Frame]]:
        """What every subscriber received since the last call: confirmations, and all up to the answer to a ping."""
        heard = {
            number: [*self._heard.pop(number, []), *_until_now(each[1])] for number, each in self._subscribers.items()
        }
        return {number: _with_patterns_in_order(frames) for number, frames in heard.items()}

    def close(self) -> None:
        for number in list(self._subscribers):
            self._close(number)
        self._publisher.close()

    def _ask(self, act: Act, names: list[str]) -> Any:
        if act.verb == "publish":
            return self._publisher.publish(names[0], act.message)
        if act.verb == "numsub":
            return self._publisher.pubsub_numsub(*names)
        return sorted(name for name in self._publisher.pubsub_channels(names[0]) if self._has_subscribers(name))

    def _has_subscribers(self, channel: bytes) -> bool:
        """Fakeredis 2.40 goes on listing channels whose subscribers have closed."""
        return bool(dict(self._publisher.pubsub_numsub(channel))[channel])

    def _close(self, number: int) -> None:
        if number in self._subscribers:
            client, pubsub = self._subscribers.pop(number)
            pubsub.close()
            client.close()


def _next_of(pubsub: Any) -> Frame:
    """The next frame as it came; redis-py takes notice of it as well, to know what is subscribed."""
    frame = pubsub.parse_response(block=False, timeout=PATIENCE)
    if frame is None:
        raise AssertionError(f"a subscriber heard nothing for {PATIENCE:g} seconds")
    if frame == _SO_FAR:
        return (frame,)
    pubsub.handle_message(frame)
    return tuple(frame)


def _until_now(pubsub: Any) -> list[Frame]:
    if not pubsub.subscribed:
        return []
    pubsub.ping(_SO_FAR)
    return list(iter(lambda: _next_of(pubsub), (_SO_FAR,)))


def _with_patterns_in_order(frames: list[Frame]) -> list[Frame]:
    """One message is announced for several patterns in an order that Redis leaves open; a step has one message."""
    if any(frame[0] not in {b"message", b"pmessage"} for frame in frames):
        return frames
    return sorted(frames, key=lambda frame: frame[1] or b"")


@dataclass(slots=True)
class PubSubComparison:
    """Does each step on both servers, and raises `AssertionError` with all steps so far where they differ."""

    connect_fake: Callable[[], Any]
    connect_real: Callable[[], Any]
    steps: int = 0
    _acts: list[Act] = field(default_factory=list)
    _sides: tuple[PubSub, PubSub] | None = None

    def begin(self) -> None:
        """Start over with new connections and new names."""
        self.close()
        prefix = f"fuzz-{os.urandom(4).hex()}:"
        self._sides = PubSub(self.connect_fake, prefix), PubSub(self.connect_real, prefix)
        self._acts = []

    def step(self, act: Act) -> None:
        assert self._sides is not None, "begin() comes first"
        self.steps += 1
        self._acts.append(act)
        fake, real = ((side.act(act), side.frames()) for side in self._sides)
        if fake != real:
            listed = "\n".join(f"    {each!r}," for each in self._acts)
            raise AssertionError(f"the fake shows {fake}\nthe server {real}\nafter [\n{listed}\n]")

    def close(self) -> None:
        for side in self._sides or ():
            side.close()
        self._sides = None
