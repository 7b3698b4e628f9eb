"""The total-queue checker: every message that the broker confirmed was handled, or given up for a reason.

It looks through the ledger, above the ports. A message is owed to each handler whose topic it matches; a handler has
had it when an attempt was committed or acknowledged as its policy says, or when it is a dead letter. An early
acknowledgement is not enough. What waits for another attempt, or for its time, is owed still, but not lost. What the
broker itself gives up, by its delivery limit, the ledger does not know, and counts as lost.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jararaca.core.steps import Kind
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.harness import RunningApplication
from jararaca_testing.ledger import Ledger
from jararaca_testing.records import Record
from jararaca_testing.routing import binding_matches

Leg = tuple[str, str]
"""One message's id and one handler's name."""

KEPT_AGAIN = frozenset({"requeue", "wait"})


@dataclass(frozen=True, slots=True)
class TotalQueue:
    """What became of every confirmed message, for each handler that it was owed to.

    `lost` were confirmed, and nobody has had them; `doubled` were handled to a good end more than once, which the
    promise allows without an inbox; `dead` are dead letters; `waiting` are to be handled yet.
    """

    confirmed: int = 0
    handled: int = 0
    lost: Sequence[Leg] = ()
    doubled: Sequence[Leg] = ()
    dead: Sequence[Leg] = ()
    waiting: Sequence[Leg] = ()
    topics: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        topics: Mapping[str, str],
        owed: Sequence[Leg],
        *,
        handled: Mapping[Leg, int],
        dead: Collection[Leg] = (),
        kept: Collection[Leg] = (),
    ) -> "TotalQueue":
        """What became of messages, by their ids: what one of them has too much makes up for no other.

        Args:
            topics: of the confirmed messages, by id.
            owed: to which handler each of them was to come.
            handled: how often each was handled to a good end, whoever it was owed to.
            dead: what was given up, be it handled as well.
            kept: what will come again, or at its time.
        """
        open_legs = [leg for leg in owed if not handled.get(leg) and leg not in dead]
        return cls(
            confirmed=len(topics),
            handled=sum(leg in handled for leg in owed),
            lost=[leg for leg in open_legs if leg not in kept],
            doubled=[leg for leg in owed if handled.get(leg, 0) > 1],
            dead=[leg for leg in owed if leg in dead],
            waiting=[leg for leg in open_legs if leg in kept],
            topics=dict(topics),
        )

    def demand_nothing_lost(self) -> None:
        """Fail if something was lost.

        Raises:
            AssertionError: the text names each message and the handler that it was owed to.
        """
        if self.lost:
            lines = [f"  {self.topics[message]} {message}, owed to {handler}" for message, handler in self.lost]
            headline = f"{len(self.lost)} of {self.confirmed} confirmed messages are lost:"
            raise AssertionError("\n".join([headline, *lines]))


def total_queue(app: RunningApplication) -> TotalQueue:
    """What became of every message of an application that has come to rest.

    Raises:
        AssertionError: there are more records than the ledger keeps, so that nothing can be said.
    """
    ledger = app.ledger
    assert not ledger.forgotten, "the ledger has given up records: check after fewer messages"
    confirmed = {str(each.message_id): each for each in ledger.of_kind(Kind.CONFIRM) if each.outcome == "confirmed"}
    topics = {message: str(record.topic) for message, record in confirmed.items()}
    owed = [leg for message, topic in topics.items() for leg in _legs(message, topic, app.assembly.handlers)]
    delayed = {message for message, record in confirmed.items() if record.facts.get("delayed")}
    last = _last_settlements(ledger)
    dead = {leg for leg, outcome in last.items() if outcome == "dead-letter"}
    kept = {leg for leg in owed if last.get(leg) in KEPT_AGAIN or (leg not in last and leg[0] in delayed)}
    return TotalQueue.of(topics, owed, handled=_handled(ledger), dead=dead, kept=kept)


def _legs(message: str, topic: str, handlers: Sequence[HandlerSpec]) -> Iterator[Leg]:
    for handler in handlers:
        if binding_matches(handler.topic, topic):
            yield message, handler.name


def _handled(ledger: Ledger) -> Counter[Leg]:
    """How often each was handled to an end that was meant: its commit counts, and not only its acknowledgement."""
    committed = (each for each in ledger.of_kind(Kind.ATTEMPT) if each.outcome == "ok")
    handled = Counter(map(_leg, committed))
    for record in ledger.of_kind(Kind.SETTLE):
        if record.outcome == "ack" and record.reason != "early-ack" and _leg(record) not in handled:
            handled[_leg(record)] = 1
    return handled


def _last_settlements(ledger: Ledger) -> dict[Leg, str | None]:
    return {_leg(record): record.outcome for record in ledger.of_kind(Kind.SETTLE)}


def _leg(record: Record) -> Leg:
    return str(record.message_id), str(record.handler)
