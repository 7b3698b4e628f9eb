"""How two brokers are compared while time goes by between the steps."""

from collections.abc import Iterator

import pytest

from jararaca.ports.broker import Envelope
from jararaca_testing.differential.comparison import MARGIN, Comparison
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.observations import Observation
from jararaca_testing.differential.operations import Ack, Consume, DeclareQueue, Publish, Wait
from jararaca_testing.differential.system import Matches

DYING = {"x-message-ttl": 250, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q1"}


class Slow(MemoryModel):
    """Takes ten milliseconds for each look."""

    def observe(self, matches: Matches, *, patience: float) -> Observation:
        seen = super().observe(matches, patience=patience)
        self.wait_until(self.now() + 0.01)
        return seen


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.close()


def test_what_arrives_before_a_step_can_be_settled_by_it(model: MemoryModel, slow: Slow) -> None:
    """The wait ends in time; the acknowledgement is too close to the end of a message, and waits for it."""
    comparison = Comparison(model, slow)
    comparison.begin()
    comparison.step(DeclareQueue(name="q0", arguments=DYING))
    comparison.step(DeclareQueue(name="q1"))
    comparison.step(Publish(routing_key="q0", envelope=Envelope(b"1")))
    published = slow.now()
    comparison.step(Consume(channel=2, queue="q1", consumer="c0"))
    before = comparison.step(Wait(seconds=published + 0.25 - 2 * MARGIN - slow.now()))
    after = comparison.step(Ack(channel=2, tag=1))

    assert (before.queues["q0"].ready, before.deliveries(2)) == (1, [])
    assert after.events == {}
    assert model.unacked() == {"q0": 0, "q1": 0}
