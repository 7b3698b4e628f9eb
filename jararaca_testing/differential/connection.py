"""One connection to an AMQP server that is compared: what is asked over it, and what arrives meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pamqp import commands

from jararaca_testing.differential.methods import confirms_of, event_of
from jararaca_testing.differential.observations import Closed, Observation, renamed_event
from jararaca_testing.differential.operations import CONNECTION_OF, Publish
from jararaca_testing.differential.socket_client import AmqpSocket, Arrival, Silence

FIRST_CONTROL = 100
"""The first of the channels over which the comparison looks; what arrives there is no event."""


class Connection:
    """One connection of the client, and what is under way on its channels."""

    def __init__(self, number: int, url: str, observation: Observation, name: Callable[[Any], Any]) -> None:
        self.number = number
        self.socket = AmqpSocket(url)
        self.open = True
        self.channels: set[int] = set()
        self.unconfirmed: dict[int, set[int]] = {}
        self.observation = observation
        self._closing: int | None = None
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

    def close_channel(self, channel: int) -> None:
        """What still arrives meanwhile is discarded, as AMQP wants it."""
        self._closing = channel
        self.call(channel, commands.Channel.Close(200, "done", 0, 0))
        self._closing = None
        self.forget(channel)

    def synchronise(self) -> None:
        """Return when the server has read everything and said everything, publishes confirmed included."""
        asked = {channel for channel in self.channels if channel < FIRST_CONTROL}
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
                if channel != self._closing:
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
        if channel < FIRST_CONTROL:
            self.observation.add(channel, renamed_event(event, self._name))
