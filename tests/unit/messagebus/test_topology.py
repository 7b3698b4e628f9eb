"""What an application has on its broker."""

from dataclasses import dataclass

import pytest

from jararaca.errors import InvalidHandler, InvalidTopic
from jararaca.messagebus.topology import Names, Topology, delay_topology, topology_of, wait_topology, waits_of
from jararaca.messagebus.waits import LADDER
from jararaca.ports.broker import Binding, Exchange, Queue

NAMES = Names("shop.", "jararaca.events")
OURS = {"jararaca-application": "shop"}
"""What is written on each queue."""


@dataclass(frozen=True)
class Handler:
    name: str
    topic: str
    longest_wait: float = 0.0


CHARGE = Handler("Billing.charge", "order.placed")


def test_without_handlers_there_is_the_topic_exchange_alone() -> None:
    topology = topology_of([], NAMES, queue_type="quorum", delivery_limit=20)
    assert topology == Topology((Exchange("jararaca.events", "topic"),))


def test_each_handler_has_a_queue_bound_to_its_topic_and_a_queue_of_dead_letters() -> None:
    topology = topology_of([CHARGE, Handler("Mail.send", "order.#")], NAMES, queue_type="quorum", delivery_limit=20)
    assert [queue.name for queue in topology.queues] == [
        "shop.Billing.charge.dlq",
        "shop.Billing.charge",
        "shop.Mail.send.dlq",
        "shop.Mail.send",
    ]
    assert topology.bindings == (
        Binding("jararaca.events", "shop.Billing.charge", "order.placed"),
        Binding("jararaca.events", "shop.Mail.send", "order.#"),
    )


def test_quorum_queues_dead_letter_at_least_once_which_needs_them_to_reject_when_full() -> None:
    dead_letters, queue = topology_of([CHARGE], NAMES, queue_type="quorum", delivery_limit=3).queues
    assert queue == Queue(
        "shop.Billing.charge",
        arguments={
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "shop.Billing.charge.dlq",
            "x-delivery-limit": 3,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            **OURS,
        },
    )
    assert dead_letters == Queue("shop.Billing.charge.dlq", arguments={"x-queue-type": "quorum", **OURS})


def test_classic_queues_are_not_given_what_they_refuse() -> None:
    dead_letters, queue = topology_of([CHARGE], NAMES, queue_type="classic", delivery_limit=3).queues
    assert queue.arguments == {
        "x-queue-type": "classic",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "shop.Billing.charge.dlq",
        **OURS,
    }
    assert dead_letters.arguments == {"x-queue-type": "classic", **OURS}


def test_a_wait_keeps_the_routing_key_and_leads_back_through_the_default_exchange() -> None:
    assert wait_topology(NAMES, 0.125, queue_type="quorum") == Topology(
        (Exchange("shop.wait.125", "fanout"),),
        (
            Queue(
                "shop.wait.125",
                arguments={"x-queue-type": "quorum", "x-message-ttl": 125, "x-dead-letter-exchange": "", **OURS},
            ),
        ),
        (Binding("shop.wait.125", "shop.wait.125"),),
    )


def test_a_delay_leads_to_the_topic_exchange() -> None:
    topology = delay_topology(NAMES, 8.0, queue_type="classic")
    assert topology.exchanges == (Exchange("shop.delay.8000", "fanout"),)
    (queue,) = topology.queues
    assert queue.arguments == {
        "x-queue-type": "classic",
        "x-message-ttl": 8000,
        "x-dead-letter-exchange": "jararaca.events",
        **OURS,
    }


def test_no_wait_ever_expires_with_the_messages_inside() -> None:
    queues = [queue for step in LADDER for queue in wait_topology(NAMES, step, queue_type="quorum").queues]
    assert all("x-expires" not in queue.arguments for queue in queues)


@pytest.mark.parametrize(
    "handlers",
    [
        [Handler("wait.1000", "a")],
        [Handler("delay.125", "a")],
        [CHARGE, Handler("Billing.charge.dlq", "a")],
        [Handler("Billing.charge.dlq", "a"), CHARGE],
    ],
    ids=["wait", "delay", "dead letters after", "dead letters before"],
)
def test_a_name_that_gives_a_queue_with_another_purpose_is_refused(handlers: list[Handler]) -> None:
    with pytest.raises(InvalidHandler, match="serves another purpose already"):
        topology_of(handlers, NAMES, queue_type="quorum", delivery_limit=20)


def test_a_handler_of_a_pattern_that_never_matches_is_refused() -> None:
    with pytest.raises(InvalidTopic, match="would never match"):
        topology_of([Handler("x", "order*")], NAMES, queue_type="quorum", delivery_limit=20)


@pytest.mark.parametrize(
    ("longest", "steps"),
    [(0.0, []), (0.125, [125]), (1.0, [125, 250, 500, 1000]), (5.0, [125, 250, 500, 1000, 2000, 4000])],
)
def test_the_waits_of_handlers_are_all_steps_up_to_the_longest_of_them(longest: float, steps: list[int]) -> None:
    """Jitter and what is left of a wait take any of them."""
    handlers = [CHARGE, Handler("Mail.send", "order.#", longest)]
    waits = waits_of(handlers, NAMES, queue_type="quorum")
    assert [exchange.name for exchange in waits.exchanges] == [f"shop.wait.{step}" for step in steps]
    assert [queue.arguments["x-message-ttl"] for queue in waits.queues] == steps
    assert len(waits.bindings) == len(steps)
