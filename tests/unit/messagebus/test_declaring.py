"""What a broker says that has something else than we declare, in the words that RabbitMQ 3.10.8 was heard to use."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import ChannelClosed, Difference, TopologyMismatch
from jararaca.messagebus.config import TopologyMode
from jararaca.messagebus.declaring import declare
from jararaca.messagebus.mismatch import Refused, in_one_line, mismatch
from jararaca.messagebus.topology import Topology
from jararaca.ports.broker import Binding, Exchange, Queue
from jararaca_testing.contracts import proves


def refusal(argument: str, said: str) -> ChannelClosed:
    return ChannelClosed(
        406, f"PRECONDITION_FAILED - inequivalent arg '{argument}' for queue 'q' in vhost '/': received {said}"
    )


@pytest.mark.parametrize(
    ("argument", "said", "server", "ours"),
    [
        ("x-delivery-limit", "'10' but current is '20'", "20", "10"),
        ("x-delivery-limit", "none but current is the value '20' of type 'byte'", "20", None),
        ("x-dead-letter-exchange", "the value '' of type 'longstr' but current is none", None, ""),
        ("x-queue-type", "'classic' but current is 'quorum'", "quorum", "classic"),
        ("durable", "'false' but current is 'true'", "true", "false"),
        ("x", "something new but current is 'a'", "a", "something new"),
    ],
)
def test_a_refusal_is_taken_apart(argument: str, said: str, server: str | None, ours: str | None) -> None:
    refused = Refused.read(refusal(argument, said))
    assert refused is not None
    assert refused.difference == Difference("queue", "q", argument, server, ours)


@pytest.mark.parametrize(
    ("declared", "said", "conceded"),
    [
        ({"a": 10}, "'10' but current is '20'", {"a": 20}),
        ({"a": "10"}, "'10' but current is '20'", {"a": "20"}),
        ({}, "none but current is the value '20' of type 'byte'", {"a": 20}),
        ({}, "none but current is the value '20' of type 'longstr'", {"a": "20"}),
        ({}, "none but current is the value 'true' of type 'bool'", {"a": True}),
        ({"a": 1, "b": 2}, "the value '1' of type 'byte' but current is none", {"b": 2}),
        ({"a": 2.5}, "'2.5' but current is 'a table'", {"a": "a table"}),
    ],
)
def test_what_differs_is_conceded_to_see_what_else_does(
    declared: dict[str, Any], said: str, conceded: dict[str, Any]
) -> None:
    refused = Refused.read(refusal("a", said))
    assert refused is not None
    assert refused.conceded(Queue("q", arguments=declared)) == Queue("q", arguments=conceded)


def test_what_the_server_has_already_is_not_conceded_again() -> None:
    refused = Refused.read(refusal("durable", "'false' but current is 'true'"))
    assert refused is not None
    assert refused.conceded(Queue("q", durable=False)) == Queue("q")
    assert refused.conceded(Queue("q")) is None


def test_a_refusal_for_another_reason_is_no_difference() -> None:
    assert Refused.read(ChannelClosed(406, "PRECONDITION_FAILED - invalid arg 'x' for queue 'q'")) is None
    assert Refused.read(ChannelClosed(404, refusal("durable", "'false' but current is 'true'").text)) is None


@proves("F-32")
def test_a_mismatch_is_a_table_with_three_ways_out() -> None:
    found = [
        Difference("queue", "shop.Desk.handle", "x-queue-type", "classic", "quorum"),
        Difference("queue", "shop.Desk.handle", "x-dead-letter-exchange", None, ""),
        Difference("exchange", "events", "type", "fanout", "topic"),
    ]
    assert str(mismatch(found, [], "declare")) == (
        "the broker has other arguments than this application declares, and nothing was started:\n"
        "\n"
        "                          argument                server   ours\n"
        "  queue shop.Desk.handle  x-queue-type            classic  quorum\n"
        "  queue shop.Desk.handle  x-dead-letter-exchange  not set  ''\n"
        "  exchange events         type                    fanout   topic\n"
        "\n"
        "There are three ways out:\n"
        "  1. Go back to what the server has: JARARACA_QUEUE_TYPE=classic.\n"
        "  2. Let consumers drain it, delete it, and start again, which declares it anew: rabbitmqctl delete_queue "
        "shop.Desk.handle; rabbitmqadmin delete exchange name=events.\n"
        "  3. Take another name, and leave this one behind: name= of the handler, exchange= of the configuration."
    )


def test_what_no_setting_has_is_said_to_need_the_release_that_did() -> None:
    (found,) = [Difference("queue", "q", "x-overflow", None, "reject-publish")]
    assert "1. Go back to what the server has: no setting has these arguments, so take the release that did.\n" in str(
        mismatch([found], [], "declare")
    )


@pytest.mark.parametrize("mode", ["passive", "verify"])
def test_what_is_missing_and_may_not_be_declared_is_named(mode: TopologyMode) -> None:
    missing = mismatch([], [("queue", "q")], mode)
    assert missing.missing == (("queue", "q"),)
    assert str(missing) == (
        "the queue 'q' does not exist on the broker, and this application is configured not to declare it. Declare it "
        'with `jararaca declare` and a user who may, or set topology="declare".'
    )


def test_what_is_missing_and_will_be_declared_is_said_to_be() -> None:
    assert str(mismatch([], [("exchange", "e"), ("queue", "q")], "declare")) == (
        "the exchange 'e', the queue 'q' do not exist on the broker. Each process of the application declares them "
        "when it starts; `jararaca declare` does it now."
    )
    assert str(mismatch([], [("queue", "q")], "declare")) == (
        "the queue 'q' does not exist on the broker. Each process of the application declares it when it starts; "
        "`jararaca declare` does it now."
    )


def test_a_mismatch_is_told_in_one_line_where_a_table_has_no_room() -> None:
    found = [Difference("queue", "q", "x-overflow", None, "reject-publish"), Difference("queue", "p", "x", "1", "2")]
    assert in_one_line(mismatch(found, [("exchange", "e")], "verify")) == (
        "TopologyMismatch: queue q: x-overflow is not set there, reject-publish here; queue p: x is 1 there, 2 here; "
        "exchange e does not exist"
    )
    assert in_one_line(ChannelClosed(403, "no\nway")) == "ChannelClosed: the broker closed the channel: 403 no way"


# -- on a broker

LIMITED = Queue("limited", arguments={"x-queue-type": "quorum", "x-delivery-limit": 10, "x-message-ttl": 5})
TOPOLOGY = Topology((Exchange("events", "topic"),), (LIMITED, Queue("other")), (Binding("events", "other", "a.*"),))


@pytest_asyncio.fixture
async def broker() -> AsyncIterator[MemoryBroker]:
    broker = MemoryBroker(VirtualHost(SystemClock()))
    await broker.connect()
    yield broker
    await broker.close()


async def declared(broker: MemoryBroker, mode: TopologyMode) -> None:
    await declare(broker, TOPOLOGY, mode=mode, clock=SystemClock())


async def queues(broker: MemoryBroker) -> set[str]:
    found = set()
    for name in ("limited", "other"):
        try:
            await broker.inspect_queue(name)
        except ChannelClosed:
            continue
        found.add(name)
    return found


@pytest.mark.asyncio
@proves("F-32")
@pytest.mark.parametrize("mode", ["declare", "verify"])
async def test_everything_that_differs_is_told_at_once(broker: MemoryBroker, mode: TopologyMode) -> None:
    await broker.declare_exchange(Exchange("events", "fanout", durable=False))
    await broker.declare_queue(Queue("limited", arguments={"x-queue-type": "quorum", "x-max-length": 7}))

    with pytest.raises(TopologyMismatch) as caught:
        await declared(broker, mode)

    assert {(each.name, each.argument, each.server, each.ours) for each in caught.value.differences} == {
        ("events", "type", "fanout", "topic"),
        ("events", "durable", "false", "true"),
        ("limited", "x-delivery-limit", None, "10"),
        ("limited", "x-message-ttl", None, "5"),
        ("limited", "x-max-length", "7", None),
    }


@pytest.mark.asyncio
@proves("F-32")
async def test_nothing_is_declared_after_the_first_difference(broker: MemoryBroker) -> None:
    await broker.declare_exchange(Exchange("events", "fanout"))

    with pytest.raises(TopologyMismatch) as caught:
        await declared(broker, "declare")

    assert (await queues(broker), caught.value.missing) == (set(), ())


@pytest.mark.asyncio
@proves("F-32")
async def test_what_is_as_declared_is_verified_and_nothing_is_made(broker: MemoryBroker) -> None:
    with pytest.raises(TopologyMismatch) as caught:
        await declared(broker, "verify")
    assert caught.value.missing == (("exchange", "events"), ("queue", "limited"), ("queue", "other"))
    assert await queues(broker) == set()

    await declared(broker, "declare")
    await declared(broker, "verify")


@pytest.mark.asyncio
@proves("F-32")
async def test_what_is_missing_and_what_differs_are_one_error(broker: MemoryBroker) -> None:
    await broker.declare_exchange(Exchange("events", "fanout"))

    with pytest.raises(TopologyMismatch, match=r"(?s)type +fanout +topic.*the queue 'other' do not exist"):
        await declared(broker, "verify")


@pytest.mark.asyncio
async def test_passive_is_content_with_other_arguments(broker: MemoryBroker) -> None:
    await broker.declare_exchange(Exchange("events", "fanout"))
    await broker.declare_queue(Queue("limited"))
    await broker.declare_queue(Queue("other"))

    await declared(broker, "passive")

    await broker.declare_queue(Queue("limited"))  # refused if it were another by now


@pytest.mark.asyncio
async def test_any_other_refusal_keeps_its_code_and_says_what_it_was_for(broker: MemoryBroker) -> None:
    topology = Topology((Exchange("amq.mine", "topic"),))
    with pytest.raises(ChannelClosed, match=r"when declaring the exchange 'amq\.mine'") as caught:
        await declare(broker, topology, mode="declare", clock=SystemClock())
    assert caught.value.code == 403
