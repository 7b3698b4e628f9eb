"""Two brokers, step by step: the same operations in the same time, and an error at the first thing that differs.

Time on a server is real, and the model's follows it. So that nobody has to guess which of two things came first, a
step never begins close to a moment at which something falls due: both sides wait until it has happened.
"""

from collections.abc import Sequence
from dataclasses import replace

from jararaca.ports.broker import Envelope
from jararaca_testing.differential.ledger import Ledger
from jararaca_testing.differential.observations import Observation, difference, raced
from jararaca_testing.differential.operations import (
    SETTLEMENTS,
    Ack,
    CloseChannel,
    Get,
    Nack,
    Operation,
    Publish,
    Wait,
    as_source,
)
from jararaca_testing.differential.system import Model, System

MARGIN = 0.025
"""Seconds between a step and the nearest moment at which something falls due; more on a machine that is slow."""

PATIENCE = 2.0
"""Real seconds in which the server has to show what the model shows."""

PROBE = Envelope(b"probe", headers={"h": 1, "word": "a"})
PROBED_KEYS = ("", "a", "b", "a.b", "b.a", "a.b.c", "a..b", "q0", "q1")


class Divergence(AssertionError):
    """The two brokers differ. `operations` led there, the last one shows it; `diff` says how."""

    def __init__(self, operations: Sequence[Operation], diff: str) -> None:
        self.operations = tuple(operations)
        self.diff = diff
        listed = as_source(list(operations)).replace("\n", "\n    ")
        super().__init__(
            f"after {len(operations)} steps the model (+) shows something else than the server (-):\n\n{diff}\n\n"
            "As a test:\n\n"
            "def test_the_model_agrees(agree: Agree) -> None:\n"
            f"    agree({listed})\n"
        )


class Inconclusive(Exception):
    """Something fell due while a step was under way: this machine is too slow to say which came first."""


class Comparison:
    """Applies each operation to `model` and to `server`, and compares what both show. `begin` comes first.

    `ledger` knows what is unsettled, which is what `Ack` and its like can be about. `steps` counts the operations of
    all examples, those with which `finish` looks into every corner not included.
    """

    def __init__(self, model: Model, server: System) -> None:
        self._model = model
        self._server = server
        self.ledger = Ledger()
        self.operations: list[Operation] = []
        self.steps = 0
        self.patience = PATIENCE
        self._delay = 0.0
        self._passed = False
        self._tags: dict[int, dict[int, int]] = {}

    def begin(self) -> None:
        """Start over with two empty brokers."""
        self._server.begin()
        self._model.begin()
        self.ledger = Ledger()
        self.operations = []
        self._delay = 0.0
        self._tags = {}

    def step(self, operation: Operation) -> Observation:
        """Do one thing on both sides. Returns what the model shows.

        Raises:
            Divergence: the server shows something else.
            Inconclusive: nobody can tell. Begin anew.
        """
        self.steps += 1
        return self._do([operation])

    def finish(self) -> None:
        """Look where the steps may not have looked: what is unsettled returns, queues are emptied, bindings tried.

        Raises:
            Divergence: as `step`.
            Inconclusive: as `step`.
        """
        for channel in sorted({0, *self.ledger.channels}):
            seen = self._do([CloseChannel(channel=channel)])
        for name, counts in sorted(seen.queues.items()):
            channel = self.ledger.owner_of(name)
            if counts.ready:
                self._do([Get(channel=channel, queue=name, no_ack=True) for _ in range(counts.ready)])
        for exchange in sorted(self.ledger.exchanges):
            probes = [
                Publish(exchange=exchange, routing_key=key, envelope=PROBE, mandatory=True) for key in PROBED_KEYS
            ]
            self._do(probes[:1])
            if 0 in self.ledger.channels:  # it is there: nothing closed the channel
                self._do(probes[1:])

    def _do(self, operations: Sequence[Operation]) -> Observation:
        """Both sides do all of it, and are looked at once."""
        due: list[float] = []
        for operation in operations:
            operation = self._unambiguous(operation)  # noqa: PLW2901 -- what is done is what is reported
            began = self._come_to_a_quiet_moment(operation.seconds if isinstance(operation, Wait) else 0.0)
            if self._passed and isinstance(operation, SETTLEMENTS):
                self._look(due)  # what it settles may have come meanwhile
            self.operations.append(operation)
            due += self._due_after(began)
            self._model.apply(operation)
            self._server.apply(self._as_the_server_counts(operation))
            self.ledger.note(operation)
            due += self._due_after(began)
        seen = self._look(due)
        self._delay = max(self._delay, self._server.now() - began)
        return seen

    def _look(self, due: Sequence[float]) -> Observation:
        """Compare what both show; `due` are moments at which something may have happened during the step."""
        looks = [self._server.now()]
        ours = self._model.observe(lambda _: True, patience=0.0)

        def matches(seen: Observation) -> bool:
            looks.append(self._server.now())
            return difference(ours, seen) is None

        theirs = self._server.observe(matches, patience=self.patience)
        self.ledger.see(ours)
        diff = difference(ours, theirs) or self.ledger.contradiction(self._model.unacked())
        if diff is not None:
            if any(moment < max(looks[:2]) + MARGIN for moment in due):
                raise Inconclusive
            raise Divergence(self.operations, diff)
        self._note_tags(ours, theirs)
        return ours

    def _due_after(self, moment: float) -> list[float]:
        """The next thing that falls due, in a list; an empty one if nothing does."""
        due = self._model.next_due(moment)
        return [] if due is None else [due]

    def _come_to_a_quiet_moment(self, seconds: float) -> float:
        """Let `seconds` pass on both sides, and more until nothing falls due nearby. Returns the moment.

        `_passed` is then whether something fell due since the last look.
        """
        next_due = self._model.next_due(self._model.now())
        moment = self._server.now() + seconds
        margin = MARGIN + self._delay
        after = moment - margin
        while (due := self._model.next_due(after)) is not None and due < moment + margin:
            after, moment = due, max(moment, due + margin)
        self._server.wait_until(moment)
        moment = max(moment, self._server.now())
        self._model.wait_until(moment)
        self._passed = next_due is not None and next_due <= self._model.now()
        return moment

    def _unambiguous(self, operation: Operation) -> Operation:
        """Without `multiple`, where the two sides count the deliveries of a channel in different orders."""
        if isinstance(operation, Ack | Nack) and operation.multiple and self._tags.get(operation.channel):
            return replace(operation, multiple=False)
        return operation

    def _as_the_server_counts(self, operation: Operation) -> Operation:
        if isinstance(operation, SETTLEMENTS):
            tag = self._tags.get(operation.channel, {}).get(operation.tag, operation.tag)
            return replace(operation, tag=tag)
        return operation

    def _note_tags(self, ours: Observation, theirs: Observation) -> None:
        """Remember by which tag the server knows a delivery, where several queues raced to one channel."""
        self._tags = {channel: tags for channel, tags in self._tags.items() if channel in self.ledger.channels}
        if not (raced(ours) or raced(theirs)):
            return
        for channel in ours.events:
            by_consumer: dict[str, list[int]] = {}
            for delivered in theirs.deliveries(channel):
                by_consumer.setdefault(delivered.consumer, []).append(delivered.tag)
            for delivered in ours.deliveries(channel) if channel in self.ledger.channels else ():
                tag = by_consumer[delivered.consumer].pop(0)
                if tag != delivered.tag:
                    self._tags.setdefault(channel, {})[delivered.tag] = tag
