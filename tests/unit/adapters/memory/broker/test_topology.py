"""Declaring, binding, deleting: and RabbitMQ's words where it refuses."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Binding, Envelope, Exchange, Queue

pytestmark = pytest.mark.asyncio

QUORUM = {"x-queue-type": "quorum"}
BASE = {"x-message-ttl": 1000, "x-dead-letter-exchange": "dx"}

Act = Callable[[MemoryBroker], Coroutine[Any, Any, object]]


async def refusal(act: Coroutine[Any, Any, object]) -> tuple[int, str]:
    with pytest.raises(ChannelClosed) as caught:
        await act
    return caught.value.code, caught.value.text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"x-message-ttl": -1}, "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}"),
        (
            {"x-message-ttl": "a"},
            "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': \"expected integer, got longstr\"",
        ),
        ({"x-expires": 0}, "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}"),
        ({"x-max-length": -1}, "invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}"),
        ({"x-max-length-bytes": True}, "invalid arg 'x-max-length-bytes' for queue 'q' in vhost '/': "
         "\"expected integer, got bool\""),
        (
            {"x-dead-letter-routing-key": "k"},
            "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined",
        ),
        (
            {"x-dead-letter-exchange": 1},
            "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'",
        ),
        ({"x-overflow": "foo"}, "invalid arg 'x-overflow' for queue 'q' in vhost '/': invalid_overflow"),
        ({"x-overflow": 1}, "invalid arg 'x-overflow' for queue 'q' in vhost '/': {unacceptable_type,signedint}"),
        ({"x-max-priority": 256}, "invalid arg 'x-max-priority' for queue 'q' in vhost '/': {max_value_exceeded,256}"),
        (
            {"x-single-active-consumer": 1},
            "invalid arg 'x-single-active-consumer' for queue 'q' in vhost '/': {unacceptable_type,signedint}",
        ),
        ({"x-queue-type": "nope"}, "invalid arg 'x-queue-type' for queue 'q' in vhost '/': "
         "\"unsupported queue type 'nope'\""),
        ({"x-queue-type": 1}, "invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,signedint}"),
        (
            {"x-delivery-limit": 3},
            "invalid arg 'x-delivery-limit' for queue 'q' in vhost '/' of queue type rabbit_classic_queue",
        ),
        (
            {"x-dead-letter-strategy": "at-least-once"},
            "invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/' of queue type rabbit_classic_queue",
        ),
        (
            {**QUORUM, "x-max-priority": 3},
            "invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue",
        ),
        (
            {**QUORUM, "x-dead-letter-strategy": "foo"},
            "invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/': invalid_dlx_strategy",
        ),
    ],
)  # fmt: skip
async def test_wrong_arguments_are_refused(broker: MemoryBroker, arguments: dict[str, Any], text: str) -> None:
    declaring = broker.declare_queue(Queue("q", arguments=arguments))
    assert await refusal(declaring) == (406, f"PRECONDITION_FAILED - {text}")


@pytest.mark.parametrize(
    ("queue", "name"),
    [
        (Queue("q", durable=False, arguments=QUORUM), "non-durable"),
        (Queue("q", exclusive=True, arguments=QUORUM), "exclusive-owner"),
        (Queue("q", auto_delete=True, arguments=QUORUM), "auto-delete"),
    ],
)
async def test_a_quorum_queue_refuses_some_properties(broker: MemoryBroker, queue: Queue, name: str) -> None:
    """RMQ-58."""
    text = f"PRECONDITION_FAILED - invalid property '{name}' for queue 'q' in vhost '/'"
    assert await refusal(broker.declare_queue(queue)) == (406, text)


@pytest.mark.parametrize(
    ("received", "text"),
    [
        ({}, "'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '1000' of type "
         "'signedint'"),
        (
            {**BASE, "x-message-ttl": 1001},
            "'x-message-ttl' for queue 'q' in vhost '/': received '1001' but current is '1000'",
        ),
        (
            {**BASE, "x-max-length": 5},
            "'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'signedint' but current is none",
        ),
        (
            {**BASE, "x-dead-letter-exchange": "dy"},
            "'x-dead-letter-exchange' for queue 'q' in vhost '/': received 'dy' but current is 'dx'",
        ),
        (
            {**BASE, **QUORUM},
            "'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is "
            "none",
        ),
        (
            {**BASE, "x-single-active-consumer": True},
            "'x-single-active-consumer' for queue 'q' in vhost '/': received the value 'true' of type 'bool' but "
            "current is none",
        ),
    ],
)  # fmt: skip
async def test_a_queue_declared_with_other_arguments_is_refused(
    broker: MemoryBroker, received: dict[str, Any], text: str
) -> None:
    """RMQ-13."""
    await broker.declare_queue(Queue("q", arguments=BASE))
    expected = (406, f"PRECONDITION_FAILED - inequivalent arg {text}")
    assert await refusal(broker.declare_queue(Queue("q", arguments=received))) == expected


@pytest.mark.parametrize("arguments", [BASE, {**BASE, "not-an-x-argument": 1}])
async def test_an_equal_declaration_counts_and_changes_nothing(broker: MemoryBroker, arguments: dict[str, Any]) -> None:
    await broker.declare_queue(Queue("q", arguments=BASE))
    await broker.publish(Envelope(b""), exchange="", routing_key="q")
    await broker.consume("q", prefetch=0, on_delivery=lambda _: None)
    await broker.publish(Envelope(b""), exchange="", routing_key="q")
    info = await broker.declare_queue(Queue("q", arguments=arguments))
    assert (info.name, info.ready, info.consumers) == ("q", 0, 1)


@pytest.mark.parametrize(
    ("queue", "code", "text"),
    [
        (Queue("q", durable=False), 406, "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but"),
        (Queue("q", auto_delete=True), 406, "inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received"),
        (Queue("q", exclusive=True), 405, "cannot obtain exclusive access to locked queue 'q' in vhost '/'"),
    ],
)
async def test_a_queue_declared_with_other_properties_is_refused(
    broker: MemoryBroker, queue: Queue, code: int, text: str
) -> None:
    """RMQ-13."""
    await broker.declare_queue(Queue("q"))
    answered, said = await refusal(broker.declare_queue(queue))
    assert answered == code
    assert text in said


@pytest.mark.parametrize(
    ("exchange", "text"),
    [
        (Exchange("x", "direct"), "'type' for exchange 'x' in vhost '/': received 'direct' but current is 'topic'"),
        (Exchange("x", "topic", durable=False), "'durable' for exchange 'x' in vhost '/': received 'false' but "
         "current is 'true'"),
        (Exchange("x", "topic", auto_delete=True), "'auto_delete' for exchange 'x' in vhost '/': received 'true' but "
         "current is 'false'"),
        (Exchange("x", "topic", internal=True), "'internal' for exchange 'x' in vhost '/': received 'true' but "
         "current is 'false'"),
        (Exchange("x", "topic"), "'alternate-exchange' for exchange 'x' in vhost '/': received none but current is "
         "the value 'ae' of type 'longstr'"),
    ],
)  # fmt: skip
async def test_an_exchange_declared_otherwise_is_refused(broker: MemoryBroker, exchange: Exchange, text: str) -> None:
    await broker.declare_exchange(Exchange("x", "topic", arguments={"alternate-exchange": "ae"}))
    await broker.declare_exchange(Exchange("x", "topic", arguments={"alternate-exchange": "ae"}))
    expected = (406, f"PRECONDITION_FAILED - inequivalent arg {text}")
    assert await refusal(broker.declare_exchange(exchange)) == expected


@pytest.mark.parametrize(
    ("act", "code", "text"),
    [
        (lambda b: b.inspect_queue("no"), 404, "NOT_FOUND - no queue 'no' in vhost '/'"),
        (lambda b: b.inspect_exchange("no"), 404, "NOT_FOUND - no exchange 'no' in vhost '/'"),
        (lambda b: b.purge("no"), 404, "NOT_FOUND - no queue 'no' in vhost '/'"),
        (lambda b: b.get("no"), 404, "NOT_FOUND - no queue 'no' in vhost '/'"),
        (lambda b: b.get(""), 404, "NOT_FOUND - no previously declared queue"),
        (lambda b: b.delete_queue(""), 404, "NOT_FOUND - no previously declared queue"),
        (
            lambda b: b.consume("no", prefetch=1, on_delivery=lambda _: None),
            404,
            "NOT_FOUND - no queue 'no' in vhost '/'",
        ),
        (lambda b: b.bind(Binding("no", "no")), 404, "NOT_FOUND - no exchange 'no' in vhost '/'"),
        (lambda b: b.bind(Binding("amq.topic", "no")), 404, "NOT_FOUND - no queue 'no' in vhost '/'"),
        (
            lambda b: b.bind(Binding("amq.topic", "no", destination_type="exchange")),
            404,
            "NOT_FOUND - no exchange 'no' in vhost '/'",
        ),
        (lambda b: b.bind(Binding("", "q")), 403, "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (lambda b: b.unbind(Binding("", "q")), 403, "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (
            lambda b: b.declare_exchange(Exchange("")),
            403,
            "ACCESS_REFUSED - operation not permitted on the default exchange",
        ),
        (lambda b: b.inspect_exchange(""), 403, "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (lambda b: b.delete_exchange(""), 403, "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (
            lambda b: b.delete_exchange("amq.topic"),
            403,
            "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed",
        ),
        (
            lambda b: b.declare_exchange(Exchange("amq.mine")),
            403,
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            lambda b: b.declare_queue(Queue("amq.mine")),
            403,
            "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            lambda b: b.declare_exchange(Exchange("x", arguments={"alternate-exchange": 1})),
            406,
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'",
        ),
    ],
)
async def test_the_server_says_no_in_its_own_words(broker: MemoryBroker, act: Act, code: int, text: str) -> None:
    """RMQ-08, RMQ-14, RMQ-18."""
    await broker.declare_queue(Queue("q"))
    assert await refusal(act(broker)) == (code, text)
    assert (await broker.inspect_queue("q")).ready == 0


async def test_what_is_missing_may_be_deleted_and_unbound(broker: MemoryBroker) -> None:
    assert await broker.delete_queue("no") == 0
    await broker.delete_exchange("no")
    await broker.unbind(Binding("no", "no"))
    await broker.unbind(Binding("amq.topic", "no"))


async def test_a_predeclared_exchange_may_be_declared_as_it_is(broker: MemoryBroker) -> None:
    await broker.declare_exchange(Exchange("amq.topic", "topic"))
    await broker.inspect_exchange("amq.topic")


async def test_an_exchange_goes_with_its_bindings(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    await broker.declare_exchange(Exchange("x", "fanout"))
    await broker.bind(Binding("x", "q"))
    await broker.bind(Binding("amq.fanout", "x", destination_type="exchange"))
    await broker.delete_exchange("x")
    await broker.declare_exchange(Exchange("x", "fanout"))
    for exchange in ("x", "amq.fanout"):
        confirm = await broker.publish(Envelope(b""), exchange=exchange, routing_key="", mandatory=True)
        assert confirm.returned is not None


@pytest.mark.parametrize(
    "last",
    [
        lambda broker: broker.unbind(Binding("x", "q")),
        lambda broker: broker.delete_queue("q"),
    ],
)
async def test_an_auto_delete_exchange_goes_with_its_last_binding(broker: MemoryBroker, last: Act) -> None:
    """RMQ-17."""
    await broker.declare_queue(Queue("q"))
    await broker.declare_exchange(Exchange("x", "fanout", auto_delete=True))
    await broker.inspect_exchange("x")
    await broker.bind(Binding("x", "q"))
    await last(broker)
    assert (await refusal(broker.inspect_exchange("x")))[0] == 404


async def test_a_deleted_queue_leaves_no_route(broker: MemoryBroker, vhost: VirtualHost) -> None:
    await broker.declare_queue(Queue("q"))
    await broker.bind(Binding("amq.topic", "q", "#"))
    await broker.publish(Envelope(b""), exchange="amq.topic", routing_key="a")
    assert await broker.delete_queue("q") == 1
    confirm = await broker.publish(Envelope(b""), exchange="amq.topic", routing_key="a", mandatory=True)
    assert confirm.returned is not None
    assert vhost.depths() == {}
