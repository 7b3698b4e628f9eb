"""What is under way right now, seen in the application's steps; what `settle` waits for and its failure names."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.cycles import Cycles
from jararaca_testing.mortality import LIFE, Life
from jararaca_testing.routing import binding_matches

HANDLED = frozenset({Kind.REQUEST, Kind.ATTEMPT, Kind.TICK})

Leg = tuple[str, str]
"""One handler's name and one message's id: each handler has a copy of its own."""


class InFlight:
    """Requests, attempts and firings that have begun and not ended, and messages that are on their way.

    A message is on its way to each handler that it matches from its publish to its delivery, and under way from there
    to its settlement, or to its next delivery if it goes back to its queue. Sent into a wait it is not: a delay is not
    waited for. In an outbox it is on its way until the relay has tried to send it.

    `now` tells seconds, for messages that may expire on their way. `exchange` is where the handlers listen, known once
    the application runs; None believes that it is everywhere. So are `queues`, each with its handler. `on_step` is the
    listener; it tells `changed`. Each thing belongs to the life in which it happens, and is given up with it by
    `forget`.
    """

    def __init__(self, handlers: Sequence[HandlerSpec], now: Callable[[], float] = lambda: 0.0) -> None:
        self._handlers = tuple(handlers)
        self._now = now
        self._open: dict[tuple[str, str | None], tuple[str, Life | None]] = {}
        self._sent: Counter[Leg] = Counter()
        self._returned: Counter[Leg] = Counter()
        self._unsettled: dict[int, tuple[Leg, object, Life | None]] = {}
        self._expiring: dict[Leg, float] = {}
        self._staged: set[object] = set()
        self._cycles = Cycles(self._handlers)
        self.cycles = self._cycles.lines
        self.exchange: str | None = None
        self.queues: dict[str, str] = {}
        self.steps = 0
        self.changed: Callable[[], None] = lambda: None

    def on_step(self, step: Step) -> None:
        """Take one step into account."""
        self.steps += 1
        self._cycles.on_step(step)
        if step.kind in HANDLED:
            self._handled(step)
        elif step.kind is Kind.PUBLISH and step.phase == "before":
            self._published(step)
        elif step.kind is Kind.CONFIRM and step.facts.get("outcome") != "confirmed":
            self._not_taken(step)
        elif step.kind is Kind.DELIVERY:
            self._delivered(step)
        elif step.kind is Kind.SETTLE and step.phase == "after":
            self._settled(step)
        elif step.kind is Kind.COPY and step.phase == "before":
            self._copied(step)
        elif step.kind is Kind.OUTBOX and step.phase == "after":
            self._moved_in_outbox(step)
        self.changed()

    def _handled(self, step: Step) -> None:
        if step.phase == "before":
            self._open[step.kind, step.execution] = (f"{step.kind} {_name(step)}", LIFE.get())
        else:  # a firing that was skipped ends without having begun
            self._open.pop((step.kind, step.execution), None)

    def _moved_in_outbox(self, step: Step) -> None:
        if step.facts["outcome"] == "staged":
            self._staged.add(step.facts["message_id"])
        else:
            self._staged.discard(step.facts.get("message_id"))

    def _published(self, step: Step) -> None:
        for leg in self._legs(step):
            self._sent[leg] += 1
            expiration = getattr(getattr(step.subject, "envelope", None), "expiration", None)
            if expiration is not None:
                self._expiring[leg] = self._now() + int(expiration) / 1000

    def _copied(self, step: Step) -> None:
        """A copy that does not wait is on its way to the handler of its queue; one for the dead letters has none."""
        handler = self.queues.get(str(step.facts["queue"]))
        if handler is not None and not step.facts["delay"]:
            self._sent[handler, str(step.facts["message_id"])] += 1

    def _not_taken(self, step: Step) -> None:
        for leg in self._legs(step):
            _one_less(self._sent, leg)

    def _legs(self, step: Step) -> Iterator[Leg]:
        facts = step.facts
        if facts.get("delayed") or self.exchange not in (None, facts.get("exchange")):
            return
        for handler in self._handlers:
            if binding_matches(handler.topic, str(facts["topic"])):
                yield handler.name, str(facts["message_id"])

    def _delivered(self, step: Step) -> None:
        leg = _leg(step)
        if step.facts.get("redelivered") and (self._returned[leg] > 0 or not self._sent[leg]):
            self._returned[leg] -= 1  # may come before its own return is known, if the channel was lost
        else:
            _one_less(self._sent, leg)
        self._unsettled[id(step.subject)] = (leg, step.subject, LIFE.get())  # kept alive, so that no other has its id

    def _settled(self, step: Step) -> None:
        leg, *_delivery = self._unsettled.pop(id(step.subject), (_leg(step), None, None))
        if step.facts["verb"] == "requeue" or step.facts.get("stale"):
            self._returned[leg] += 1
        elif not self._returned[leg]:
            del self._returned[leg]

    def forget(self, life: Life) -> None:
        """This life is over: nobody handles what it handled, and what it had not settled goes back to the broker."""
        self._open = {key: value for key, value in self._open.items() if value[1] is not life}
        for key, (leg, _delivery, whose) in tuple(self._unsettled.items()):
            if whose is life:
                del self._unsettled[key]
                self._returned[leg] += 1
        self.changed()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is being handled and nothing is on its way."""
        self._forget_expired()
        moves = self._open or self._unsettled or self._sent or self._staged
        return not (moves or any(each > 0 for each in self._returned.values()))

    def handling(self) -> Iterator[str]:
        """What is being handled at this moment."""
        for label, count in Counter(label for label, _life in self._open.values()).items():
            yield label if count == 1 else f"{count} of {label}"

    def unsettled(self) -> Iterator[str]:
        """Handlers that messages were delivered to, and that have not settled them."""
        held = Counter(leg[0] for leg, _delivery, _life in self._unsettled.values())
        for handler, count in held.items():
            yield f"{_messages(count)} delivered to {handler} and not settled"

    def travelling(self) -> Iterator[str]:
        """Handlers that messages are on their way to, for the first time or again."""
        self._forget_expired()
        if self._staged:
            yield f"{_messages(len(self._staged))} in the outbox"
        waiting = Counter[str]()
        for legs in (self._sent, self._returned):
            for (handler, _message), count in legs.items():
                waiting[handler] += max(count, 0)
        for handler, count in waiting.items():
            if count:
                yield f"{_messages(count)} on the way to {handler}"

    def _forget_expired(self) -> None:
        if not self._expiring:
            return
        now = self._now()
        for leg in [leg for leg, until in self._expiring.items() if until <= now]:
            del self._expiring[leg]
            self._sent.pop(leg, None)


def _name(step: Step) -> str:
    return str(step.facts.get("handler") or step.facts.get("action") or step.facts.get("route"))


def _leg(step: Step) -> Leg:
    facts: Any = step.facts
    return str(facts["handler"]), str(facts["message_id"])


def _one_less(legs: Counter[Leg], leg: Leg) -> None:
    legs[leg] -= 1
    if legs[leg] <= 0:
        del legs[leg]


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"
