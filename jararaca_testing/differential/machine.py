"""The state machine of Hypothesis that plays with two brokers, and the search that runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random  # noqa: TID251 -- Hypothesis draws its seed
from typing import ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from jararaca_testing.differential import drawing
from jararaca_testing.differential.comparison import Comparison, Divergence, Inconclusive
from jararaca_testing.differential.operations import Operation, Publish
from jararaca_testing.differential.shrinking import confirmed, shortest

STEPS = 40
"""Operations in one example, the topology at its start not counted."""

EXAMPLES = 25
"""Examples under one seed."""


SEEDS = st.integers(0, 2**64 - 1)


@dataclass(slots=True)
class Hunt:
    """What the examples of one search have in common."""

    comparison: Comparison
    enough: Callable[[], bool]
    inconclusive: int = 0
    unconfirmed: list[Divergence] = field(default_factory=list)
    found: Divergence | None = None
    found_at: int | None = None

    def note(self, divergence: Divergence) -> None:
        """Believe what happens every time; what does not is a race within the server."""
        at = self.comparison.steps
        self.found = confirmed(self.comparison, divergence)
        if self.found is None:
            self.unconfirmed.append(divergence)
            self.comparison.steps = at
        else:
            self.found_at = at

    def ends(self) -> bool:
        return self.found is not None or self.enough()


class BrokerMachine(RuleBasedStateMachine):
    """Rules that do one operation each, on the two brokers of `hunt`."""

    hunt: ClassVar[Hunt]

    def __init__(self) -> None:
        super().__init__()
        self.comparison = self.hunt.comparison
        self._over = self.hunt.ends()
        self._published = 0
        self._drawn = 0
        if not self._over:
            self.comparison.begin()

    @initialize(randomness=SEEDS)
    def topology(self, randomness: int) -> None:
        for operation in drawing.topology(self._random(randomness)):
            self._do(operation)

    @rule(randomness=SEEDS)
    def step(self, randomness: int) -> None:
        """Every message of an example has a number of its own for a body."""
        operation = drawing.operation(self._random(randomness), self.comparison.ledger)
        if isinstance(operation, Publish):
            self._published += 1
            envelope = operation.envelope._replace(body=b"%d" % self._published + operation.envelope.body)
            operation = replace(operation, envelope=envelope)
        self._do(operation)

    def _random(self, randomness: int) -> Random:
        """Hypothesis likes to draw the same number again: the same is not to happen again."""
        self._drawn += 1
        return Random(f"{randomness}/{self._drawn}")

    def teardown(self) -> None:
        if not self._over:
            self._guarded(self.comparison.finish)

    def _do(self, operation: Operation) -> None:
        if not self._over:
            self._guarded(lambda: self.comparison.step(operation))

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Inconclusive:
            self._over = True
            self.hunt.inconclusive += 1
        except Divergence as divergence:
            self._over = True
            self.hunt.note(divergence)
        except BaseException:
            self._over = True
            raise


@dataclass(frozen=True, slots=True)
class Findings:
    """What one search came to.

    `operations` were done before the divergence, or in all if there is none. `inconclusive` examples were given up,
    because the machine was too slow to tell what came first. What is `unconfirmed` did not happen every time that the
    same was done again: two processes within the server raced.
    """

    seed: int
    operations: int
    inconclusive: int
    unconfirmed: tuple[Divergence, ...]
    divergence: Divergence | None


def search(
    comparison: Comparison, number: int, *, examples: int = EXAMPLES, enough: Callable[[], bool] = lambda: False
) -> Findings:
    """Run `examples` examples under one seed. A divergence ends it; it is reported as short as it can be made.

    Ends sooner, between two examples, when `enough` says so.
    """
    hunt = Hunt(comparison, enough)
    before = comparison.steps
    machine = type("Machine", (BrokerMachine,), {"hunt": hunt})
    options = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    run_state_machine_as_test(seed(number)(machine), settings=options)
    operations = (comparison.steps if hunt.found_at is None else hunt.found_at) - before
    found = None if hunt.found is None else shortest(comparison, hunt.found)
    return Findings(number, operations, hunt.inconclusive, tuple(hunt.unconfirmed), found)
