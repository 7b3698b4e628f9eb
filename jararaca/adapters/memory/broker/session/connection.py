"""A connection of AMQP 0-9-1 to a virtual host, without the bytes."""

from jararaca.adapters.memory.broker.refusals import channel_error, connection_forced
from jararaca.adapters.memory.broker.session.channel import AmqpChannel
from jararaca.adapters.memory.broker.session.listening import ChannelListener, ConnectionListener
from jararaca.adapters.memory.broker.vhost import USER, VirtualHost
from jararaca.errors import BrokerUnavailable, ConnectionClosed


class AmqpConnection:
    """An open connection, logged in as `user`. Exclusive queues that it declares end with it.

    Raises:
        BrokerUnavailable: the virtual host is stopped.
    """

    def __init__(self, vhost: VirtualHost, listener: ConnectionListener, *, user: str = USER) -> None:
        if not vhost.running:
            raise BrokerUnavailable("the in-memory broker is stopped. Connect again when it runs.")
        self.vhost = vhost
        self.user = user
        self.open = True
        self._listener = listener
        self._channels: dict[int, AmqpChannel] = {}
        vhost.attach(self)

    def channel(self, number: int, listener: ChannelListener) -> AmqpChannel:
        """Open a channel (channel.open). Raises `ConnectionClosed` 504 if one of this number is open."""
        if number in self._channels:
            self.close()
            refusal = channel_error("second 'channel.open' seen")
            raise ConnectionClosed(refusal.code, refusal.text, class_id=20, method_id=10)
        channel = self._channels[number] = AmqpChannel(self, number, listener)
        return channel

    def close(self) -> None:
        """End the connection in good order: every channel ends, exclusive queues go. No effect when it is closed."""
        if not self.open:
            return
        self.open = False
        self.sever()
        for channel in list(self._channels.values()):
            channel.end()
        self.vhost.detach(self)

    def pause(self) -> None:
        """Deliver nothing on any channel until `resume`, as RabbitMQ does for a client that reads too slowly."""
        for channel in self._channels.values():
            channel.pause()

    def resume(self) -> None:
        """Deliver again."""
        for channel in list(self._channels.values()):
            channel.resume()

    @property
    def blocked(self) -> bool:
        """Whether the broker stops reading from this connection once it has published.

        The session carries out whatever it is given: it is for its owner to stop reading, until `unblocked`.
        """
        return self.vhost.blocked

    # What the virtual host and the channels ask for

    def forget(self, number: int) -> None:
        """A channel has ended."""
        self._channels.pop(number, None)

    def sever(self) -> None:
        """Take no more deliveries."""
        for channel in self._channels.values():
            channel.stop()

    def drop(self) -> None:
        """The network fails."""
        if self.open:
            self.close()
            self._listener.lost()

    def force_close(self, reason: str) -> None:
        """An operator ends the connection, or the server goes: 320."""
        if self.open:
            self.close()
            self._listener.closed(connection_forced(reason))

    def block(self, reason: str) -> None:
        """An alarm begins."""
        self._listener.blocked(reason)

    def unblocked(self) -> None:
        """An alarm ends."""
        self._listener.unblocked()
