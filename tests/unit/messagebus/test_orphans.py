"""What counts as left behind by handlers that an application no longer has."""

from dataclasses import dataclass

import pytest

from jararaca.messagebus.orphans import Orphan, Orphans, orphans_of
from jararaca.messagebus.topology import Names, topology_of, waits_of
from jararaca.ports.broker import Binding
from jararaca.ports.inventory import QueueStock, application_of

NAMES = Names("shop.", "events")


@dataclass(frozen=True)
class Handler:
    name: str = "Billing.charge"
    topic: str = "order.placed"
    longest_wait: float = 1.0


TOPOLOGY = topology_of([Handler()], NAMES, queue_type="quorum", delivery_limit=20)
OWN = [QueueStock("shop.Billing.charge", 5, 1), QueueStock("shop.Billing.charge.dlq", 2, 0)]
BOUND = Binding("events", "shop.Billing.charge", "order.placed")


def found(queues: list[QueueStock], bindings: list[Binding]) -> Orphans:
    return orphans_of([*OWN, *queues], [BOUND, *bindings], TOPOLOGY, NAMES)


def test_what_is_declared_is_no_orphan() -> None:
    assert found([], []) == Orphans()


def test_a_queue_without_a_handler_is_one_with_the_bindings_that_fill_it() -> None:
    old, letters = QueueStock("shop.Old.handle", 0, 0), QueueStock("shop.Old.handle.dlq", 1, 0)
    filled = Binding("events", "shop.Old.handle", "order.#")

    orphans = found([letters, old], [filled])

    assert orphans == Orphans((Orphan(old, (filled,)), Orphan(letters, ())))


def test_a_queue_that_says_that_it_is_anothers_is_none() -> None:
    """An application called `shop.eu` names its queues as one called `shop` might."""
    names = Names("shop.eu.", "events")
    topology = topology_of([Handler()], names, queue_type="quorum", delivery_limit=20)
    topology += waits_of([Handler()], names, queue_type="quorum")
    theirs = [QueueStock(queue.name, 0, 0, application_of(queue.arguments)) for queue in topology.queues]

    assert len(theirs) > 2
    assert found(theirs, list(topology.bindings)) == Orphans()


@pytest.mark.parametrize("name", ["shop.wait.125", "shop.delay.131072000", "shopping.Old.handle", "Old.handle"])
def test_waits_and_the_queues_of_others_are_none(name: str) -> None:
    assert found([QueueStock(name, 1, 0)], [Binding("events", name, "order.#")]) == Orphans()


def test_a_topic_that_a_handler_does_not_listen_to_any_more_is_one() -> None:
    old = Binding("events", "shop.Billing.charge", "order.created")
    other_exchange = Binding("older", "shop.Billing.charge", "order.placed")
    to_an_exchange = Binding("events", "shop.Billing.charge", "#", destination_type="exchange")

    assert found([], [old, other_exchange, to_an_exchange]) == Orphans((), (old, other_exchange))


def test_a_wait_that_is_bound_to_its_exchange_is_none() -> None:
    assert found([QueueStock("shop.wait.125", 0, 0)], [Binding("shop.wait.125", "shop.wait.125")]) == Orphans()


@pytest.mark.parametrize(
    ("queue", "reason"),
    [
        (QueueStock("q", 1, 0), "holds 1 message"),
        (QueueStock("q", 2, 3), "holds 2 messages"),
        (QueueStock("q", 0, 1), "has 1 consumer"),
        (QueueStock("q", 0, 0), "does not say whose it is"),
        (QueueStock("q", 1, 0, "shop"), "holds 1 message"),
        (QueueStock("q", 0, 0, "shop"), None),
    ],
)
def test_a_queue_that_somebody_would_miss_is_kept(queue: QueueStock, reason: str | None) -> None:
    assert Orphan(queue, ()).kept_because == reason
