"""Full queues: what goes, and who is refused."""

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import PublishRefused
from jararaca.ports.broker import Delivery, Envelope, Queue

pytestmark = pytest.mark.asyncio

QUORUM = {"x-queue-type": "quorum"}
KINDS = pytest.mark.parametrize("arguments", [{}, QUORUM], ids=["classic", "quorum"])
TO_D = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "d"}


async def offer(broker: MemoryBroker, *bodies: str) -> str:
    """Publish one by one; a letter for each: a(ccepted) or r(efused)."""
    outcomes = ""
    for body in bodies:
        try:
            await broker.publish(Envelope(body.encode()), exchange="", routing_key="q")
            outcomes += "a"
        except PublishRefused:
            outcomes += "r"
    return outcomes


async def take_all(broker: MemoryBroker, queue: str) -> list[tuple[str, str | None]]:
    """Bodies, each with the reason of its last death."""
    taken = []
    while (delivery := await broker.get(queue)) is not None:
        deaths = delivery.envelope.headers.get("x-death", [{"reason": None}])
        taken.append((delivery.envelope.body.decode(), deaths[0]["reason"]))
        delivery.ack()
    return taken


@KINDS
async def test_the_oldest_goes_when_a_queue_is_full(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-46, RMQ-49."""
    await broker.declare_queue(Queue("q", arguments={**arguments, **TO_D, "x-max-length": 1}))
    await broker.declare_queue(Queue("d"))
    assert await offer(broker, *"012") == "aaa"
    assert await take_all(broker, "d") == [("0", "maxlen"), ("1", "maxlen")]
    assert await take_all(broker, "q") == [("2", None)]


@KINDS
async def test_a_limit_of_zero_keeps_nothing(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-max-length": 0}))
    assert await offer(broker, *"01") == "aa"
    assert await take_all(broker, "q") == []


@KINDS
async def test_only_ready_messages_count(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-46: what returns later is counted again, and the oldest go."""
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-max-length": 2}))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=3, on_delivery=seen.append)
    assert await offer(broker, *"012345") == "aaaaaa"
    await SystemClock().sleep(0.001)
    assert (len(seen), (await broker.inspect_queue("q")).ready) == (3, 2)

    await subscription.close()

    assert await take_all(broker, "q") == [("4", None), ("5", None)]


@KINDS
async def test_bytes_of_bodies_count_too(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-48."""
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-max-length-bytes": 3}))
    assert await offer(broker, "ab", "c", "de") == "aaa"
    assert await take_all(broker, "q") == [("c", None), ("de", None)]


async def test_a_full_classic_queue_refuses_at_once(broker: MemoryBroker) -> None:
    """RMQ-47: nothing is dead-lettered."""
    await broker.declare_queue(Queue("q", arguments={**TO_D, "x-max-length": 1, "x-overflow": "reject-publish"}))
    await broker.declare_queue(Queue("d"))
    assert await offer(broker, *"012") == "arr"
    assert await take_all(broker, "d") == []


async def test_a_refused_message_may_still_be_dead_lettered(broker: MemoryBroker) -> None:
    """RMQ-47; a quorum queue takes the same word for drop-head."""
    overflow = {**TO_D, "x-max-length": 1, "x-overflow": "reject-publish-dlx"}
    await broker.declare_queue(Queue("d"))
    await broker.declare_queue(Queue("q", arguments=overflow))
    assert await offer(broker, *"012") == "arr"
    assert await take_all(broker, "d") == [("1", "maxlen"), ("2", "maxlen")]
    await broker.delete_queue("q")

    await broker.declare_queue(Queue("q", arguments={**QUORUM, **overflow}))
    assert await offer(broker, *"012") == "aaa"
    assert await take_all(broker, "d") == [("0", "maxlen"), ("1", "maxlen")]


async def test_a_quorum_queue_refuses_late_and_relents_late(broker: MemoryBroker) -> None:
    """One more than its limit gets in; then it must fall to four fifths before it accepts again."""
    await broker.declare_queue(Queue("q", arguments={**QUORUM, "x-max-length": 10, "x-overflow": "reject-publish"}))
    assert await offer(broker, *"abcdefghijklm") == "aaaaaaaaaaarr"
    outcomes = ""
    for _ in range(3):
        delivery = await broker.get("q")
        assert delivery is not None
        delivery.ack()
        outcomes += await offer(broker, "x")
    assert outcomes == "rra"


async def test_one_full_queue_among_several_refuses_but_the_others_keep_their_copy(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", arguments={"x-max-length": 0, "x-overflow": "reject-publish"}))
    await broker.declare_queue(Queue("other"))
    with pytest.raises(PublishRefused, match="full"):
        await broker.publish(Envelope(b"", headers={"CC": ["q"]}), exchange="", routing_key="other")
    assert (await broker.inspect_queue("other")).ready == 1
