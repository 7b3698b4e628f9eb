"""The consumer of one handler: a subscription that is kept up, and a bounded number of attempts at a time."""

import asyncio
import contextvars
import logging

from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind
from jararaca.errors import BrokerError, ChannelClosed, ServerUnavailable
from jararaca.messagebus.attempt import Attempts
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.consumed import Backlog, Consumed
from jararaca.messagebus.declaring import ANSWER_WITHIN
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.messagebus.headers import read_marks
from jararaca.messagebus.once import once
from jararaca.messagebus.settling import Settler
from jararaca.messagebus.watchdog import Flow, Watchdog
from jararaca.ports.broker import Delivery, Subscription

logger = logging.getLogger("jararaca.messagebus")

PAUSE = 1.0
"""Seconds between two attempts to consume while the broker refuses."""


class HandlerConsumer:
    """Takes the messages of one handler's queue until it is stopped, through every loss of the connection.

    Attempts run as tasks of `tasks`, each in a context of its own: what a handler sets there, no other one sees.
    """

    def __init__(
        self,
        environment: Environment,
        handler: HandlerSpec,
        connection: BusConnection,
        config: MessageBusConfig,
        tasks: TaskScope,
    ) -> None:
        self._environment = environment
        self._handler = handler
        self._connection = connection
        self._tasks = tasks
        self.queue = connection.queue_of(handler)
        self._settler = Settler(environment, handler, connection)
        remembers = once(environment, connection, handler.name, idempotent=handler.idempotent)
        self._attempts = Attempts(environment, handler, self._settler, config, remembers)
        self._concurrency = handler.concurrency or config.concurrency
        self._prefetch = self._concurrency if config.prefetch is None else config.prefetch
        self._backlog = Backlog(ordered=handler.ordered)
        self._running: dict[asyncio.Task[None], Consumed] = {}
        self._task_name = f"attempt of {handler.name}"
        self._context = contextvars.copy_context()
        self._subscriptions: list[Subscription] = []
        self._arrived = 0
        self._stopping = False
        self.consuming = asyncio.Event()
        """Set while a subscription is up."""

    @property
    def handler(self) -> str:
        """The name of the handler."""
        return self._handler.name

    @property
    def running(self) -> frozenset[asyncio.Task[None]]:
        """The attempts under way."""
        return frozenset(self._running)

    async def keep(self) -> None:
        """Consume, and consume again whenever the subscription ends. Returns only when cancelled."""
        self._context = contextvars.copy_context()  # not a publisher's: a broker in memory delivers from within one
        while True:
            try:
                await self._connection.until_ready(None)
                subscription = await self._consume()
            except (ServerUnavailable, BrokerError) as error:
                logger.warning(
                    "a queue cannot be consumed for now",
                    extra={"queue": self.queue, "error": f"{type(error).__name__}: {error}"},
                )
                await self._environment.clock.sleep(PAUSE)
                if isinstance(error, ChannelClosed):
                    await self._declare_again()
            else:
                await self._until_over(subscription)

    async def _consume(self) -> Subscription:
        subscription = await self._connection.broker.consume(
            self.queue, prefetch=self._prefetch, on_delivery=self._on_delivery
        )
        self._subscriptions.append(subscription)
        self.consuming.set()
        return subscription

    async def _until_over(self, subscription: Subscription) -> None:
        ends = [
            self._tasks.spawn(event.wait(), name=f"watch {self.queue}")
            for event in (subscription.lost, subscription.cancelled)
        ]
        silence = self._tasks.spawn(self._silence(), name=f"watchdog of {self.queue}")
        try:
            await asyncio.wait([*ends, silence], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.consuming.clear()
            for end in (*ends, silence):
                end.cancel()
        for consumed in self._backlog.drain():
            self._settler.requeue(consumed, "consumer-lost")
        if subscription.lost.is_set():
            self._subscriptions.remove(subscription)
            logger.warning("a consumer lost its channel", extra={"queue": self.queue})
            return
        # Attempts that run may still be settled on its channel, so it stays open until the worker stops.
        if subscription.cancelled.is_set():
            logger.warning("the broker cancelled a consumer", extra={"queue": self.queue})
        else:
            facts = {"queue": self.queue, "reason": silence.result()}
            logger.warning("a consumer went silent; its queue is consumed again", extra=facts)
            await self._forget(subscription)
        await self._declare_again()

    async def _silence(self) -> str:
        """Return once the broker has forgotten the consumer. Where nothing goes on unseen there is none to find."""
        if not self._environment.ports.polls:
            await asyncio.Event().wait()
        watchdog = Watchdog(self._connection.broker, self._environment.clock, self.queue, self._flow)
        return await watchdog.silence()

    def _flow(self) -> Flow:
        held = len(self._running) + len(self._backlog)
        return Flow(self._arrived, held < self._prefetch)

    async def _forget(self, subscription: Subscription) -> None:
        """Cancel a consumer of which the broker may know after all: one of a queue is enough."""
        try:
            async with self._environment.clock.timeout(ANSWER_WITHIN):
                await subscription.cancel()
        except (ServerUnavailable, BrokerError, TimeoutError):
            return  # it is gone

    async def _declare_again(self) -> None:
        try:
            await self._connection.declare()
        except (ServerUnavailable, BrokerError) as error:
            logger.warning("the topology cannot be declared", extra={"error": f"{type(error).__name__}: {error}"})

    def _on_delivery(self, delivery: Delivery) -> None:
        self._arrived += 1
        consumed = Consumed(delivery, read_marks(delivery.envelope.headers))
        if self._environment.steps.observers:
            self._environment.steps.after(
                Kind.DELIVERY,
                delivery,
                handler=self._handler.name,
                queue=self.queue,
                topic=consumed.topic,
                message_id=delivery.envelope.message_id,
                attempt=consumed.marks.attempt,
                redelivered=delivery.redelivered,
            )
        self._backlog.add(consumed)
        self._start_attempts()

    def _start_attempts(self) -> None:
        while not self._stopping and len(self._running) < self._concurrency:
            consumed = self._backlog.take()
            if consumed is None:
                return
            task = self._tasks.spawn(self._attempts.run(consumed), name=self._task_name, context=self._context.copy())
            self._running[task] = consumed
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        consumed = self._running.pop(task)
        self._settler.requeue(consumed, "cancelled")  # of effect only if it was cancelled before it began
        self._backlog.release(consumed)
        self._start_attempts()

    async def stop_taking(self) -> None:
        """Take nothing new, and hand back what was not started."""
        self._stopping = True
        self.consuming.clear()
        for subscription in self._subscriptions:
            try:
                await subscription.cancel()
            except (ServerUnavailable, BrokerError):
                continue  # it is gone already, and the broker requeued its messages
        for consumed in self._backlog.drain():  # only now: a consumer that lives would be given them again
            self._settler.requeue(consumed, "not-started")

    async def close(self) -> None:
        """Hand back what still runs, whatever becomes of it, and close the channels."""
        for consumed in self._running.values():
            self._settler.requeue(consumed, "abandoned")
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            try:
                await subscription.close()
            except (ServerUnavailable, BrokerError):
                continue
