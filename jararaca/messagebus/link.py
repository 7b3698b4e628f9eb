"""One connection to a broker that is kept up: opened, prepared, watched, and opened again whenever it is lost.

A broker that is away is waited for, with a pause that doubles and is spread by chance. A broker that answers and
refuses (the login, the topology) is a mistake that waiting does not mend: whoever waits is told at once, while
attempts go on in the background, because somebody may mend it there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind
from jararaca.errors import BrokerUnavailable, JararacaError, LoginRefused, ServerUnavailable, TopologyMismatch
from jararaca.messagebus.mismatch import in_one_line
from jararaca.ports.broker import Broker

logger = logging.getLogger("jararaca.messagebus")

FIRST_PAUSE = 0.5  # seconds
LONGEST_PAUSE = 5.0  # seconds: a broker that is back is found within ten
CONNECT_WITHIN = 15.0  # seconds for one attempt
CLOSE_WITHIN = 2.0  # seconds
FIRST_ATTEMPT = 2.0
"""Seconds that the start of a process waits for a broker it can do without."""


def pause_before(attempt: int, random: float) -> float:
    """Seconds to wait before an attempt to connect, counted from 1; up to half of it is taken off by chance."""
    pause = min(FIRST_PAUSE * 2.0 ** min(attempt - 1, 10), LONGEST_PAUSE)
    return pause * (1.0 - random / 2)


def masked(url: str) -> str:
    """A broker's URL for people: without user, password and options."""
    scheme, _, rest = url.partition("://")
    _, at, address = rest.rpartition("@")
    return f"{scheme}://{'***@' if at else ''}{address.partition('?')[0]}"


class Link:
    """A `Broker` and the task that keeps it connected."""

    def __init__(self, environment: Environment, *, name: str, url: str, heartbeat: int) -> None:
        self.name = name
        self.address = masked(url)
        self.broker: Broker = environment.ports.broker(
            url, heartbeat=heartbeat, name=f"{environment.name}.{name}@{environment.instance}"
        )
        self._environment = environment
        self._prepare: Callable[[], Awaitable[None]] | None = None
        self._tasks = TaskScope(f"broker connection {name}")
        self._up = False
        self._closed = False
        self._starting = False
        self._tried = asyncio.Event()
        self._refusal: JararacaError | None = None
        self._failure: JararacaError | None = None
        self._waiters: dict[asyncio.Future[None], None] = {}  # woken in the order in which they came
        self._callbacks: tuple[Callable[[], None], ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether it is connected and prepared."""
        return self._up and not self.broker.lost.is_set()

    def on_ready(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` each time the link comes up from now on, until the returned function is called."""
        self._callbacks = (*self._callbacks, callback)

        def withdraw() -> None:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)

        return withdraw

    async def start(self, prepare: Callable[[], Awaitable[None]] | None = None) -> None:
        """Begin to keep it up, and return once the first attempt has ended or taken two seconds.

        `prepare` is awaited after each connect, before it is up.

        Raises:
            LoginRefused, BrokerError: the broker answered, and refused.
        """
        self._prepare = prepare
        self._tasks.spawn(self._keep_up(), name=f"broker connection {self.name}")
        self._starting = True
        with suppress(TimeoutError):
            async with self._environment.clock.timeout(FIRST_ATTEMPT):
                await self._tried.wait()
        self._starting = False
        if self._refusal is not None:
            raise self._refusal

    async def until_up(self, within: float | None) -> None:
        """Return once it is up.

        Raises:
            BrokerUnavailable: it is not up within so many seconds (None: no limit), or it was stopped.
            LoginRefused, BrokerError: the broker answered, and refused.
        """
        if self.is_up:
            return
        if self._closed:
            raise self._stopped()
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            async with self._environment.clock.timeout(within):
                await waiter
        except TimeoutError:
            assert within is not None
            raise BrokerUnavailable(
                f"no connection to the broker at {self.address} within {within:g} s. Start it there, or correct the "
                "broker URL."
            ) from self._failure
        finally:
            self._waiters.pop(waiter, None)

    async def stop(self) -> None:
        """Close the connection for good; whoever waits for it is told."""
        self._closed = True
        await self._tasks.cancel()
        self._up = False
        self._end_waits(self._stopped())
        await self._close()

    def _stopped(self) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"the connection to the broker at {self.address} is closed, because the application stops. Publish earlier."
        )

    async def _keep_up(self) -> None:
        attempt = 1
        while True:
            try:
                await self._open(attempt)
            except Exception as error:  # noqa: BLE001 -- a link that gave up would leave a deaf process behind
                pause = pause_before(attempt, self._environment.chance.random())
                if not (is_told := self._failed(error)):
                    self._log(error, attempt, pause)
                await self._close()
                await self._environment.clock.sleep(pause)
                if is_told:  # and has not ended the process for it
                    self._log(error, attempt, 0.0)
                attempt += 1
            else:
                self._came_up()
                await self.broker.lost.wait()
                attempt = 1
                pause = pause_before(attempt, self._environment.chance.random())
                self._went_down()
                await self._environment.clock.sleep(pause)

    async def _open(self, attempt: int) -> None:
        steps = self._environment.steps
        if steps.observers:
            await steps.before(Kind.CONNECTION, self, connection=self.name, url=self.address, attempt=attempt)
        try:
            async with self._environment.clock.timeout(CONNECT_WITHIN):
                await self.broker.connect()
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"the broker at {self.address} did not answer within {CONNECT_WITHIN:g} s. See whether it is "
                "overloaded, blocked or recovering."
            ) from error
        if self._prepare is not None:
            await self._prepare()

    def _failed(self, error: Exception) -> bool:
        """Remember it, and wake those who wait. Returns whether somebody is told all that there is to say of it."""
        failure = error if isinstance(error, JararacaError) else _unexpected(self.address, error)
        refused = _is_refusal(error)
        is_told = refused and failure is error and (self._starting or bool(self._waiters))
        self._failure = failure
        self._refusal = failure if refused else None
        self._tried.set()
        if refused:
            self._end_waits(failure)
        self._tell("refused" if refused else "unreachable")
        return is_told

    def _log(self, error: Exception, attempt: int, pause: float) -> None:
        refused = _is_refusal(error)
        message = "the broker refuses the connection" if refused else "the broker cannot be reached"
        if isinstance(error, TopologyMismatch):
            message = "the broker has another topology than this application declares"
        logger.log(
            logging.ERROR if refused else logging.WARNING,
            message,
            exc_info=None if isinstance(error, JararacaError) else error,
            extra={
                **self._facts("refused" if refused else "unreachable"),
                "attempt": attempt,
                "next_attempt_in": pause,
                "error": in_one_line(error),
            },
        )

    def _came_up(self) -> None:
        self._up = True
        self._refusal = self._failure = None
        self._tried.set()
        logger.info("connected to the broker", extra=self._facts("connected"))
        self._tell("connected")
        self._end_waits(None)
        for callback in self._callbacks:
            callback()

    def _went_down(self) -> None:
        self._up = False
        logger.warning("the connection to the broker was lost", extra=self._facts("lost"))
        self._tell("lost")

    def _tell(self, outcome: str) -> None:
        if self._environment.steps.observers:
            self._environment.steps.after(Kind.CONNECTION, self, **self._facts(outcome))

    def _facts(self, outcome: str) -> dict[str, str]:
        return {"connection": self.name, "url": self.address, "outcome": outcome}

    def _end_waits(self, error: JararacaError | None) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    async def _close(self) -> None:
        """Close what is open, but never wait long for a server that does not answer."""
        with suppress(TimeoutError, JararacaError):
            async with self._environment.clock.timeout(CLOSE_WITHIN):
                await self.broker.close()


def _is_refusal(error: Exception) -> bool:
    """Whether the broker answered, or nobody knows what it is; else there is no broker to be reached."""
    return isinstance(error, LoginRefused) or not isinstance(error, ServerUnavailable)


def _unexpected(address: str, error: Exception) -> BrokerUnavailable:
    failure = BrokerUnavailable(
        f"connecting to the broker at {address} failed unexpectedly ({type(error).__name__}). See the log for where."
    )
    failure.__cause__ = error
    return failure
