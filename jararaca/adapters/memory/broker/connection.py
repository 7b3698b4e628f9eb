"""The wire between one connection and the server: what goes out arrives at once, what comes back waits for the loop."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any

from jararaca.adapters.memory.broker.session import AmqpConnection
from jararaca.adapters.memory.broker.subscription import PortChannel
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.errors import BrokerUnavailable, ChannelClosed, ConnectionClosed, JararacaError, PublishRefused
from jararaca.ports.broker import Confirm, Delivery, Envelope


class Connection:
    """An open connection. Callbacks run from the loop in the context of whoever connected, never inside a call.

    After the server closed the channel on which this connection publishes, what was published before the loop could
    tell so is refused with it, as what is under way on a closed channel.
    """

    def __init__(self, vhost: VirtualHost, lost: asyncio.Event) -> None:
        self._vhost = vhost
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._inbox: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._scheduled = False
        self._held: deque[tuple[asyncio.Future[Confirm], Envelope, str, str, bool]] = deque()
        self._refusal: ChannelClosed | None = None
        self._channels: dict[PortChannel, None] = {}
        self._numbered = 0
        self.amqp = AmqpConnection(vhost, self)
        lost.clear()

    @property
    def open(self) -> bool:
        return self.amqp.open

    def channel(self, on_delivery: Callable[[Delivery], None] | None = None) -> PortChannel:
        """Open a channel."""
        channel = PortChannel(self, on_delivery)
        self._channels[channel] = None
        return channel

    def forget(self, channel: PortChannel) -> None:
        """A channel was closed by its client."""
        self._channels.pop(channel, None)

    def number(self) -> int:
        """The number of a channel that is not open."""
        self._numbered += 1
        return self._numbered

    def publish(
        self, envelope: Envelope, exchange: str, routing_key: str, *, mandatory: bool
    ) -> asyncio.Future[Confirm]:
        """Publish, or hold back while the server is blocked. The future is done from the loop, in order."""
        future: asyncio.Future[Confirm] = self._loop.create_future()
        if self._vhost.blocked or self._held:
            self._held.append((future, envelope, exchange, routing_key, mandatory))
        else:
            outcome = self._outcome(envelope, exchange, routing_key, mandatory=mandatory)
            self.send(self._answer, (future, outcome))
        return future

    def send(self, callback: Callable[[Any], None], argument: Any) -> None:
        """Let `callback(argument)` run from the loop, after everything sent before."""
        self._inbox.append((callback, argument))
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._arrive, context=self._context)

    def drained(self) -> asyncio.Future[None]:
        """Done once everything sent before has arrived; fails with `BrokerUnavailable` if it never will."""
        future: asyncio.Future[None] = self._loop.create_future()
        self.send(self._answer, (future, None))
        return future

    def unblocked(self) -> None:
        """Publish what was held back, in order."""
        while self._held:
            future, envelope, exchange, routing_key, mandatory = self._held.popleft()
            try:
                outcome = self._outcome(envelope, exchange, routing_key, mandatory=mandatory)
            except JararacaError as error:
                outcome = error
            self.send(self._answer, (future, outcome))

    def blocked(self, _reason: str) -> None:
        """What is published from now on is held back."""

    def closed(self, _reason: ConnectionClosed) -> None:
        """The server said why before it went: for the application the connection is lost."""
        self.lost()

    def lost(self) -> None:
        """Nothing under way arrives, and nobody knows which of the unconfirmed publishes did."""
        answers = [argument for callback, argument in self._inbox if callback == self._answer]
        self._inbox.clear()
        for channel in self._channels:
            channel.lost.set()
        self._lost.set()
        for future in [answer[0] for answer in answers] + [held[0] for held in self._held]:
            if not future.done():
                future.set_exception(BrokerUnavailable("the connection to the broker was lost before it confirmed."))
        self._held.clear()

    def drop(self) -> None:
        """Lose the connection, as the network would."""
        self.amqp.drop()

    def close(self) -> None:
        """Closed in good order: the server has read what was sent, and its confirms still count."""
        if not self.open:
            return
        self.amqp.close()
        for answer in [argument for callback, argument in self._inbox if callback == self._answer]:
            self._answer(answer)
        self.lost()

    def _outcome(
        self, envelope: Envelope, exchange: str, routing_key: str, *, mandatory: bool
    ) -> Confirm | JararacaError:
        if self._refusal is not None:
            return ChannelClosed(self._refusal.code, self._refusal.text)
        try:
            return self._vhost.publish(envelope, exchange, routing_key, self, mandatory=mandatory)
        except PublishRefused as refused:
            return refused.with_traceback(None)
        except ChannelClosed as refusal:
            self._refusal = refusal.with_traceback(None)
            return refusal

    def _answer(self, answer: tuple[asyncio.Future[Any], Any]) -> None:
        future, outcome = answer
        if outcome is self._refusal:
            self._refusal = None
        if future.done():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _arrive(self) -> None:
        """Hand over what is here now; what that brings about arrives in the loop's next round."""
        inbox = self._inbox
        count = len(inbox)
        try:
            while count and inbox:
                count -= 1
                callback, argument = inbox.popleft()
                callback(argument)
        finally:
            self._scheduled = False
            if inbox:
                self._scheduled = True
                self._loop.call_soon(self._arrive, context=self._context)
