"""Random faults for Hypothesis: plans to be tried on a cluster, made smaller when one of them breaks something."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from jararaca_testing.cluster.cluster import Cluster
from jararaca_testing.cluster.replica import Replica

Declare = Callable[[Cluster, Replica, "PlannedFault"], object]

KINDS: dict[str, Declare] = {
    "reorder": lambda cluster, on, plan: cluster.faults.reorder(on=on, after=plan.after),
    "duplicate": lambda cluster, on, plan: cluster.faults.duplicate(on=on, after=plan.after),
    "delay": lambda cluster, on, plan: cluster.faults.delay(by=plan.seconds, on=on, after=plan.after),
    "drop": lambda cluster, on, plan: cluster.faults.drop(on=on, after=plan.after),
    "lose confirm": lambda cluster, on, plan: cluster.faults.lose_confirm(on=on, after=plan.after),
    "disconnect at publish": lambda cluster, on, plan: cluster.faults.disconnect("publish", on=on, after=plan.after),
    "disconnect at confirm": lambda cluster, on, plan: cluster.faults.disconnect("confirm", on=on, after=plan.after),
    "disconnect at delivery": lambda cluster, on, plan: cluster.faults.disconnect("delivery", on=on, after=plan.after),
    "disconnect at ack": lambda cluster, on, plan: cluster.faults.disconnect("ack", on=on, after=plan.after),
    "fail commit": lambda cluster, on, plan: cluster.faults.fail_commit(on=on, after=plan.after),
    "commit unknown": lambda cluster, on, plan: cluster.faults.fail_commit(unknown=True, on=on, after=plan.after),
    "cut off from broker": lambda cluster, on, plan: _cut_off(cluster, on, "broker", plan),
    "cut off from database": lambda cluster, on, plan: _cut_off(cluster, on, "database", plan),
    "cut off from redis": lambda cluster, on, plan: _cut_off(cluster, on, "redis", plan),
    "cut off from store": lambda cluster, on, plan: _cut_off(cluster, on, "store", plan),
    "step clock": lambda cluster, on, plan: cluster.faults.step_clock(plan.seconds - 30, on=on),
    "kill before publish": lambda cluster, on, plan: cluster.faults.kill(on, "publish", after=plan.after),
    "kill before confirm": lambda cluster, on, plan: cluster.faults.kill(on, "confirm", after=plan.after),
    "kill before mark": lambda cluster, on, plan: cluster.faults.kill(on, "mark", after=plan.after),
    "kill before commit": lambda cluster, on, plan: cluster.faults.kill(on, "commit", after=plan.after),
    "kill after commit": lambda cluster, on, plan: cluster.faults.kill(on, "commit", phase="after", after=plan.after),
    "kill before copy": lambda cluster, on, plan: cluster.faults.kill(on, "copy", after=plan.after),
    "kill before ack": lambda cluster, on, plan: cluster.faults.kill(on, "ack", after=plan.after),
    "kill before claim": lambda cluster, on, plan: cluster.faults.kill(on, "claim", after=plan.after),
    "kill after claim": lambda cluster, on, plan: cluster.faults.kill(on, "claim", phase="after", after=plan.after),
    "kill before lease": lambda cluster, on, plan: cluster.faults.kill(on, "lease", after=plan.after),
    "kill after lease": lambda cluster, on, plan: cluster.faults.kill(on, "lease", phase="after", after=plan.after),
}
"""What may be planned, from the harmless to the deadly: examples are made smaller towards the first."""

CUTS = tuple(kind for kind in KINDS if kind.startswith("cut off from"))
LASTING = frozenset({"delay", "step clock", *CUTS})


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of a plan: its kind, on which replica, after how many operations, and for how many seconds.

    A cut begins after so many seconds rather than operations.
    """

    kind: str
    on: str
    after: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.kind} on {self.on}, after {self.after}, {self.seconds} s"


def fault_plans(*replicas: str, kinds: tuple[str, ...] = tuple(KINDS), most: int = 6) -> "st.SearchStrategy[Plan]":
    """Plans of up to `most` faults on replicas of these names, such as `worker-1`.

    A kind may be planned for any replica: one that it cannot befall does what it does without.
    """
    return st.lists(_planned(replicas, kinds), max_size=most).map(tuple)


@st.composite
def _planned(draw: st.DrawFn, replicas: tuple[str, ...], kinds: tuple[str, ...]) -> PlannedFault:
    kind = draw(st.sampled_from(kinds))
    seconds = draw(st.integers(1, 60)) if kind in LASTING else 0  # what means nothing need not be made small
    return PlannedFault(kind, draw(st.sampled_from(replicas)), draw(st.integers(0, 3)), seconds)


Plan = tuple[PlannedFault, ...]


def plan_faults(cluster: Cluster, plan: Plan) -> None:
    """Declare what a plan holds for a cluster whose replicas have been started; none of it has to be reached."""
    with cluster.faults.optional():
        for each in plan:
            KINDS[each.kind](cluster, cluster[each.on], each)


def _cut_off(cluster: Cluster, on: Replica, server: str, plan: PlannedFault) -> None:
    loop = asyncio.get_running_loop()

    def cut() -> None:
        with cluster.faults.optional():
            partition = on.partition(server)  # type: ignore[arg-type] # by the names of `KINDS`
        loop.call_later(plan.seconds, partition.heal)

    loop.call_later(plan.after, cut)
