"""An application whose processes stand still at a gate, so that a test finds out what becomes of their work.

GATE names one of their steps, as in "before publish" or "before outbox sent", or a call of the schedule store, as in
"after the claim": a process is let through once, and stands still the second time. It says so, and what it sends and
handles.

NAME, DATABASE, JARARACA_BROKER_URL and JARARACA_SCHEDULE_STORE_URL, which is a Redis server, are those of the test.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from sqlalchemy import text

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
    Post,
    RestController,
    ScheduledAction,
    use_publisher,
    use_session,
)
from jararaca.adapters.redis.schedule_store import RedisScheduleStore
from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind, Step
from jararaca.messagebus.retry import RetryPolicy
from jararaca.scheduler.decorators import Tick

PERIOD = 6
LEASE = 3.0
"""Seconds between two ticks, and in which a lease ends: what a dead scheduler holds is free before the next tick."""

RETRIES = RetryPolicy(first_delay=1.0, jitter="none")


class Gate:
    """One step of the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._passed = False

    def is_reached(self, name: str) -> bool:
        """Whether the process is to stand still at this step."""
        if name != self._name:
            return False
        was_passed, self._passed = self._passed, True
        if was_passed:
            say("at the gate")
        return was_passed


gate = Gate(os.environ.get("GATE", ""))


def say(*words: object) -> None:
    print(*words, flush=True)


class Watch:
    """Says what became of messages, and lets the whole process stand still at the gate."""

    @asynccontextmanager
    async def lifecycle(self, _app: Microservice, container: Container) -> AsyncIterator[None]:
        remove = container.get_by_type(Environment).steps.add(self)
        yield
        remove()

    def observe(self, step: Step) -> None:
        facts = step.facts
        outcome = f" {facts['outcome']}" if step.kind is Kind.OUTBOX else ""
        if gate.is_reached(f"{step.phase} {step.kind}{outcome}"):
            signal.pause()
        if step.phase == "after" and step.kind in (Kind.ATTEMPT, Kind.CONFIRM, Kind.OUTBOX) and "message_id" in facts:
            say(step.kind, facts["outcome"], facts["message_id"])


def gated(name: str, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A call of the schedule store, with a gate on either side; everything else in the process goes on."""

    async def asked(*words: Any, **more: Any) -> Any:
        if gate.is_reached(f"before {name}"):
            await asyncio.Event().wait()
        answer = await ask(*words, **more)
        if gate.is_reached(f"after {name}"):
            await asyncio.Event().wait()
        return answer

    return asked


# calls that are no steps
RedisScheduleStore.claim = gated("the claim", RedisScheduleStore.claim)  # type: ignore[method-assign, assignment]
RedisScheduleStore.acquire = gated("the lease", RedisScheduleStore.acquire)  # type: ignore[method-assign, assignment]


class Order(BaseModel):
    """`failures` of its attempts fail."""

    number: int
    failures: int = 0


async def note(table: str, what: str) -> None:
    await use_session().execute(text(f"INSERT INTO {table} VALUES (:what)"), {"what": what})


@MessageBusController()
@RestController("/orders")
class Orders:
    @Post("/{number}")
    async def place(self, number: int, delay: float | None = None, failures: int = 0) -> None:
        await note("placed", str(number))
        order = Order(number=number, failures=failures)
        await use_publisher().publish(order, "order.placed", delay=delay, message_id=f"order-{number}")

    @IncomingHandler("order.placed", name="Orders.book", idempotent=True, retry=RETRIES)
    async def book(self, message: Message[Order]) -> None:
        order = message.payload()
        await note("booked", str(order.number))
        if message.attempt <= order.failures:
            raise OSError("not yet")


class Travelling:
    """Its runs may overlap: a tick that is late is run as well."""

    @ScheduledAction(
        f"* * * * * */{PERIOD}", dispatch="broker", misfire="all", allow_overlap=True, lease_ttl=LEASE, name="tick"
    )
    async def tick(self, tick: Tick) -> None:
        await note("booked", tick.scheduled_at.isoformat())


class Staying:
    @ScheduledAction(f"* * * * * */{PERIOD}", misfire="all", lease_ttl=LEASE, name="tick")
    async def tick(self, tick: Tick) -> None:
        await note("booked", tick.scheduled_at.isoformat())
        say("booked", tick.scheduled_at.isoformat())


NAME = os.environ.get("NAME", "app")
DATABASE = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", os.environ.get("DATABASE", "sqlite+aiosqlite://")))
OUTBOX = MessageBusPublisherInterceptor(
    AIOPikaConnectionFactory(os.environ.get("JARARACA_BROKER_URL", "memory://")), delivery="outbox"
)

orders = Microservice(name=NAME, controllers=[Orders], interceptors=[Watch(), DATABASE, OUTBOX])
ticks = Microservice(name=NAME, controllers=[Travelling], interceptors=[Watch(), DATABASE, OUTBOX])
ticks_without_outbox = Microservice(name=NAME, controllers=[Travelling], interceptors=[Watch()])
staying = Microservice(name=NAME, controllers=[Staying], interceptors=[Watch(), DATABASE])
