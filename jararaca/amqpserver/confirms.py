"""Confirms of one channel, in as few frames as say the same."""

import struct

from jararaca.adapters.rabbitmq.frames import ACK, END, METHOD, NACK
from jararaca.amqpserver.wire import Wire

_CONFIRM = struct.Struct(">BHIIQBB")
_SIZE = 13
_MULTIPLE = 1

HASTE = 0.00015
"""Seconds between two confirms that are less than a client needs to publish because of the first."""

GATHER = 0.001
"""Seconds for which confirms are gathered for a client that does not wait for each."""


class Confirms:
    """A run of tags is told in one ack with `multiple`, at the end of the turn of the loop that acked it.

    A client that publishes without waiting pays dearly for reading a confirm for each message. So once several have
    left in haste, they are gathered for a moment, until nothing comes together any more. RabbitMQ gathers too.

    The broker confirms in order, so that such an ack stands for nothing that was not told or acked before.
    """

    def __init__(self, channel: int, wire: Wire) -> None:
        self._channel = channel
        self._wire = wire
        self._told = 0
        self._acked = 0
        self._hasty = 0
        self._last = 0.0
        self._gathering = False

    def acked(self, tag: int) -> None:
        if self._acked == self._told and not self._gathering:
            if self._hasty < 4:
                self._wire.at_end_of_turn(self._send_promptly)
            else:
                self._gathering = True
                self._wire.later(GATHER, self._send_gathered)
        self._acked = tag

    def nacked(self, tag: int) -> None:
        self.send()
        self._write(NACK, tag, 0)
        self._told = self._acked = tag

    def send(self) -> None:
        """Tell what was acked since the last time."""
        run = self._acked - self._told
        if run:
            self._write(ACK, self._acked, _MULTIPLE if run > 1 else 0)
            self._told = self._acked

    def _send_promptly(self) -> None:
        now = self._wire.now()
        self._hasty = self._hasty + 1 if now - self._last < HASTE else 0
        self._last = now
        self.send()

    def _send_gathered(self) -> None:
        self._gathering = False
        if self._acked - self._told <= 1:  # it waits for each after all
            self._hasty = 0
        self.send()

    def _write(self, method: int, tag: int, bits: int) -> None:
        self._wire.write(_CONFIRM.pack(METHOD, self._channel, _SIZE, method, tag, bits, END))
