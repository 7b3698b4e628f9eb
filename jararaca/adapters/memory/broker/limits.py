"""When a queue is too full: length limits, and the slower mind of a quorum queue that rejects."""

from weakref import WeakKeyDictionary

from jararaca.adapters.memory.broker.arguments import QueueOptions

_RESUME_BELOW = 0.8
"""Share of the limit down to which a rejecting quorum queue must fall before it accepts again."""


class Limits:
    """Counts the ready messages of one queue, and their bytes, against `x-max-length` and `x-max-length-bytes`.

    A classic queue that rejects does so before the message that would be too many. A quorum queue notices after it,
    and then tells each publisher that it knows to stop, until it is down to four fifths of its limit. One that comes
    in between is not told.
    """

    def __init__(self, options: QueueOptions) -> None:
        self.bounded = options.max_length is not None or options.max_bytes is not None
        self._rejects = options.rejects
        self._quorum = options.quorum
        self._max_length = options.max_length
        self._max_bytes = options.max_bytes
        self._stopped: WeakKeyDictionary[object, bool] = WeakKeyDictionary()  # those who have published, if told to

    def refuses(self, length: int, size: int, incoming: int, publisher: object) -> bool:
        """Whether a publish of `incoming` bytes is refused while `length` messages of `size` bytes are there."""
        if not self._rejects:
            return False
        if self._quorum:
            self.observe(length, size)
            return self._stopped.setdefault(publisher, self.exceeded(length, size))
        return self.exceeded(length + 1, size + incoming)

    def observe(self, length: int, size: int) -> None:
        """What the queue holds now: a rejecting quorum queue changes its mind here."""
        if not (self._rejects and self._quorum):
            return
        if self.exceeded(length, size):
            self._stopped.update(dict.fromkeys(self._stopped, True))
        elif not self.exceeded(length / _RESUME_BELOW, size / _RESUME_BELOW):
            self._stopped.update(dict.fromkeys(self._stopped, False))

    def drops_head(self, length: int, size: int) -> bool:
        """Whether the oldest message has to go."""
        return not self._rejects and length > 0 and self.exceeded(length, size)

    def exceeded(self, length: float, size: float) -> bool:
        return (self._max_length is not None and length > self._max_length) or (
            self._max_bytes is not None and size > self._max_bytes
        )
