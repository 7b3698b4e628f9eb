"""The message bus of one application over one broker connection: its topology, its publishes, its waits.

Every process of an application declares the whole topology before its connection is ready, so that what is published
before the first worker runs waits for it. Steps of the wait ladder are declared when they are first used.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from jararaca.core.context import current_execution_or_none
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind, Origin
from jararaca.errors import BrokerUnavailable, ChannelClosed, UnroutableMessage
from jararaca.messagebus import headers
from jararaca.messagebus.config import DEFAULT_EXCHANGE, MessageBusConfig
from jararaca.messagebus.copies import copy_facts
from jararaca.messagebus.declaring import ANSWER_WITHIN, declare, look
from jararaca.messagebus.link import Link
from jararaca.messagebus.topics import nearest
from jararaca.messagebus.topology import Listener, Names, Topology, delay_topology, topology_of, wait_topology, waits_of
from jararaca.messagebus.waits import step_from_now, steps_within
from jararaca.ports.broker import Broker, BrokerState, Confirm, Envelope
from jararaca.ports.outbox import Inbox, Outbox

logger = logging.getLogger("jararaca.messagebus")

REMEMBERED_TOPICS = 1000
"""How many unroutable topics are told apart, so that topics made of identities do not fill the memory."""


@dataclass(frozen=True, slots=True)
class BusKey:
    """The key under which an application's environment offers a `BusConnection`."""

    name: str


class BusConnection:
    """One connection of one application, by its connection name.

    Args:
        environment: of the application, whose names and namespace everything on the broker carries.
        name: the connection name; `use_publisher(name)` finds it.
        url: of the broker.
        config: of the message bus.
        handlers: whose queues to declare.
        exchange: the topic exchange; None is the one of `config`, or `jararaca.events`.
        publish_timeout: seconds that one flush of publishes may take.
        heartbeat: seconds.
        outbox: where units of work leave their messages; None: they are published after the commit.
        inbox: what remembers the messages that were handled, where there is an outbox.

    Raises:
        InvalidTopic, InvalidHandler: a handler cannot be bound.
        MissingExtra: the URL's driver is not installed.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        name: str,
        url: str,
        config: MessageBusConfig,
        handlers: Sequence[Listener],
        exchange: str | None = None,
        publish_timeout: float = 5.0,
        heartbeat: int = 30,
        outbox: Outbox | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        self.name = name
        self.outbox = outbox
        self.inbox = inbox
        self.config = config
        self.publish_timeout = publish_timeout
        self.environment = environment
        self.names = Names(environment.owned(""), environment.shared(exchange or config.exchange or DEFAULT_EXCHANGE))
        self._patterns = tuple(handler.topic for handler in handlers)
        self._topology = topology_of(
            handlers, self.names, queue_type=config.queue_type, delivery_limit=config.delivery_limit
        )
        self._waits = waits_of(handlers, self.names, queue_type=config.queue_type)
        if config.topology != "declare":  # what may not be declared on first use has to be there before
            self._topology += self._waits
        self.one_suspect_at_a_time = asyncio.Lock()
        """Held by whoever sends a message again to see whether it is the one that the broker refuses."""
        self._steps: set[str] = set()
        self._unroutable: set[str] = set()
        self._link = Link(environment, name=name, url=url, heartbeat=heartbeat)

    @property
    def broker(self) -> Broker:
        """The connection itself; the same object after it was lost and opened again."""
        return self._link.broker

    @property
    def address(self) -> str:
        """The broker's URL for people, without user and password."""
        return self._link.address

    @property
    def ready(self) -> bool:
        """Whether it is connected, and the topology declared."""
        return self._link.is_up

    @property
    def can_publish(self) -> bool:
        """Whether it is ready, and the broker does not refuse publishes because of an alarm."""
        return self._link.is_up and self.broker.state is BrokerState.READY

    def on_ready(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each connect from now on, once the topology is declared.

        Returns a function that ends this.
        """
        return self._link.on_ready(callback)

    async def start(self, *, wait: bool, connect_within: float = 60.0) -> None:
        """Connect, declare, and keep it so until `stop`, through every loss.

        With `wait` it returns once it is ready. Without, it returns after the first attempt (at most two seconds) and
        goes on in the background: for processes that can do without a broker.

        Raises:
            BrokerUnavailable: with `wait`, nobody answered within `connect_within` seconds.
            LoginRefused: the broker answered and refused the user, password or virtual host.
            TopologyMismatch: something exists with other arguments than this application declares.
        """
        await self._link.start(self.declare)
        if wait:
            await self._link.until_up(connect_within)

    async def open(self, within: float) -> None:
        """Connect, instead of `start(wait=True)`, and declare nothing: what is there may differ, and may be missing.

        Raises:
            BrokerUnavailable, LoginRefused: as `start` does.
        """
        await self._link.start()
        await self._link.until_up(within)

    async def until_ready(self, within: float | None) -> None:
        """Return once it is ready, at once if it is; raises as `start(wait=True)` does. None: no limit."""
        await self._link.until_up(within)

    async def stop(self) -> None:
        """Close the connection; who waits for it is told `BrokerUnavailable`."""
        await self._link.stop()

    async def look(self) -> Topology:
        """Connect for once, instead of `start`, and see that everything is there as declared; raises as `start`."""
        try:
            async with self.environment.clock.timeout(ANSWER_WITHIN):
                await self.broker.connect()
            await look(self.broker, self._topology, mode=self.config.topology, clock=self.environment.clock)
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"the broker at {self.address} did not answer within {ANSWER_WITHIN:g} s. See whether it is overloaded."
            ) from error
        return self._topology

    async def declare(self) -> None:
        """Bring the topology about, again if need be.

        Raises:
            TopologyMismatch: something exists with other arguments, or is missing and may not be declared.
            BrokerUnavailable: the connection was lost.
        """
        self._steps.clear()
        await self._declare(self._topology)

    async def declare_everything(self, *, longest_delay: float = 0.0) -> Topology:
        """Declare also what is declared on first use otherwise, so that nothing has to be any more.

        These are the waits of the handlers' retries, and those of publishes with a delay of up to so many seconds.
        Returns all of it; raises as `declare` does.
        """
        steps = steps_within(longest_delay)
        delays = (delay_topology(self.names, step, queue_type=self.config.queue_type) for step in steps)
        everything = sum(delays, self._topology + self._waits)
        await self._declare(everything)
        return everything

    async def _declare(self, topology: Topology) -> None:
        await declare(self.broker, topology, mode=self.config.topology, clock=self.environment.clock)

    def queue_of(self, handler: Listener) -> str:
        """The queue of a handler."""
        return self.names.queue(handler.name)

    def dlq_of(self, handler: Listener) -> str:
        """The queue of a handler's dead letters."""
        return self.names.dead_letters(handler.name)

    def publish(self, envelope: Envelope, topic: str, *, mandatory: bool = False) -> asyncio.Future[Confirm]:
        """Queue one message for every queue that `topic` is bound to; see `Broker.publish` for the future."""
        return self.broker.publish(envelope, exchange=self.names.exchange, routing_key=topic, mandatory=mandatory)

    async def delay(self, envelope: Envelope, topic: str, seconds: float) -> asyncio.Future[Confirm]:
        """As `publish`, after `seconds`. The first step of the ladder is taken here, the others by who receives it.

        The future is done once the broker keeps the message. The envelope says when it is due.
        """
        step = step_from_now(seconds)
        await self._declare_step(delay_topology(self.names, step, queue_type=self.config.queue_type))
        return self.broker.publish(envelope, exchange=self.names.delay(step), routing_key=topic, mandatory=True)

    async def copy(self, envelope: Envelope, queue: str, *, origin: Origin | None = None) -> None:
        """Put a copy of a message into one queue, and return once the broker has it.

        `origin` is the execution it belongs to, unless that is the current one.

        Raises:
            UnroutableMessage: the queue does not exist.
            BrokerUnavailable, PublishRefused: the broker did not take it.
        """
        await self._send_copy(envelope, exchange="", queue=queue, delay=0.0, origin=origin)

    async def send_to_wait(
        self, envelope: Envelope, queue: str, seconds: float, *, origin: Origin | None = None
    ) -> None:
        """Put a copy of a message where it waits before it comes to `queue`; raises as `copy` does.

        It comes after the longest step of the ladder that `seconds` have room for; who receives it before it is due
        sends it on for the rest.
        """
        if headers.NOT_BEFORE not in envelope.headers:
            due = headers.milliseconds(self.environment.clock.now() + timedelta(seconds=seconds))
            envelope = envelope._replace(headers={**envelope.headers, headers.NOT_BEFORE: due})
        step = step_from_now(seconds)
        topology = wait_topology(self.names, step, queue_type=self.config.queue_type)
        await self._declare_step(topology)
        try:
            await self._send_copy(envelope, exchange=self.names.wait(step), queue=queue, delay=seconds, origin=origin)
        except (ChannelClosed, UnroutableMessage):  # somebody deleted the step since it was declared
            self._steps.clear()
            await self._declare_step(topology)
            await self._send_copy(envelope, exchange=self.names.wait(step), queue=queue, delay=seconds, origin=origin)

    async def _declare_step(self, topology: Topology) -> None:
        name = topology.exchanges[0].name
        if name not in self._steps:
            await self._declare(topology)
            self._steps.add(name)

    async def _send_copy(
        self, envelope: Envelope, *, exchange: str, queue: str, delay: float, origin: Origin | None
    ) -> None:
        steps, origin = self.environment.steps, origin or current_execution_or_none()
        facts = copy_facts(envelope, queue, delay)
        if steps.observers:
            await steps.before(Kind.COPY, envelope, origin, **facts)
        future = self.broker.publish(envelope, exchange=exchange, routing_key=queue, mandatory=True)
        try:
            async with self.environment.clock.timeout(ANSWER_WITHIN):
                await asyncio.wait([future])
        except TimeoutError:
            raise BrokerUnavailable(
                f"the broker at {self.address} did not confirm a copy for {queue!r} within {ANSWER_WITHIN:g} s. See "
                "whether it is overloaded or blocked."
            ) from None
        finally:
            future.cancel()  # of effect only if nobody waits for it any more
        if future.result().returned is not None:
            raise UnroutableMessage(
                f"a copy of message {envelope.message_id} for the queue {queue!r} was not taken: the queue or its wait "
                "does not exist. Declare the topology again.",
                topic=queue,
                exchange=exchange,
            )
        if steps.observers:
            steps.after(Kind.COPY, envelope, origin, **facts)

    def nearest_binding(self, topic: str) -> str | None:
        """The topic of one of this application's handlers that looks most like `topic`."""
        return nearest(topic, self._patterns)

    def was_unroutable(self, topic: str) -> None:
        """Log, once per topic, that a message which need not be routed was not."""
        if topic in self._unroutable or len(self._unroutable) >= REMEMBERED_TOPICS:
            return
        self._unroutable.add(topic)
        logger.warning(
            "no queue took a published message; this is said once per topic",
            extra={
                "topic": topic,
                "exchange": self.names.exchange,
                "nearest_binding": self.nearest_binding(topic),
                "connection": self.name,
            },
        )
