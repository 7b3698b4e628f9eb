"""A message that RabbitMQ handed out, and the three ways to settle it."""

from jararaca.adapters.rabbitmq.channel import Channel
from jararaca.adapters.rabbitmq.frames import ack_frame, nack_frame, reject_frame
from jararaca.adapters.rabbitmq.properties import decode_header
from jararaca.ports.broker import Envelope


class RabbitMQDelivery:
    """A `Delivery`. The envelope is decoded when it is first looked at.

    A second settlement goes out like the first: the server answers it by closing the channel (406), which the
    subscription reports as lost.
    """

    __slots__ = (
        "_body",
        "_channel",
        "_envelope",
        "_header",
        "delivery_tag",
        "exchange",
        "redelivered",
        "routing_key",
    )

    def __init__(self, channel: Channel, fields: tuple[int, bool, str, str], header: bytes, body: bytes) -> None:
        self.delivery_tag, self.redelivered, self.exchange, self.routing_key = fields
        self._channel = channel
        self._header = header
        self._body = body
        self._envelope: Envelope | None = None

    @property
    def envelope(self) -> Envelope:
        if self._envelope is None:
            self._envelope = decode_header(self._header, self._body)
        return self._envelope

    @property
    def is_stale(self) -> bool:
        return not self._channel.open

    def ack(self) -> bool:
        return self._settle(ack_frame(self._channel.number, self.delivery_tag))

    def nack(self, *, requeue: bool) -> bool:
        return self._settle(nack_frame(self._channel.number, self.delivery_tag, requeue=requeue))

    def reject(self, *, requeue: bool) -> bool:
        return self._settle(reject_frame(self._channel.number, self.delivery_tag, requeue=requeue))

    def _settle(self, frame: bytes) -> bool:
        if self.is_stale:
            return False
        self._channel.write(frame)
        return True
