"""A comparison is worth what it finds: three defects, planted in the model, and how soon they show."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from jararaca.adapters.memory.broker.bindings import Bound
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.routing import TopicBindings, words_of
from jararaca.adapters.memory.broker.session.channel import AmqpChannel
from jararaca_testing.differential.comparison import Comparison
from jararaca_testing.differential.machine import Findings, search
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.observations import Observation
from jararaca_testing.differential.operations import Operation
from jararaca_testing.differential.server import AmqpServer
from jararaca_testing.differential.system import Matches

pytestmark = [pytest.mark.hypothesis, pytest.mark.slow]

WITHIN = 2_000
"""Operations until a defect has to be found."""

Plant = Callable[[pytest.MonkeyPatch], None]


def hash_needs_a_word(patch: pytest.MonkeyPatch) -> None:
    right = TopicBindings.matching

    def matching(self: TopicBindings, key: str, headers: Any) -> Iterable[Bound]:
        words = len(words_of(key))
        return [bound for bound in right(self, key, headers) if len(words_of(bound.binding.routing_key)) <= words]

    patch.setattr(TopicBindings, "matching", matching)


def ack_does_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AmqpChannel, "basic_ack", lambda channel, tag, *, multiple: None)


def life_ends_anywhere(patch: pytest.MonkeyPatch) -> None:
    right = MessageQueue.expire

    def expire(self: MessageQueue) -> None:
        now = asyncio.get_running_loop().time()
        messages = self._store.clear()
        is_due = [message.deadline is not None and message.deadline <= now for message in messages]
        self._store.put_back([message for message, due in zip(messages, is_due, strict=True) if not due])
        for message, due in zip(messages, is_due, strict=True):
            if due:
                self._host.bury(self, message, "expired")
        right(self)

    patch.setattr(MessageQueue, "expire", expire)


PLANTS = [hash_needs_a_word, ack_does_nothing, life_ends_anywhere]


class PlantedModel(MemoryModel):
    """The model with a defect that nobody else in the process has."""

    plant: Plant = staticmethod(lambda patch: None)

    def apply(self, operation: Operation) -> None:
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            super().apply(operation)

    def observe(self, matches: Matches, *, patience: float) -> Observation:
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            return super().observe(matches, patience=patience)

    def wait_until(self, moment: float) -> None:
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            super().wait_until(moment)


@pytest.fixture
def planted(request: pytest.FixtureRequest) -> Iterator[MemoryModel]:
    model = PlantedModel()
    model.plant = request.param
    yield model
    model.close()


def found_within(comparison: Comparison, operations: int) -> Findings:
    """The findings of the first search that finds something, or of the last one; `operations` are those of all."""
    done = seed = 0
    while True:
        findings = search(comparison, seed, enough=lambda: comparison.steps >= operations)
        done += findings.operations
        if findings.divergence is not None or done >= operations:
            return Findings(seed, done, findings.inconclusive, findings.unconfirmed, findings.divergence)
        seed += 1


@pytest.mark.parametrize("planted", PLANTS, indirect=True)
def test_a_planted_defect_shows_against_the_model_without_it(planted: MemoryModel, model: MemoryModel) -> None:
    findings = found_within(Comparison(planted, model), WITHIN)

    assert findings.divergence is not None
    assert findings.operations <= WITHIN
    assert len(findings.divergence.operations) <= 8


@pytest.mark.needs_servers
@pytest.mark.parametrize("planted", PLANTS, indirect=True)
def test_a_planted_defect_shows_against_rabbitmq(planted: MemoryModel, server: AmqpServer) -> None:
    findings = found_within(Comparison(planted, server), WITHIN)

    assert findings.divergence is not None
    assert findings.operations <= WITHIN
