"""Which adapter serves which address."""

import sys

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.bootstrap.wiring import broker_factory, embedded_ports, system_ports
from jararaca.core.environment import Ports
from jararaca.errors import InvalidOption, MissingExtra
from jararaca.ports.broker import Broker, Envelope, Queue
from jararaca.ports.fanout import Fanout


def made(url: str) -> Broker:
    return broker_factory(SystemClock())(url, heartbeat=30, name="test")


@pytest.mark.parametrize(
    ("url", "adapter"),
    [
        ("amqp://localhost/", RabbitMQBroker),
        ("amqps://localhost/", RabbitMQBroker),
        ("memory://", MemoryBroker),
        ("memory://other", MemoryBroker),
    ],
)
def test_the_scheme_chooses_the_adapter(url: str, adapter: type) -> None:
    assert isinstance(made(url), adapter)


@pytest.mark.parametrize("url", ["http://hunter2/", "hunter2", ""])
def test_another_scheme_is_an_error_that_does_not_show_it(url: str) -> None:
    """What has no scheme of a broker may well be a password."""
    with pytest.raises(InvalidOption, match="starts with amqp://, amqps:// or memory://") as raised:
        made(url)

    assert "hunter2" not in str(raised.value)


def test_a_missing_driver_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jararaca.adapters.rabbitmq.broker")
    monkeypatch.setitem(sys.modules, "aiormq", None)
    monkeypatch.setitem(sys.modules, "jararaca.adapters.rabbitmq.admin", None)

    with pytest.raises(MissingExtra, match=r'pip install "jararaca\[rabbitmq\]"'):
        made("amqp://localhost/")


async def arrives(sender: Broker, receiver: Broker) -> bool:
    """Whether what one broker sends to a queue is there for the other."""
    await sender.connect()
    await receiver.connect()
    for broker in (sender, receiver):
        await broker.declare_queue(Queue("orders"))
    await sender.publish(Envelope(b"{}"), exchange="", routing_key="orders")
    found = (await receiver.inspect_queue("orders")).ready == 1
    await sender.close()
    await receiver.close()
    return found


@pytest.mark.asyncio
async def test_brokers_in_memory_meet_by_the_name_in_their_address() -> None:
    make = broker_factory(SystemClock())

    assert await arrives(make("memory://a", heartbeat=1, name="x"), make("memory://a", heartbeat=1, name="y"))
    assert not await arrives(make("memory://b", heartbeat=1, name="x"), make("memory://c", heartbeat=1, name="y"))


@pytest.mark.asyncio
async def test_a_process_that_is_the_whole_system_needs_no_address() -> None:
    make = embedded_ports().broker

    assert await arrives(make("amqp://nowhere/", heartbeat=1, name="x"), make("memory://", heartbeat=1, name="y"))


async def heard(sender: Fanout, receiver: Fanout) -> tuple[str, bytes]:
    async with receiver.subscribe("channel") as received:
        await sender.publish("channel", b"frame")
        await receiver.publish("channel", b"own frame")
        first = await anext(received)
    await sender.close()
    await receiver.close()
    return first


@pytest.mark.asyncio
async def test_frames_reach_other_applications_only_where_the_process_is_the_whole_system() -> None:
    alone, together = system_ports(), embedded_ports()

    assert await heard(alone.fanout(), alone.fanout()) == ("channel", b"own frame")
    assert await heard(together.fanout(), together.fanout()) == ("channel", b"frame")


@pytest.mark.parametrize(("ports", "embedded"), [(system_ports(), False), (embedded_ports(), True)])
def test_ports_say_whether_the_process_is_the_whole_system(ports: Ports, embedded: bool) -> None:
    assert ports.embedded is embedded
    assert ports.namespace == ""


@pytest.mark.asyncio
@pytest.mark.parametrize("ports", [system_ports(), embedded_ports()])
async def test_ticks_are_remembered_in_the_process(ports: Ports) -> None:
    store = ports.schedule_store(None)
    tick = ports.clock.now()

    assert await store.claim("action", tick)
    assert await store.last("action") == tick
    await store.close()
