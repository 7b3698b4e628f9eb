"""What the comparison of the in-memory broker with RabbitMQ 3.10 has found: here both show the same, spelled out."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from jararaca.ports.broker import Envelope
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.observations import Answer, Closed, Confirmed, Delivered, Event
from jararaca_testing.differential.operations import (
    Ack,
    Bind,
    Cancel,
    CloseChannel,
    Consume,
    DeclareExchange,
    DeclareQueue,
    Get,
    Nack,
    Operation,
    Publish,
    Reject,
    Wait,
)
from jararaca_testing.differential.server import AmqpServer
from jararaca_testing.differential.system import System

PATIENCE = 10.0  # seconds
Play = Callable[..., list[Event]]
QUORUM = {"x-queue-type": "quorum"}


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.needs_servers)])
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    url = os.environ.get("JARARACA_TEST_AMQP_URL")
    if request.param == "rabbitmq" and url is None:
        pytest.skip("JARARACA_TEST_AMQP_URL names no RabbitMQ")
    system = MemoryModel() if request.param == "memory" else AmqpServer(str(url))
    system.begin()
    yield system
    system.close()


@pytest.fixture
def play(system: System) -> Play:
    """Does all steps; returns the last `count` events of channel 0, `late` of which come after the last step."""

    def play(operations: list[Operation], count: int, *, late: int = 1) -> list[Event]:
        heard: list[Event] = []
        for operation in operations:
            if isinstance(operation, Wait):
                system.wait_until(system.now() + operation.seconds)
            system.apply(operation)
            patience = PATIENCE if operation is operations[-1] else 0.0
            seen = system.observe(lambda seen: len(seen.events.get(0, [])) >= late, patience=patience)
            heard += seen.events.get(0, [])
        return heard[-count:]

    return play


def publish(body: bytes, queue: str, **properties: Any) -> Publish:
    return Publish(routing_key=queue, envelope=Envelope(body, **properties))


def deaths(event: Event) -> list[tuple[str, str]]:
    assert isinstance(event, Answer)
    return [(death["queue"], death["reason"]) for death in event.fields[3].envelope.headers["x-death"]]


def test_an_expiration_without_digits_is_refused_when_it_is_empty_too(play: Play) -> None:
    """RMQ-44."""
    heard = play([publish(b"", "q0", expiration="")], 1)

    assert heard == [Closed(406, "PRECONDITION_FAILED - invalid expiration '': no_integer")]


def test_a_message_that_had_only_a_bcc_has_no_headers(play: Play) -> None:
    """RMQ-07."""
    heard = play([DeclareQueue(name="q0"), publish(b"", "q0", headers={"BCC": ["q1"]}), Get(queue="q0")], 1)

    assert isinstance(heard[0], Answer)
    assert heard[0].fields[3].envelope.headers == {}


def test_a_redeclaration_is_asked_only_what_the_queue_that_is_there_knows(play: Play) -> None:
    """RMQ-13: a classic queue knows no delivery limit."""
    heard = play([DeclareQueue(name="q0"), DeclareQueue(name="q0", arguments={"x-delivery-limit": 1})], 1)

    assert heard == [Answer("Queue.DeclareOk", ("q0", 0, 0))]


def test_a_quorum_queue_compares_its_type_before_its_time_to_live(play: Play) -> None:
    """RMQ-13."""
    first = DeclareQueue(name="q0", arguments={**QUORUM, "x-message-ttl": 250})

    heard = play([first, DeclareQueue(name="q0")], 1)

    assert isinstance(heard[0], Closed)
    assert "inequivalent arg 'x-queue-type'" in heard[0].text


@pytest.mark.parametrize(("arguments", "consumers"), [({}, 2), (QUORUM, 1)])
def test_a_quorum_queue_counts_no_consumer_that_waits_to_be_active(
    play: Play, arguments: dict[str, Any], consumers: int
) -> None:
    """RMQ-26."""
    declare = DeclareQueue(name="q0", arguments={**arguments, "x-single-active-consumer": True})
    consume = [Consume(queue="q0", consumer="c0"), Consume(queue="q0", consumer="c1")]

    heard = play([declare, *consume, DeclareQueue(name="q0", passive=True)], 1)

    assert heard == [Answer("Queue.DeclareOk", ("q0", 0, consumers))]


def test_a_message_too_many_that_lives_not_at_all_dies_of_the_limit(play: Play) -> None:
    """RMQ-43, RMQ-46."""
    arguments = {"x-message-ttl": 0, "x-max-length-bytes": 1, **to("q1")}

    heard = play(
        [
            DeclareQueue(name="q0", arguments=arguments),
            DeclareQueue(name="q1"),
            publish(b"long", "q0"),
            Get(queue="q1"),
        ],
        1,
    )

    assert deaths(heard[0]) == [("q0", "maxlen")]


def test_a_classic_queue_trims_before_it_hands_out_what_returned(play: Play) -> None:
    """RMQ-29, RMQ-46: the message was too long from the start, and was delivered all the same."""
    consume = Consume(queue="q0", consumer="c0")

    heard = play(
        [
            DeclareQueue(name="q0", arguments={"x-max-length-bytes": 1, **to("q1")}),
            DeclareQueue(name="q1"),
            consume,
            publish(b"long", "q0"),
            Nack(tag=1),
            Get(queue="q1"),
        ],
        3,
    )

    assert [event.tag for event in heard if isinstance(event, Delivered)] == [1]
    assert deaths(heard[-1]) == [("q0", "maxlen")]


def test_older_deaths_turn_around_at_each_new_one(play: Play) -> None:
    """RMQ-51: newest first is true of two."""
    heard = play(
        [
            *(
                DeclareQueue(name=name, arguments=to(after))
                for name, after in (("q0", "q1"), ("q1", "q2"), ("q2", "q3"))
            ),
            DeclareQueue(name="q3"),
            publish(b"", "q0"),
            *(step for tag, name in enumerate(("q0", "q1", "q2"), 1) for step in rejected(name, tag)),
            Get(queue="q3"),
        ],
        1,
    )

    assert deaths(heard[0]) == [("q2", "rejected"), ("q0", "rejected"), ("q1", "rejected")]


def test_a_quorum_queue_that_rejects_takes_dead_letters_all_the_same(play: Play) -> None:
    """RMQ-47."""
    full = {**QUORUM, "x-max-length": 1, "x-overflow": "reject-publish"}
    look = DeclareQueue(name="q1", passive=True)

    heard = play(
        [
            DeclareQueue(name="q0", arguments=to("q1")),
            DeclareQueue(name="q1", arguments=full),
            *(publish(b"", "q1") for _ in range(2)),
            publish(b"", "q0"),
            *rejected("q0", 1),
            look,
        ],
        1,
    )
    while heard == [Answer("Queue.DeclareOk", ("q1", 2, 0))]:  # the server's dead letter is still on its way
        heard = play([look], 1)

    assert heard == [Answer("Queue.DeclareOk", ("q1", 3, 0))]


def test_a_quorum_queue_announces_several_dropped_messages_from_the_youngest_on(play: Play) -> None:
    """RMQ-46, RMQ-50."""
    heard = play(
        [
            DeclareQueue(name="q0", arguments={**QUORUM, "x-max-length-bytes": 2, **to("q1")}),
            DeclareQueue(name="q1"),
            publish(b"1", "q0"),
            publish(b"long", "q0"),
            Get(queue="q1", no_ack=True),
            Get(queue="q1", no_ack=True),
        ],
        2,
    )

    assert [event.fields[3].envelope.body for event in heard if isinstance(event, Answer)] == [b"long", b"1"]


@pytest.mark.parametrize(("arguments", "no_ack", "left"), [({}, False, 0), (QUORUM, False, 1), (QUORUM, True, 0)])
def test_a_quorum_queue_counts_behind_a_get_what_expires_at_once(
    play: Play, arguments: dict[str, Any], no_ack: bool, left: int
) -> None:
    """RMQ-43."""
    declare = DeclareQueue(name="q0", arguments=arguments)

    put = [declare, publish(b"", "q0"), publish(b"", "q0", expiration="0"), Wait(seconds=0.01)]

    heard = play([*put, Get(queue="q0", no_ack=no_ack)], 1)

    assert isinstance(heard[0], Answer)
    assert heard[0].fields[2] == left


def test_headers_bindings_need_an_exchange_of_that_type(play: Play) -> None:
    """RMQ-05: what a fanout exchange is bound with does not matter."""
    heard = play(
        [
            DeclareExchange(name="x0", type="fanout"),
            DeclareQueue(name="q0"),
            Bind(source="x0", destination="q0", arguments={"x-match": "all", "h": 1}),
            Publish(exchange="x0", routing_key="any", mandatory=True),
            DeclareQueue(name="q0", passive=True),
        ],
        1,
    )

    assert heard == [Answer("Queue.DeclareOk", ("q0", 1, 0))]


def to(queue: str) -> dict[str, str]:
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}


def rejected(queue: str, tag: int) -> list[Operation]:
    return [Get(queue=queue), Reject(tag=tag, requeue=False)]


def test_every_queue_has_a_message_before_one_of_them_sends_another_on(play: Play) -> None:
    """RMQ-49: what a full queue drops for it comes to its neighbour behind it."""
    limited = {**QUORUM, "x-max-length": 1, "x-dead-letter-exchange": "x0"}
    heard = play(
        [
            DeclareExchange(name="x0", type="fanout"),
            DeclareQueue(name="q0", arguments=limited),
            DeclareQueue(name="q1", arguments=QUORUM),
            Bind(source="x0", destination="q0"),
            Bind(source="x0", destination="q1"),
            publish(b"first", "q0"),
            Consume(queue="q1", consumer="c0"),
            Publish(channel=1, exchange="x0", envelope=Envelope(b"second")),
        ],
        2,
        late=2,
    )

    assert [event.content.envelope.body for event in heard if isinstance(event, Delivered)] == [b"second", b"first"]


@pytest.mark.parametrize(("arguments", "left"), [({}, 0), (QUORUM, 1)])
def test_a_quorum_queue_counts_a_cancelled_consumer_until_it_has_settled(
    play: Play, arguments: dict[str, Any], left: int
) -> None:
    """RMQ-35."""
    look = DeclareQueue(name="q0", passive=True)
    consume = [DeclareQueue(name="q0", arguments=arguments), Consume(queue="q0", consumer="c0"), publish(b"", "q0")]

    cancelled = play([*consume, look, Cancel(consumer="c0"), look], 1)
    settled = play([Ack(tag=1), Get(queue="q0"), look], 1)  # what is got is asked for behind the acknowledgement

    assert cancelled == [Answer("Queue.DeclareOk", ("q0", 0, left))]
    assert settled == [Answer("Queue.DeclareOk", ("q0", 0, 0))]


@pytest.mark.parametrize("first", ["plain", "dying"])
def test_a_channel_that_closes_is_given_up_by_its_youngest_queue_first(play: Play, first: str) -> None:
    """A dead letter that so comes back to an older one is sent to the channel once more, and from then on returned."""
    dying = DeclareQueue(name="q1", arguments={"x-message-ttl": 0, "x-dead-letter-exchange": "x0"})
    plain = DeclareQueue(name="q0")
    steps = [
        DeclareExchange(name="x0"),
        *((plain, dying) if first == "plain" else (dying, plain)),
        Bind(source="x0", destination="q0"),
        Bind(source="x0", destination="q1"),
        Consume(channel=2, queue="q0", consumer="c0"),
        Consume(channel=2, queue="q1", consumer="c1"),
        Publish(exchange="x0", envelope=Envelope(b"1")),
        CloseChannel(channel=2),
        Get(queue="q0", no_ack=True),
        Get(queue="q0", no_ack=True),
    ]

    heard = play(steps, 2)

    assert [event.fields[1] for event in heard if isinstance(event, Answer)] == [True, first == "plain"]
    assert deaths(heard[-1]) == [("q1", "expired")]


def test_a_full_quorum_queue_stops_those_it_knows(play: Play) -> None:
    """Who publishes for the first time when it is down to its limit again is not told, and may; the others wait."""
    limit = {**QUORUM, "x-max-length": 2, "x-overflow": "reject-publish"}
    steps = [
        DeclareQueue(name="q0", arguments=limit),
        *(publish(b"1", "q0") for _ in range(3)),
        Get(queue="q0"),
        publish(b"2", "q0"),
        replace(publish(b"3", "q0"), channel=2),
        Get(queue="q0"),
        publish(b"4", "q0"),
    ]

    heard = play(steps, 5)

    assert [event.taken for event in heard if isinstance(event, Confirmed)] == [True, False, False]
    assert [event.fields[2] for event in heard if isinstance(event, Answer)] == [2, 2]


def test_the_channel_that_costs_its_connection_ends_before_the_others(play: Play) -> None:
    """What was unacked on it goes to the next one first: a quorum queue counts two returns."""
    steps = [
        DeclareQueue(name="q0", arguments=QUORUM),
        Consume(channel=1, queue="q0", consumer="c0"),
        publish(b"1", "q0"),
        Consume(queue="q0", consumer="c0"),
        Consume(channel=1, queue="q0", consumer="c0"),
        Get(queue="q0", no_ack=True),
    ]

    heard = play(steps, 1)

    assert isinstance(heard[0], Answer)
    assert heard[0].fields[3].envelope.headers == {"x-delivery-count": 2}
