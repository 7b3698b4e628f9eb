"""What a server shows now and then is no divergence: two of its processes race, and the model cannot be both."""

from collections.abc import Callable, Iterator

import pytest

from jararaca_testing.differential.comparison import Comparison, Divergence
from jararaca_testing.differential.machine import search
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.observations import Observation, QueueCounts
from jararaca_testing.differential.operations import DeclareQueue
from jararaca_testing.differential.shrinking import REPEATS, confirmed
from jararaca_testing.differential.system import Matches

OPERATION = DeclareQueue(name="q0")


class Moody(MemoryModel):
    """Shows a message that is not there, in the examples of which `is_wrong` says so by their number."""

    def __init__(self, is_wrong: Callable[[int], bool]) -> None:
        super().__init__()
        self.is_wrong = is_wrong
        self.examples = 0

    def begin(self) -> None:
        super().begin()
        self.examples += 1

    def observe(self, matches: Matches, *, patience: float) -> Observation:
        seen = super().observe(matches, patience=patience)
        if "q0" in seen.queues and self.is_wrong(self.examples):
            seen.queues["q0"] = QueueCounts(99, 0)
        return seen


@pytest.fixture
def moody() -> Iterator[Moody]:
    moody = Moody(lambda _: True)
    yield moody
    moody.close()


@pytest.fixture
def comparison(model: MemoryModel, moody: Moody) -> Comparison:
    return Comparison(model, moody)


def found(comparison: Comparison) -> Divergence:
    comparison.begin()
    with pytest.raises(Divergence) as caught:
        comparison.step(OPERATION)
    return caught.value


def test_what_happens_every_time_is_a_divergence(comparison: Comparison, moody: Moody) -> None:
    assert confirmed(comparison, found(comparison)) is not None
    assert moody.examples == 1 + REPEATS


def test_what_once_does_not_happen_is_a_race(comparison: Comparison, moody: Moody) -> None:
    moody.is_wrong = lambda example: example != REPEATS

    assert confirmed(comparison, found(comparison)) is None
    assert moody.examples == REPEATS


def test_a_search_counts_races_and_goes_on(comparison: Comparison, moody: Moody) -> None:
    wrong: set[int] = set()

    def the_first_time(example: int) -> bool:
        if not wrong:
            wrong.add(example)
        return example in wrong

    moody.is_wrong = the_first_time

    findings = search(comparison, 3, examples=5)

    assert findings.divergence is None
    assert len(findings.unconfirmed) == 1
    assert moody.examples > 5
