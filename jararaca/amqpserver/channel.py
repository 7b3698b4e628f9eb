"""One channel of one client: its frames to calls of the session, and what the session says back to frames."""

import struct
from collections.abc import Callable
from typing import Any

from pamqp import commands

from jararaca.adapters.memory.broker.message import MAX_BODY
from jararaca.adapters.memory.broker.session import AmqpChannel, AmqpConnection, AmqpDelivery, GetOk
from jararaca.adapters.rabbitmq.frames import ACK, BODY, HEADER, METHOD, METHOD_ID, frame
from jararaca.amqpserver.codec import decode_method, encode_method
from jararaca.amqpserver.confirms import Confirms
from jararaca.amqpserver.content import (
    PUBLISH,
    read_header,
    read_message,
    read_publish,
    write_content,
    write_deliver,
    write_get_ok,
    write_return,
)
from jararaca.amqpserver.methods import SERVED, Served
from jararaca.amqpserver.refusals import (
    foreign_header,
    longer_than_announced,
    no_body,
    no_header,
    no_method,
    opened_twice,
    too_large,
    undecodable,
    unimplemented,
)
from jararaca.amqpserver.wire import Wire
from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Envelope, Returned

_PUBLISH, _ACK = METHOD_ID.pack(PUBLISH), METHOD_ID.pack(ACK)
_ACCESS_REQUEST, _ACCESS_OK = bytes.fromhex("001e000a"), bytes.fromhex("001e000b0001")
_TAG = struct.Struct(">QB")
_ACK_SIZE = 13


class ServedChannel:
    """A channel that a client opened; the listener of its session.

    `closing`: the server closed it, and waits for the client to say that it knows.
    """

    def __init__(self, number: int, wire: Wire, connection: AmqpConnection, hold: Callable[[], None]) -> None:
        self.number = number
        self._connection = connection
        self._hold = hold
        self.closing = False
        self.session: AmqpChannel | None = None
        self._wire = wire
        self._confirms = Confirms(number, wire)
        self._asked: Served | None = None
        self._route: tuple[str, str, bool, bool] | None = None
        self._header: bytes | None = None
        self._announced = 0
        self._body: list[bytes] = []
        self._missing = 0

    def frame(self, kind: int, payload: bytes) -> None:
        """Take one frame of an open channel. Raises what ends the channel or the connection."""
        assert self.session is not None
        if kind == BODY:
            self._take_body(payload)
        elif kind == HEADER:
            self._take_header(payload)
        elif self._route is not None:
            raise no_body(PUBLISH) if self._header is not None else no_header(PUBLISH)
        elif payload.startswith(_PUBLISH):
            self._route = read_publish(payload)
            if self._connection.blocked:
                self._hold()
        elif payload.startswith(_ACK) and len(payload) == _ACK_SIZE:
            tag, bits = _TAG.unpack_from(payload, 4)
            self.session.basic_ack(tag, multiple=bits & 1 == 1)
        elif payload.startswith(_ACCESS_REQUEST):
            self._wire.write(frame(METHOD, self.number, _ACCESS_OK))  # of older clients; every answer is yes
        else:
            self._carry_out(self.session, decode_method(payload))

    def _carry_out(self, session: AmqpChannel, method: Any) -> None:
        served = SERVED.get(type(method))
        if served is None:
            if isinstance(method, commands.Channel.Open):
                raise opened_twice(method.index)
            raise undecodable(b"", method.index) if method.index == ACK else unimplemented(method.index)
        self._asked = None if getattr(method, "nowait", False) else served
        served.call(session, method)

    def close(self) -> None:
        """End the session, after all that it has confirmed was told."""
        self._confirms.send()
        if self.session is not None:
            self.session.close()

    # A message, frame by frame

    def _take_header(self, payload: bytes) -> None:
        if self._route is None:
            raise no_method()
        if self._header is not None:
            raise no_body(PUBLISH)
        class_id, size = read_header(payload)
        if class_id != PUBLISH >> 16:
            raise foreign_header(class_id, PUBLISH)
        if size > MAX_BODY:
            raise too_large(size, MAX_BODY, PUBLISH)
        self._header, self._announced, self._missing = payload, size, size
        if not size:
            self._publish(b"")

    def _take_body(self, payload: bytes) -> None:
        if self._header is None:
            raise no_method() if self._route is None else no_header(PUBLISH)
        self._missing -= len(payload)
        if self._missing < 0:
            raise longer_than_announced(self._announced, PUBLISH)
        if self._missing:
            self._body.append(payload)
        elif self._body:
            body, self._body = [*self._body, payload], []
            self._publish(b"".join(body))
        else:
            self._publish(payload)

    def _publish(self, body: bytes) -> None:
        assert self._route is not None
        assert self._header is not None
        assert self.session is not None
        exchange, routing_key, mandatory, immediate = self._route
        header, self._route, self._header = self._header, None, None
        self.session.basic_publish(
            read_message(header, body),
            exchange=exchange,
            routing_key=routing_key,
            mandatory=mandatory,
            immediate=immediate,
        )

    # As the listener of its session

    def answered(self, answer: Any) -> None:
        asked, self._asked = self._asked, None
        if isinstance(answer, GetOk):
            sent = answer.delivery
            method = write_get_ok(sent.delivery_tag, sent.redelivered, sent.exchange, sent.routing_key, answer.ready)
            self._wire.write(write_content(self.number, method, sent.envelope, self._wire.frame_max))
        elif asked is not None:
            self._wire.write(asked.reply(self.number, answer))

    def delivered(self, delivery: AmqpDelivery) -> None:
        method = write_deliver(
            delivery.consumer_tag, delivery.delivery_tag, delivery.redelivered, delivery.exchange, delivery.routing_key
        )
        self._wire.write(write_content(self.number, method, delivery.envelope, self._wire.frame_max))

    def returned(self, reason: Returned, exchange: str, routing_key: str, envelope: Envelope) -> None:
        method = write_return(reason.code, reason.text, exchange, routing_key)
        self._wire.write(write_content(self.number, method, envelope, self._wire.frame_max))

    def acked(self, delivery_tag: int, multiple: bool) -> None:  # noqa: ARG002 -- the broker confirms one by one
        self._confirms.acked(delivery_tag)

    def nacked(self, delivery_tag: int, multiple: bool) -> None:  # noqa: ARG002 -- as above
        self._confirms.nacked(delivery_tag)

    def cancelled(self, consumer_tag: str) -> None:
        self._wire.write(encode_method(self.number, commands.Basic.Cancel, consumer_tag=consumer_tag, nowait=True))

    def closed(self, reason: ChannelClosed) -> None:
        """Tell the client, and wait until it knows."""
        self.close()
        self.closing = True
        self._route, self._header, self._body = None, None, []
        self._wire.write(
            encode_method(
                self.number,
                commands.Channel.Close,
                reply_code=reason.code,
                reply_text=reason.text,
                class_id=reason.class_id,
                method_id=reason.method_id,
            )
        )
