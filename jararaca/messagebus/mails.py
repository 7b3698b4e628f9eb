"""Messages on their way through an outbox: from what is published to what is stored, and back to what is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from jararaca.core.steps import Origin
from jararaca.errors import BrokerUnavailable
from jararaca.messagebus import headers
from jararaca.messagebus.copies import one_line
from jararaca.messagebus.flushing import Outgoing
from jararaca.ports.outbox import Failure, Letter, Row

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 300.0  # seconds


class Sender(NamedTuple):
    """What published a letter: the execution and what led to that."""

    id: str
    cause: str | None


@dataclass(slots=True, eq=False)
class Mail:
    """A row in the hands of a relay, claimed `until` then. `attempts` are those that failed."""

    id: int
    outgoing: Outgoing
    until: datetime
    attempts: int = 0

    @classmethod
    def of(cls, row: Row, until: datetime) -> "Mail":
        """A row that was claimed."""
        return cls(row.id, _outgoing(row.letter), until, row.attempts)

    @property
    def key(self) -> str | None:
        """Its ordering key."""
        key: str | None = self.outgoing.envelope.headers.get(headers.KEY)
        return key

    def failure(self, error: Exception, now: datetime, max_attempts: int) -> Failure:
        """What is noted of it after `error`: a broker that was away is not its fault, and is not counted."""
        said = one_line(f"{type(error).__name__}: {error}")
        if isinstance(error, BrokerUnavailable):
            return Failure(self.id, said, now + timedelta(seconds=FIRST_PAUSE), self.attempts)
        attempts = self.attempts + 1
        pause = timedelta(seconds=pause_after(attempts))
        return Failure(self.id, said, None if attempts >= max_attempts else now + pause, attempts)


def pause_after(attempts: int) -> float:
    """Seconds until a row is tried again that has failed so often, counted from 1."""
    return min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)


def letter_of(outgoing: Outgoing) -> Letter:
    """A message as it is stored."""
    origin = outgoing.origin
    key = outgoing.envelope.headers.get(headers.KEY)
    execution, cause = (origin.id, origin.cause) if origin is not None else (None, None)
    return Letter(outgoing.envelope, outgoing.topic, key, outgoing.mandatory, outgoing.due, execution, cause)


def _outgoing(letter: Letter) -> Outgoing:
    origin: Origin | None = None if letter.execution is None else Sender(letter.execution, letter.cause)
    return Outgoing(letter.envelope, letter.topic, letter.mandatory, letter.due, origin=origin)


def waves(mails: Sequence[Mail]) -> Iterator[list[Mail]]:
    """Those that may leave together, one after the other: of each key one at a time, in order."""
    rest = list(mails)
    while rest:
        keys: set[str] = set()
        wave: list[Mail] = []
        later: list[Mail] = []
        for mail in rest:
            key = mail.key
            (later if key in keys else wave).append(mail)
            if key is not None:
                keys.add(key)
        yield wave
        rest = later
