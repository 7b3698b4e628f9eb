"""The consumer of one handler: a subscription that is kept up, and a bounded number of attempts at a time."""

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from contextlib import suppress

from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind
from jararaca.errors import BrokerError, ChannelClosed, ServerUnavailable
from jararaca.messagebus.attempt import Attempts
from jararaca.messagebus.circuit import Circuit
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.consumed import Backlog, Consumed
from jararaca.messagebus.declaring import ANSWER_WITHIN
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.messagebus.headers import read_marks
from jararaca.messagebus.mismatch import in_one_line
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
        breaker = handler.circuit_breaker
        self.circuit = None if breaker is None else Circuit(breaker, environment.clock)
        self._running: dict[asyncio.Task[None], Consumed] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._epochs: dict[asyncio.Task[None], int] = {}
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
    def is_paused(self) -> bool:
        """Whether its circuit is open, so that it consumes nothing on purpose."""
        return self.circuit is not None and self.circuit.state == "open"

    @property
    def running(self) -> frozenset[asyncio.Task[None]]:
        """The attempts under way."""
        return frozenset(self._running)

    async def keep(self) -> None:
        """Consume, and consume again whenever the subscription ends. Returns only when cancelled."""
        self._context = contextvars.copy_context()  # not a publisher's: a broker in memory delivers from within one
        while True:
            try:
                await self._environment.until_there()
                await self._connection.until_ready(None)
                subscription = await self._consume()
            except (ServerUnavailable, BrokerError) as error:
                logger.warning(
                    "a queue cannot be consumed for now",
                    extra={"queue": self.queue, "error": in_one_line(error)},
                )
                await self._environment.clock.sleep(PAUSE)
                if isinstance(error, ChannelClosed):
                    await self._declare_again()
            else:
                await self._until_over(subscription)

    async def _consume(self) -> Subscription:
        is_on_trial = self.circuit is not None and await self.circuit.admit() == "half-open"
        prefetch = 1 if is_on_trial else self._prefetch
        subscription = await self._connection.broker.consume(
            self.queue, prefetch=prefetch, on_delivery=self._on_delivery
        )
        self._subscriptions.append(subscription)
        self.consuming.set()
        return subscription

    async def _until_over(self, subscription: Subscription) -> None:
        ends = [subscription.lost.wait(), subscription.cancelled.wait()]
        if self.circuit is not None:
            ends.append(self.circuit.changed.wait())
        watching = [self._tasks.spawn(end, name=f"watch {self.queue}") for end in ends]
        silence = self._tasks.spawn(self._silence(), name=f"watchdog of {self.queue}")
        try:
            await asyncio.wait([*watching, silence], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.consuming.clear()
            for task in (*watching, silence):
                task.cancel()
        if subscription.lost.is_set():
            self._subscriptions.remove(subscription)
            self._give_back("consumer-lost")
            logger.warning("a consumer lost its channel", extra={"queue": self.queue})
        elif self.circuit is not None and self.circuit.changed.is_set():
            self._tell_of_circuit(self.circuit)
            await self._retire(subscription)
            self._give_back("circuit-open")
        else:
            if subscription.cancelled.is_set():
                logger.warning("the broker cancelled a consumer", extra={"queue": self.queue})
            else:
                facts = {"queue": self.queue, "reason": silence.result()}
                logger.warning("a consumer went silent; its queue is consumed again", extra=facts)
            await self._retire(subscription)
            self._give_back("consumer-lost")
            await self._declare_again()

    def _give_back(self, reason: str) -> None:
        for consumed in self._backlog.drain():
            self._settler.requeue(consumed, reason)

    def _tell_of_circuit(self, circuit: Circuit) -> None:
        facts = {"handler": self.handler, "queue": self.queue, "trips": circuit.trips}
        if circuit.state == "open":
            facts["next_trial_in"] = circuit.breaker.reset_timeout
            logger.warning("a handler fails too often; its consumer is paused", extra=facts)
        else:
            logger.info("a handler that failed too often works again", extra=facts)

    async def _silence(self) -> str:
        """Return once the broker has forgotten the consumer. Where nothing goes on unseen there is none to find."""
        if not self._environment.ports.polls:
            await asyncio.Event().wait()
        watchdog = Watchdog(self._connection.broker, self._environment.clock, self.queue, self._flow)
        return await watchdog.silence()

    def _flow(self) -> Flow:
        held = len(self._running) + len(self._backlog)
        return Flow(self._arrived, held < self._prefetch)

    async def _retire(self, subscription: Subscription) -> None:
        """Take nothing more from it; what runs may still be settled on its channel, which is closed after that."""
        try:
            async with self._environment.clock.timeout(ANSWER_WITHIN):
                await subscription.cancel()
        except (ServerUnavailable, BrokerError, TimeoutError):
            pass  # it is gone
        running = tuple(self._running)
        retiring = self._tasks.spawn(
            self._close_after(running, subscription), name=f"end of a consumer of {self.queue}"
        )
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)

    async def _close_after(self, running: Sequence[asyncio.Task[None]], subscription: Subscription) -> None:
        if running:
            await asyncio.wait(running)
        self._subscriptions.remove(subscription)
        await _close(subscription)

    async def _declare_again(self) -> None:
        try:
            await self._connection.declare()
        except (ServerUnavailable, BrokerError) as error:
            logger.warning("the topology cannot be declared", extra={"error": in_one_line(error)})

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
        while not self._stopping and self._may_begin():
            consumed = self._backlog.take()
            if consumed is None:
                return
            task = self._tasks.spawn(self._attempts.run(consumed), name=self._task_name, context=self._context.copy())
            self._running[task] = consumed
            task.add_done_callback(self._ended)
            if self.circuit is not None:
                self._epochs[task] = self.circuit.epoch

    def _may_begin(self) -> bool:
        """Whether there is room for one more attempt; on trial there is for one that began after the circuit opened."""
        circuit = self.circuit
        if circuit is not None and circuit.state != "closed":
            return circuit.state == "half-open" and circuit.epoch not in self._epochs.values()
        return len(self._running) < self._concurrency

    def _ended(self, task: asyncio.Task[None]) -> None:
        consumed = self._running.pop(task)
        if self.circuit is not None:
            epoch = self._epochs.pop(task)
            if consumed.was_attempted:
                self.circuit.record(consumed.error, epoch)
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
        for retiring in self._retiring:
            retiring.cancel()
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await _close(subscription)


async def _close(subscription: Subscription) -> None:
    with suppress(ServerUnavailable, BrokerError):  # it is gone already
        await subscription.close()
