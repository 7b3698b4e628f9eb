"""When a handler that keeps failing is left alone for a while: a rule, and the state of it for one consumer.

Closed: messages are taken. Open: the consumer is paused, and messages stay in their queue. Half-open: one message is
taken on trial, and how its attempt ends decides.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal

from jararaca.errors import InvalidOption
from jararaca.messagebus.quantities import ADVICE, is_number, is_whole
from jararaca.ports.clock import Clock

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Pauses the consumer of a handler after `failure_threshold` failures within `window` seconds.

    After `reset_timeout` seconds one message is taken on trial: if its attempt succeeds the consumer goes on, if it
    fails it is paused again. A failure is an attempt that raised one of `trip_on`, or ran into its time limit if that
    names `HandlerTimeout`. What becomes of the failed messages is for their retry policy to say. Each process has a
    circuit of its own.

    Raises:
        InvalidOption: a number that cannot work, or something that is not an exception class.
    """

    failure_threshold: int = 10
    window: float = 10.0  # seconds
    reset_timeout: float = 30.0  # seconds
    trip_on: tuple[type[BaseException], ...] = (Exception,)

    def __post_init__(self) -> None:
        _demand(
            is_whole(self.failure_threshold) and self.failure_threshold >= 1,
            f"failure_threshold={self.failure_threshold!r}",
            "Use a whole number, 1 or more.",
        )
        for name in ("window", "reset_timeout"):
            value = getattr(self, name)
            _demand(is_number(value), f"{name}={value!r}", ADVICE)
            _demand(value > 0, f"{name}={value}", "Use seconds above 0.")
        named: object = self.trip_on
        classes = named if isinstance(named, tuple) else (named,)
        usable = isinstance(named, tuple) and all(isinstance(each, type) for each in classes)
        _demand(
            usable and all(issubclass(each, BaseException) for each in classes),
            f"trip_on={named!r}",
            "Use a tuple of exception classes.",
        )


def _demand(holds: bool, option: str, advice: str) -> None:
    if not holds:
        raise InvalidOption(f"CircuitBreaker({option}) cannot work. {advice}")


class Circuit:
    """The state of one consumer's circuit.

    `changed` is set at each change of the state. What began before the latest one does not count any more: `epoch`
    tells.
    """

    def __init__(self, breaker: CircuitBreaker, clock: Clock) -> None:
        self.breaker = breaker
        self.state: State = "closed"
        self.changed = asyncio.Event()
        self.epoch = 0
        self.trips = 0
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=breaker.failure_threshold)
        self._opened_at = 0.0

    async def admit(self) -> State:
        """Return once messages may be taken: any number of them if `closed`, one at a time if `half-open`."""
        if self.state == "open":
            waited = self._clock.monotonic() - self._opened_at
            await self._clock.sleep(max(0.0, self.breaker.reset_timeout - waited))
            self._become("half-open")
        self.changed.clear()
        return self.state

    def record(self, error: BaseException | None, epoch: int) -> None:
        """Take note of how an attempt ended that began in `epoch`."""
        if epoch != self.epoch or self.state == "open":
            return
        if error is not None and isinstance(error, self.breaker.trip_on):
            self._fail()
        elif self.state == "half-open":
            self._failures.clear()
            self._become("closed")

    def _fail(self) -> None:
        now = self._clock.monotonic()
        self._failures.append(now)
        is_full = len(self._failures) == self.breaker.failure_threshold
        if self.state == "half-open" or (is_full and now - self._failures[0] <= self.breaker.window):
            self._opened_at = now
            self._failures.clear()
            self.trips += 1
            self._become("open")

    def _become(self, state: State) -> None:
        self.state = state
        self.epoch += 1
        self.changed.set()
