"""An AMQP server as one of the two systems: RabbitMQ, or whatever speaks its protocol.

Nothing here waits for a guessed time. A step has come to rest when two looks in a row show the same: a look takes a
synchronous method on every channel, so that what a channel was sent lies behind us, and a passive declaration of
every queue, which a queue answers after all that reached it before.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pamqp import commands

from jararaca_testing.differential.methods import UNANSWERED, confirms_of, event_of, method_of
from jararaca_testing.differential.observations import Closed, Observation, QueueCounts, renamed_event
from jararaca_testing.differential.operations import (
    CONFIRMING,
    CONNECTION_OF,
    CloseChannel,
    DeclareQueue,
    DropConnection,
    Operation,
    Publish,
    Wait,
    renamed,
)
from jararaca_testing.differential.socket_client import AmqpSocket, Arrival, Silence
from jararaca_testing.differential.system import Matches

_PAUSE = 0.002
_FIRST_CONTROL = 100
_QUEUES = range(4)
_EXCHANGES = range(4)


class _Connection:
    """One connection of the client, and what is under way on its channels."""

    def __init__(self, number: int, url: str, observation: Observation, name: Callable[[Any], Any]) -> None:
        self.number = number
        self.socket = AmqpSocket(url)
        self.open = True
        self.channels: set[int] = set()
        self.unconfirmed: dict[int, set[int]] = {}
        self.observation = observation
        self._published: dict[int, int] = {}
        self._answers: dict[int, Any] = {}
        self._name = name

    def call(self, channel: int, method: Any) -> Any:
        """The reply, or None if the channel or the connection died over it. The reply is no event."""
        self._answers.pop(channel, None)
        self.send(channel, method)
        while self.open and channel in self.channels and channel not in self._answers:
            self.take(self.socket.receive())
        return self._answers.pop(channel, None)

    def send(self, channel: int, method: Any) -> None:
        try:
            self.socket.send(channel + 1, method)
        except OSError:  # the reason, if there is one, waits in what was received before
            self._drained()

    def publish(self, channel: int, method: Any, operation: Publish) -> None:
        if channel in self.unconfirmed:
            self._published[channel] = number = self._published.get(channel, 0) + 1
            self.unconfirmed[channel].add(number)
        try:
            self.socket.publish(channel + 1, method, operation.envelope)
        except OSError:
            self._drained()

    def open_channel(self, channel: int, *, confirms: bool) -> None:
        self.channels.add(channel)
        self.call(channel, commands.Channel.Open())
        if confirms:
            self.call(channel, commands.Confirm.Select(False))
            self.unconfirmed[channel] = set()
            self._published[channel] = 0

    def synchronise(self) -> None:
        """Return when the server has read everything and said everything, publishes confirmed included."""
        asked = {channel for channel in self.channels if channel < _FIRST_CONTROL}
        for channel in asked:
            self._answers.pop(channel, None)
            self.send(channel, commands.Channel.Flow(True))
        while self.open and any(self._awaits(channel) for channel in asked & self.channels):
            self.take(self.socket.receive())

    def _awaits(self, channel: int) -> bool:
        return channel not in self._answers or bool(self.unconfirmed.get(channel))

    def take(self, arrival: Arrival) -> None:
        channel = arrival.channel - 1
        method: Any = arrival.method
        match arrival.method:
            case commands.Connection.Close():
                self._end(Closed(method.reply_code, method.reply_text, whole_connection=True))
            case commands.Channel.Close():
                self.forget(channel)
                self.socket.send(channel + 1, commands.Channel.CloseOk())
                self._add(channel, Closed(method.reply_code, method.reply_text))
            case commands.Basic.Ack() | commands.Basic.Nack():
                for confirm in confirms_of(method, self.unconfirmed[channel]):
                    self._add(channel, confirm)
            case commands.Basic.Deliver() | commands.Basic.Return() | commands.Basic.Cancel():
                self._add(channel, event_of(arrival))
            case _:
                self._answers[channel] = arrival

    def tell(self, arrival: Any) -> None:
        """Make an event of a reply."""
        self._add(arrival.channel - 1, event_of(arrival))

    def forget(self, channel: int) -> None:
        self.channels.discard(channel)
        self.unconfirmed.pop(channel, None)

    def close(self) -> None:
        if self.open:
            self.open = False
            self.socket.close()

    def end_politely(self) -> None:
        """Say good-bye, so that the server notes no loss."""
        if self.open:
            self.send(-1, commands.Connection.Close(200, "done", 0, 0))
            with suppress(Silence):
                while not isinstance(self.socket.receive().method, commands.Connection.CloseOk):
                    pass
            self.close()

    def _drained(self) -> None:
        """The server hung up. Take what it said before."""
        try:
            while self.open:
                self.take(self.socket.receive())
        except Silence:
            self.close()

    def _end(self, closed: Closed) -> None:
        self.send(-1, commands.Connection.CloseOk())
        self._add(min(number for number, owner in CONNECTION_OF.items() if owner == self.number), closed)
        self.channels.clear()
        self.unconfirmed.clear()
        self.close()

    def _add(self, channel: int, event: Any) -> None:
        if channel < _FIRST_CONTROL:
            self.observation.add(channel, renamed_event(event, self._name))


class AmqpServer:
    """The server at `url`. Everything on it gets names that nobody else has, and is deleted again.

    `apply` and `observe` may raise `Silence`: the server neither answers nor says why.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._run = os.urandom(3).hex()
        self._example = 0
        self._began = 0.0
        self._connections: dict[int, _Connection] = {}
        self._control: _Connection | None = None
        self._seen = Observation()
        self._owners: dict[str, int | None] = {}

    def begin(self) -> None:
        self._clean()
        self._example += 1
        self._seen = Observation()
        self._began = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self._began

    def wait_until(self, moment: float) -> None:
        time.sleep(max(0.0, moment - self.now()))

    def apply(self, operation: Operation) -> None:
        if isinstance(operation, Wait):
            return
        number = CONNECTION_OF[operation.channel]
        if isinstance(operation, DropConnection):
            if (dropped := self._connections.pop(number, None)) is not None:
                dropped.close()
            return
        connection = self._connections.get(number)
        if connection is None or not connection.open:
            connection = self._connections[number] = self._connect(number)
        if isinstance(operation, CloseChannel):
            self._close_channel(connection, operation.channel)
            return
        if operation.channel not in connection.channels:
            connection.open_channel(operation.channel, confirms=operation.channel in CONFIRMING)
        self._carry_out(connection, renamed(operation, self._named))

    def observe(self, matches: Matches, *, patience: float) -> Observation:
        deadline = time.monotonic() + patience
        while True:
            self._rest()
            if matches(self._seen) or time.monotonic() > deadline:
                break
            time.sleep(_PAUSE)
        seen, self._seen = self._seen, Observation()
        for connection in self._connections.values():
            connection.observation = self._seen
        return seen

    def close(self) -> None:
        self._clean()
        if self._control is not None:
            self._control.end_politely()

    def _carry_out(self, connection: _Connection, operation: Operation) -> None:
        method = method_of(operation)
        if isinstance(operation, Publish):
            connection.publish(operation.channel, method, operation)
        elif isinstance(operation, UNANSWERED):
            connection.send(operation.channel, method)
        else:
            reply = connection.call(operation.channel, method)
            if reply is not None:
                connection.tell(reply)
                if isinstance(operation, DeclareQueue):
                    self._note_owner(operation, connection.number)

    def _note_owner(self, operation: DeclareQueue, number: int) -> None:
        if not operation.passive:
            self._owners[operation.name] = number if operation.exclusive else None

    def _close_channel(self, connection: _Connection, channel: int) -> None:
        if channel in connection.channels:
            connection.call(channel, commands.Channel.Close(200, "done", 0, 0))
            connection.forget(channel)

    def _rest(self) -> None:
        """Look until two looks in a row show the same."""
        before: Any = None
        while True:
            for connection in self._connections.values():
                connection.synchronise()
            self._count_queues()
            look = (dict(self._seen.queues), sum(map(len, self._seen.events.values())))
            if look == before:
                return
            before = look

    def _count_queues(self) -> None:
        self._seen.queues.clear()
        for name, owner in list(self._owners.items()):
            connection = self._control_of(owner)
            reply = connection.call(_FIRST_CONTROL, commands.Queue.Declare(0, name, True))
            if reply is not None:
                counts = QueueCounts(reply.method.message_count, reply.method.consumer_count)
                self._seen.queues[self._short(name)] = counts
            elif owner is None or connection is not self._control:
                del self._owners[name]

    def _control_of(self, owner: int | None) -> _Connection:
        """The connection that may look at a queue; its channel for looks is open."""
        connection = None if owner is None else self._connections.get(owner)
        if connection is None or not connection.open:
            if self._control is None:
                self._control = _Connection(-1, self._url, Observation(), str)
            connection = self._control
        if _FIRST_CONTROL not in connection.channels:
            connection.open_channel(_FIRST_CONTROL, confirms=False)
        return connection

    def _clean(self) -> None:
        for connection in self._connections.values():
            connection.end_politely()
        self._connections.clear()
        self._owners.clear()
        if not self._example:
            return
        control = self._control_of(None)
        for number in _QUEUES:
            control.call(_FIRST_CONTROL, commands.Queue.Delete(0, self._named(f"q{number}"), False, False, False))
            self._control_of(None)
        for number in _EXCHANGES:
            control.call(_FIRST_CONTROL, commands.Exchange.Delete(0, self._named(f"x{number}"), False, False))

    def _connect(self, number: int) -> _Connection:
        return _Connection(number, self._url, self._seen, self._short)

    @property
    def _prefix(self) -> str:
        return f"fuzz-{self._run}-{self._example}-"  # no dots: a routing key stays one word

    def _named(self, name: str) -> str:
        return self._prefix + name

    def _short(self, text: Any) -> Any:
        return text.replace(self._prefix, "")
