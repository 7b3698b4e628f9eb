"""An AMQP server as one of the two systems: RabbitMQ, or whatever speaks its protocol.

Nothing here waits for a guessed time. A step has come to rest when two looks in a row show the same: a look takes a
synchronous method on every channel, so that what a channel was sent lies behind us, and a passive declaration of
every queue, which a queue answers after all that reached it before.
"""

import os
import time
from typing import Any

from pamqp import commands

from jararaca_testing.differential.connection import FIRST_CONTROL, Connection
from jararaca_testing.differential.management import Management
from jararaca_testing.differential.methods import UNANSWERED, method_of
from jararaca_testing.differential.observations import Observation, QueueCounts, renamed_binding
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
from jararaca_testing.differential.system import Matches

_PAUSE = 0.002
_QUEUES = range(4)
_EXCHANGES = range(4)


class AmqpServer:
    """The server at `url`. Everything on it gets names that nobody else has, and is deleted again.

    With its `management` it shows its bindings, of which AMQP does not tell; without, none are compared.
    `apply` and `observe` may raise `Silence`: the server neither answers nor says why.
    """

    def __init__(self, url: str, management: Management | None = None) -> None:
        self._url = url
        self._management = management
        self._run = os.urandom(3).hex()
        self._example = 0
        self._began = 0.0
        self._connections: dict[int, Connection] = {}
        self._control: Connection | None = None
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
            self._list_bindings()
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

    def _carry_out(self, connection: Connection, operation: Operation) -> None:
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

    def _list_bindings(self) -> None:
        if self._management is not None:
            listed = self._management.bindings(self._prefix)
            self._seen.bindings = [renamed_binding(binding, self._short) for binding in listed]

    def _note_owner(self, operation: DeclareQueue, number: int) -> None:
        if not operation.passive:
            self._owners[operation.name] = number if operation.exclusive else None

    def _close_channel(self, connection: Connection, channel: int) -> None:
        if channel in connection.channels:
            connection.close_channel(channel)

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
            reply = connection.call(FIRST_CONTROL, commands.Queue.Declare(0, name, True))
            if reply is not None:
                counts = QueueCounts(reply.method.message_count, reply.method.consumer_count)
                self._seen.queues[self._short(name)] = counts
            elif owner is None or connection is not self._control:
                del self._owners[name]

    def _control_of(self, owner: int | None) -> Connection:
        """The connection that may look at a queue; its channel for looks is open."""
        connection = None if owner is None else self._connections.get(owner)
        if connection is None or not connection.open:
            if self._control is None:
                self._control = Connection(-1, self._url, Observation(), str)
            connection = self._control
        if FIRST_CONTROL not in connection.channels:
            connection.open_channel(FIRST_CONTROL, confirms=False)
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
            control.call(FIRST_CONTROL, commands.Queue.Delete(0, self._named(f"q{number}"), False, False, False))
            self._control_of(None)
        for number in _EXCHANGES:
            control.call(FIRST_CONTROL, commands.Exchange.Delete(0, self._named(f"x{number}"), False, False))

    def _connect(self, number: int) -> Connection:
        return Connection(number, self._url, self._seen, self._short)

    @property
    def _prefix(self) -> str:
        return f"fuzz-{self._run}-{self._example}-"  # no dots: a routing key stays one word

    def _named(self, name: str) -> str:
        return self._prefix + name

    def _short(self, text: Any) -> Any:
        return text.replace(self._prefix, "")
