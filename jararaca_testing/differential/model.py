"""The in-memory broker as one of the two systems, in virtual time on a loop of its own."""

from collections.abc import Callable, Coroutine
from typing import Any

from jararaca.adapters.memory.broker.session.channel import AmqpChannel
from jararaca.adapters.memory.broker.session.connection import AmqpConnection
from jararaca.adapters.memory.broker.session.delivery import AmqpDelivery
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Envelope, Queue, Returned
from jararaca_testing.clock import VirtualClock
from jararaca_testing.differential.calls import carry_out, content_of
from jararaca_testing.differential.observations import (
    CancelledByServer,
    Closed,
    Confirmed,
    Content,
    Delivered,
    Observation,
    QueueCounts,
    ReturnedMessage,
    without_times,
)
from jararaca_testing.differential.operations import (
    CONFIRMING,
    CONNECTION_OF,
    CloseChannel,
    DeclareQueue,
    DropConnection,
    Operation,
    Wait,
)
from jararaca_testing.differential.system import Matches
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.runner import Run
from jararaca_testing.timers import MICROSECONDS

_LOOKING = 100
"""The channel on which queues are counted."""


class _Ear:
    """Hears what one channel is told, or a whole connection."""

    def __init__(self, number: int, observation: Observation) -> None:
        self.number = number
        self.observation = observation

    def add(self, event: Any) -> None:
        self.observation.add(self.number, event)

    def answered(self, answer: Any) -> None:
        """What a call returns is noted by its caller."""

    def delivered(self, delivery: AmqpDelivery) -> None:
        tag, again = delivery.delivery_tag, delivery.redelivered
        self.add(Delivered(delivery.consumer_tag, tag, again, content_of(delivery)))

    def returned(self, reason: Returned, exchange: str, routing_key: str, envelope: Envelope) -> None:
        content = without_times(Content(exchange, routing_key, envelope))
        self.add(ReturnedMessage(reason.code, reason.text, content))

    def acked(self, delivery_tag: int, multiple: bool) -> None:  # noqa: ARG002 -- each publish is a step of its own
        self.add(Confirmed(delivery_tag, True))

    def nacked(self, delivery_tag: int, multiple: bool) -> None:  # noqa: ARG002
        self.add(Confirmed(delivery_tag, False))

    def cancelled(self, consumer_tag: str) -> None:
        self.add(CancelledByServer(consumer_tag))

    def closed(self, reason: ChannelClosed | ConnectionClosed) -> None:
        self.add(Closed(reason.code, reason.text, isinstance(reason, ConnectionClosed)))

    def blocked(self, reason: str) -> None: ...

    def unblocked(self) -> None: ...

    def lost(self) -> None: ...


class MemoryModel:
    """A `VirtualHost`, reached through its AMQP session."""

    def __init__(self) -> None:
        self._run = Run(VirtualLoop, name="the model")
        self._ears: dict[int, _Ear] = {}
        self._connections: dict[int, AmqpConnection] = {}
        self._channels: dict[int, AmqpChannel] = {}
        self._owners: dict[str, int] = {}
        self._seen = Observation()
        self._call(self._begin)

    def begin(self) -> None:
        self._call(self._begin)

    def now(self) -> float:
        elapsed: int = self._loop.microseconds - self._began
        return elapsed / MICROSECONDS

    def next_due(self, after: float) -> float | None:
        moments = ((timer.due - self._began) / MICROSECONDS for timer in self._loop.timers())
        return next((moment for moment in moments if moment > after), None)

    def unacked(self) -> dict[str, int]:
        return {name: depth.unacked for name, depth in self._vhost.depths().items()}

    def wait_until(self, moment: float) -> None:
        if (seconds := moment - self.now()) > 0:
            self._run(self._loop.advance(seconds))

    def apply(self, operation: Operation) -> None:
        if not isinstance(operation, Wait):
            self._call(lambda: self._apply(operation))

    def observe(self, matches: Matches, *, patience: float) -> Observation:  # noqa: ARG002 -- what it shows is final
        seen, self._seen = self._seen, Observation()
        for ear in self._ears.values():
            ear.observation = self._seen
        self._call(lambda: self._count(seen))
        seen.bindings = list(self._vhost.exchanges.bindings())
        return seen

    def close(self) -> None:
        self._call(self._vhost.stop)
        self._run.close()

    @property
    def _loop(self) -> Any:
        return self._run.loop

    def _call(self, act: Callable[[], object]) -> None:
        """The broker works within a running loop only, whose time it takes."""
        self._run(_as_coroutine(act))

    def _begin(self) -> None:
        self._began = self._loop.microseconds
        self._vhost = VirtualHost(VirtualClock(self._loop))
        self._seen = Observation()
        self._ears = {number: _Ear(number, self._seen) for number in CONNECTION_OF}
        self._connections.clear()
        self._channels.clear()
        self._owners.clear()
        self._control = AmqpConnection(self._vhost, _Ear(_LOOKING, Observation()))

    def _apply(self, operation: Operation) -> None:
        number = CONNECTION_OF[operation.channel]
        if isinstance(operation, DropConnection):
            if (dropped := self._connections.pop(number, None)) is not None:
                dropped.drop()
            return
        if isinstance(operation, CloseChannel):
            if (channel := self._channels.get(operation.channel)) is not None:
                channel.close()
            return
        try:
            answer = carry_out(self._channel(operation.channel), operation)
        except (ChannelClosed, ConnectionClosed) as refusal:
            whole = isinstance(refusal, ConnectionClosed)
            self._ears[_first_of(number) if whole else operation.channel].closed(refusal)
            return
        if answer is not None:
            self._ears[operation.channel].add(answer)
        if isinstance(operation, DeclareQueue) and operation.exclusive:
            self._owners[operation.name] = number

    def _channel(self, number: int) -> AmqpChannel:
        connection = self._connections.get(CONNECTION_OF[number])
        if connection is None or not connection.open:
            ear = self._ears[_first_of(CONNECTION_OF[number])]
            connection = self._connections[CONNECTION_OF[number]] = AmqpConnection(self._vhost, ear)
        channel = self._channels.get(number)
        if channel is None or not channel.open:
            channel = self._channels[number] = connection.channel(number + 1, self._ears[number])
            if number in CONFIRMING:
                channel.confirm_select()
        return channel

    def _count(self, seen: Observation) -> None:
        """Look at each queue as the other side is looked at: a classic queue takes it for use."""
        for name, depth in self._vhost.depths().items():
            seen.queues[name] = QueueCounts(depth.ready, depth.consumers)
            connection = self._connections.get(self._owners.get(name, -1))
            if connection is None or not connection.open:
                connection = self._control
            looking = connection.channel(_LOOKING, _Ear(_LOOKING, Observation()))
            looking.queue_declare(Queue(name), passive=True)
            looking.close()


def _first_of(connection: int) -> int:
    return min(channel for channel, owner in CONNECTION_OF.items() if owner == connection)


def _as_coroutine(act: Callable[[], object]) -> Coroutine[Any, Any, object]:
    async def call() -> object:
        return act()

    return call()
