"""Messages that leave a queue undone."""

from typing import Any

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import PublishRefused
from jararaca.ports.broker import Binding, Delivery, Envelope, Exchange, Queue

pytestmark = pytest.mark.asyncio

QUORUM = {"x-queue-type": "quorum"}
KINDS = pytest.mark.parametrize("arguments", [{}, QUORUM], ids=["classic", "quorum"])
TO_D = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "d"}
SAFE = {**QUORUM, **TO_D, "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


async def put(broker: MemoryBroker, queue: str, headers: dict[str, Any] | None = None) -> None:
    await broker.publish(Envelope(b"x", headers=headers or {}), exchange="", routing_key=queue)


async def take(broker: MemoryBroker, queue: str) -> Delivery:
    delivery = await broker.get(queue)
    assert delivery is not None
    return delivery


async def reject(broker: MemoryBroker, queue: str) -> None:
    (await take(broker, queue)).reject(requeue=False)


@KINDS
async def test_a_rejected_message_goes_to_the_dead_letter_exchange(
    broker: MemoryBroker, arguments: dict[str, object]
) -> None:
    """RMQ-50."""
    await broker.declare_exchange(Exchange("dx"))
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-dead-letter-exchange": "dx"}))
    await broker.declare_queue(Queue("d"))
    await broker.bind(Binding("dx", "d", "q"))
    await put(broker, "q", {"mine": 1})

    await reject(broker, "q")

    dead = await take(broker, "d")
    assert (dead.exchange, dead.routing_key, dead.redelivered) == ("dx", "q", False)
    assert dead.envelope.headers["mine"] == 1
    [death] = dead.envelope.headers["x-death"]
    assert (death["time"].microsecond, death["reason"], death["routing-keys"]) == (0, "rejected", ["q"])


@KINDS
async def test_without_an_exchange_to_go_to_the_message_is_gone(
    broker: MemoryBroker, arguments: dict[str, object], vhost: VirtualHost
) -> None:
    """RMQ-55."""
    await broker.declare_queue(Queue("q", arguments=arguments))
    await broker.declare_queue(Queue("r", arguments={**arguments, "x-dead-letter-exchange": "missing"}))
    for queue in ("q", "r"):
        await put(broker, queue)
        await reject(broker, queue)
        assert (vhost.depths()[queue].ready, vhost.depths()[queue].held) == (0, 0)


@pytest.mark.parametrize(("limit", "counts"), [(-1, [0]), (0, [0]), (2, [0, 1, 2])])
async def test_a_message_that_returned_too_often_is_dead(broker: MemoryBroker, limit: int, counts: list[int]) -> None:
    """RMQ-57."""
    await broker.declare_queue(Queue("q", arguments={**QUORUM, **TO_D, "x-delivery-limit": limit}))
    await broker.declare_queue(Queue("d"))
    await put(broker, "q")
    seen = []
    while (delivery := await broker.get("q")) is not None:
        seen.append(delivery.envelope.headers["x-delivery-count"])
        delivery.nack(requeue=True)
    assert seen == counts
    assert (await take(broker, "d")).envelope.headers["x-first-death-reason"] == "delivery_limit"


async def test_losing_the_connection_counts_towards_the_limit(broker: MemoryBroker, other: MemoryBroker) -> None:
    await other.declare_queue(Queue("q", arguments={**QUORUM, **TO_D, "x-delivery-limit": 1}))
    await other.declare_queue(Queue("d"))
    await put(other, "q")
    for _ in range(2):
        await broker.connect()
        await take(broker, "q")
        broker.drop()
    assert (await other.inspect_queue("d")).ready == 1


async def test_a_cycle_that_nobody_rejects_ends(broker: MemoryBroker, vhost: VirtualHost) -> None:
    """RMQ-54."""
    await broker.declare_queue(
        Queue("q", arguments={"x-message-ttl": 10, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"})
    )
    await put(broker, "q")
    await SystemClock().sleep(1)
    assert vhost.depths()["q"].ready == 0


async def test_a_cycle_with_a_rejection_goes_on_and_counts(broker: MemoryBroker) -> None:
    """RMQ-51, RMQ-54."""
    await broker.declare_queue(Queue("work", arguments={**TO_D, "x-dead-letter-routing-key": "wait"}))
    await broker.declare_queue(
        Queue("wait", arguments={**TO_D, "x-message-ttl": 10, "x-dead-letter-routing-key": "work"})
    )
    await put(broker, "work")
    for _ in range(2):
        await reject(broker, "work")
        await SystemClock().sleep(1)
    deaths = (await take(broker, "work")).envelope.headers["x-death"]
    assert [(death["queue"], death["reason"], death["count"]) for death in deaths] == [
        ("wait", "expired", 2),
        ("work", "rejected", 2),
    ]


async def test_copies_by_header_are_dead_lettered_by_all_their_keys(broker: MemoryBroker) -> None:
    """The keys of BCC route again, but stay unseen."""
    await broker.declare_queue(Queue("q", arguments={"x-dead-letter-exchange": "amq.direct"}))
    for name in ("cc", "bcc"):
        await broker.declare_queue(Queue(name))
        await broker.bind(Binding("amq.direct", name, f"key.{name}"))
    await put(broker, "q", {"CC": ["key.cc"], "BCC": ["key.bcc"]})
    await reject(broker, "q")
    for name in ("cc", "bcc"):
        dead = await take(broker, name)
        assert dead.routing_key == "q"
        assert dead.envelope.headers["CC"] == ["key.cc"]
        assert dead.envelope.headers["x-death"][0]["routing-keys"] == ["q", "key.cc"]


async def test_a_dead_letter_routing_key_replaces_the_copies(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", arguments=TO_D))
    await broker.declare_queue(Queue("d"))
    await broker.declare_queue(Queue("cc"))
    await put(broker, "q", {"CC": ["cc"]})
    await reject(broker, "q")
    dead = await take(broker, "d")
    assert "CC" not in dead.envelope.headers
    assert dead.envelope.headers["x-death"][0]["routing-keys"] == ["q", "cc"]
    assert (await broker.inspect_queue("cc")).ready == 1


async def test_purging_and_deleting_do_not_dead_letter(broker: MemoryBroker) -> None:
    """RMQ-22."""
    await broker.declare_queue(Queue("q", arguments=TO_D))
    await broker.declare_queue(Queue("d"))
    await put(broker, "q")
    assert await broker.purge("q") == 1
    await put(broker, "q")
    assert await broker.delete_queue("q") == 1
    assert (await broker.inspect_queue("d")).ready == 0


async def test_at_least_once_keeps_a_dead_letter_until_its_target_exists(
    broker: MemoryBroker, vhost: VirtualHost
) -> None:
    """RMQ-55: kept, not ready, offered again every three minutes."""
    await broker.declare_queue(Queue("q", arguments=SAFE))
    await put(broker, "q")
    await put(broker, "q")
    await reject(broker, "q")
    await reject(broker, "q")
    assert (vhost.depths()["q"].ready, vhost.depths()["q"].held) == (0, 2)
    await SystemClock().sleep(181)
    assert vhost.depths()["q"].held == 2

    await broker.declare_queue(Queue("d"))
    await SystemClock().sleep(180)

    assert (vhost.depths()["q"].held, vhost.depths()["d"].ready) == (0, 2)


async def test_at_least_once_does_not_repeat_what_a_target_has(broker: MemoryBroker, vhost: VirtualHost) -> None:
    await broker.declare_queue(Queue("q", arguments={**SAFE, "x-dead-letter-exchange": "amq.fanout"}))
    await broker.declare_queue(Queue("takes"))
    await broker.declare_queue(Queue("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"}))
    for queue in ("takes", "full"):
        await broker.bind(Binding("amq.fanout", queue))
    await put(broker, "full")
    await put(broker, "q")
    await reject(broker, "q")
    assert vhost.depths()["q"].held == 1

    await broker.purge("full")
    await SystemClock().sleep(181)

    depths = vhost.depths()
    assert (depths["q"].held, depths["takes"].ready, depths["full"].ready) == (0, 1, 1)


async def test_what_is_kept_counts_towards_the_limit_and_goes_with_its_queue(
    broker: MemoryBroker, vhost: VirtualHost
) -> None:
    await broker.declare_queue(Queue("q", arguments={**SAFE, "x-max-length": 1}))
    for _ in range(2):
        await put(broker, "q")
        await reject(broker, "q")
    with pytest.raises(PublishRefused):
        await put(broker, "q")
    assert await broker.purge("q") == 0
    assert vhost.depths()["q"].held == 2
    await broker.delete_queue("q")
    await broker.declare_queue(Queue("d"))
    await SystemClock().sleep(400)
    assert vhost.depths()["d"].ready == 0


async def test_at_least_once_without_reject_publish_is_silently_off(broker: MemoryBroker, vhost: VirtualHost) -> None:
    await broker.declare_queue(Queue("q", arguments={**QUORUM, **TO_D, "x-dead-letter-strategy": "at-least-once"}))
    await put(broker, "q")
    await reject(broker, "q")
    assert vhost.depths()["q"].held == 0


async def test_a_server_that_is_back_offers_at_once_what_it_kept(broker: MemoryBroker, vhost: VirtualHost) -> None:
    await broker.declare_queue(Queue("q", arguments=SAFE))
    await put(broker, "q")
    await reject(broker, "q")
    await broker.declare_queue(Queue("d"))
    vhost.stop()
    await SystemClock().sleep(400)
    assert vhost.depths()["d"].ready == 0
    vhost.start()
    assert (vhost.depths()["q"].held, vhost.depths()["d"].ready) == (0, 1)
