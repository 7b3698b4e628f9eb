"""The settlement table, row by row, through a worker and a broker: what is committed, sent, and left in the queues."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jararaca.core.context import use_clock, use_unit_of_work
from jararaca.core.microservice import Microservice
from jararaca.core.steps import Kind
from jararaca.messagebus.consumed import Consumed
from jararaca.messagebus.handlers import collect_handlers
from jararaca.messagebus.headers import Marks
from jararaca.messagebus.messages import Message
from jararaca.messagebus.retry import RetryPolicy
from jararaca.messagebus.settling import Settler
from jararaca.ports.broker import Envelope
from jararaca_testing.chance import SeededChance
from jararaca_testing.contracts import proves

if TYPE_CHECKING:
    from tests.unit.messagebus.worker.conftest import Rig

pytestmark = pytest.mark.asyncio

Body = Callable[[Message[Any]], Awaitable[None]]

COMMITTED = ["prepare", "commit", "announce"]
ONCE = RetryPolicy(max_attempts=1, dead_letter_on=(LookupError,), ignore_on=(ArithmeticError,))


async def returns(message: Message[Any]) -> None:
    pass


async def raises(message: Message[Any]) -> None:
    raise OSError("disk full")


async def raises_key_error(message: Message[Any]) -> None:
    raise KeyError("absent")


async def divides(message: Message[Any]) -> None:
    raise ZeroDivisionError


async def acks(message: Message[Any]) -> None:
    await message.ack()


async def rejects(message: Message[Any]) -> None:
    await message.reject(reason="not ours")


async def nacks(message: Message[Any]) -> None:
    await message.nack()


async def nacks_for_good(message: Message[Any]) -> None:
    await message.nack(requeue=False)


async def acks_then_raises(message: Message[Any]) -> None:
    await message.ack()
    raise OSError("disk full")


async def lets_a_cancellation_escape(message: Message[Any]) -> None:
    raise asyncio.CancelledError


async def takes_ten_seconds(message: Message[Any]) -> None:
    await use_clock().sleep(10)


async def swallows_its_timeout(message: Message[Any]) -> None:
    try:
        await use_clock().sleep(10)
    except asyncio.CancelledError:
        await message.ack()


async def rolls_back_quietly(message: Message[Any]) -> None:
    use_unit_of_work().set_rollback_only("dry run")


@pytest.mark.parametrize(
    ("body", "options"), [(returns, {}), (acks, {}), (acks, {"auto_ack": False})], ids=["returns", "acks", "decides"]
)
async def test_success_is_acknowledged_after_commit_and_announcement(
    body: Body, options: dict[str, Any], rig: "Rig"
) -> None:
    await rig.run(body, **options)
    assert rig.log == [*COMMITTED, "ack"]
    assert await rig.ready() == 0
    assert await rig.dead_letters() == []


async def test_a_rollback_that_the_handler_wanted_is_acknowledged(rig: "Rig") -> None:
    await rig.run(rolls_back_quietly)
    assert rig.log == ["rollback", "ack"]


@pytest.mark.parametrize(
    ("body", "options", "reason", "error"),
    [
        (returns, {"auto_ack": False}, "unsettled", ("", "the handler returned without settling its message")),
        (rejects, {}, "rejected", ("", "not ours")),
        (nacks_for_good, {}, "rejected", ("", "")),
        (raises, {}, "error", ("OSError", "disk full")),
        (raises, {"retry": ONCE}, "retries-exhausted", ("OSError", "disk full")),
        (raises_key_error, {"retry": ONCE}, "error", ("KeyError", "'absent'")),
        (acks_then_raises, {}, "error", ("OSError", "disk full")),
    ],
)
async def test_what_is_given_up_is_rolled_back_and_dead_lettered_with_its_reason(
    body: Body, options: dict[str, Any], reason: str, error: tuple[str, str], rig: "Rig"
) -> None:
    await rig.run(body, **options)
    assert rig.log == ["rollback", "dead-letter"]
    (dead,) = await rig.dead_letters()
    assert (dead.message_id, dead.body, dead.persistent) == ("m-1", b'{"id": 1}', True)
    assert {name: value for name, value in dead.headers.items() if name.startswith("x-jararaca-")} == {
        "x-jararaca-reason": reason,
        "x-jararaca-error-type": error[0],
        "x-jararaca-error": error[1],
        "x-jararaca-attempts": 1,
        "x-jararaca-first-failed-at": "2026-01-01T00:00:00+00:00",
        "x-jararaca-last-failed-at": "2026-01-01T00:00:00+00:00",
        "x-jararaca-original-topic": "order.placed",
        "x-jararaca-handler": "Orders.handle",
    }


async def test_an_exception_that_is_ignored_is_rolled_back_acknowledged_and_counted(rig: "Rig") -> None:
    await rig.run(divides, retry=ONCE)
    assert rig.log == ["rollback", "ack"]
    assert rig.settlements() == [("ack", "ignored")]


@pytest.mark.parametrize(
    ("body", "options", "delay"),
    [(nacks, {}, 0.125), (raises, {"nack_on_exception": True}, 1.0)],
    ids=["nack", "nack_on_exception"],
)
async def test_a_message_that_is_put_back_returns_later_as_the_same_attempt(
    body: Body, options: dict[str, Any], delay: float, rig: "Rig"
) -> None:
    """Never a hot loop: at least 0.125 seconds pass."""
    await rig.run(body, **options)
    await rig.loop.advance(delay - 0.001)
    assert len(rig.messages) == 1
    await rig.loop.advance(0.001)
    assert [message.attempt for message in rig.messages] == [1, 1]
    assert [message.topic for message in rig.messages] == ["order.placed", "order.placed"]


async def test_a_retried_message_comes_back_exactly_one_delay_later_until_attempts_are_spent(rig: "Rig") -> None:
    moments: list[float] = []

    async def fails(message: Message[Any]) -> None:
        moments.append(rig.loop.time())
        raise OSError("disk full")

    await rig.run(fails, retry=RetryPolicy(max_attempts=4))
    await rig.loop.advance(60)
    assert [moment - moments[0] for moment in moments] == [0.0, 1.0, 3.0, 7.0]
    assert [(message.attempt, message.will_retry) for message in rig.messages] == [
        (1, True),
        (2, True),
        (3, True),
        (4, False),
    ]
    (dead,) = await rig.dead_letters()
    assert {name: dead.headers[f"x-jararaca-{name}"] for name in ("reason", "attempts", "first-failed-at")} == {
        "reason": "retries-exhausted",
        "attempts": 4,
        "first-failed-at": "2026-01-01T00:00:00+00:00",
    }
    assert dead.headers["x-jararaca-last-failed-at"] == "2026-01-01T00:00:07+00:00"


async def test_a_handler_may_choose_the_delay_of_its_retry_and_no_hop_on_the_way_counts(rig: "Rig") -> None:
    """5.3 seconds are several steps of the ladder; the message is early after each but the last."""
    moments: list[float] = []

    async def waits(message: Message[Any]) -> None:
        moments.append(rig.loop.time())
        await (message.ack() if message.attempt == 2 else message.retry(5.3, "busy"))

    await rig.run(waits)
    await rig.loop.advance(10)
    (first, second) = moments
    assert 5.3 <= second - first < 5.3 + 0.125
    assert [message.attempt for message in rig.messages] == [1, 2]
    assert ("wait", "early") in rig.settlements()


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"\xff", {}, "invalid-payload"),
        (b'{"id": "x"}', {}, "invalid-payload"),
        (b'{"id": 1}', {"type": "urn:jararaca:Refund"}, "unknown-type"),
        (b" " * 1_048_577, {}, "too-large"),
    ],
    ids=["not text", "not valid", "unknown type", "too large"],
)
async def test_what_cannot_be_handled_is_dead_lettered_before_any_unit_of_work(
    body: bytes, properties: dict[str, Any], reason: str, rig: "Rig"
) -> None:
    await rig.serve(rig.controller(returns, retry=RetryPolicy()))
    await rig.publish(body, **properties)
    await rig.settle()
    assert rig.log == ["dead-letter"]
    assert rig.facts(Kind.ATTEMPT) == []
    (dead,) = await rig.dead_letters()
    assert (dead.body, dead.headers["x-jararaca-reason"], dead.headers["x-jararaca-attempts"]) == (body, reason, 0)


@pytest.mark.parametrize("body", [takes_ten_seconds, swallows_its_timeout])
async def test_a_timeout_cancels_rolls_back_and_dead_letters(body: Body, rig: "Rig") -> None:
    """What a handler does after it swallowed its cancellation does not count."""
    await rig.run(body, timeout=2.0)
    await rig.loop.advance(2.0)
    assert rig.log == ["rollback", "dead-letter"]
    (dead,) = await rig.dead_letters()
    assert dead.headers["x-jararaca-reason"] == "timeout"
    assert dead.headers["x-jararaca-error-type"] == "jararaca.errors.HandlerTimeout"


async def test_a_timeout_is_retried_as_any_exception_is(rig: "Rig") -> None:
    await rig.run(takes_ten_seconds, timeout=2.0, retry=RetryPolicy())
    await rig.loop.advance(3.0)
    assert [message.attempt for message in rig.messages] == [1, 2]


async def test_a_timeout_error_of_the_handlers_own_is_no_handler_timeout(rig: "Rig") -> None:
    async def own(message: Message[Any]) -> None:
        raise TimeoutError("the gateway")

    await rig.run(own)
    assert (await rig.dead_letters())[0].headers["x-jararaca-reason"] == "error"


async def test_a_cancellation_that_escapes_from_inside_is_a_failure(rig: "Rig") -> None:
    """Nobody cancelled the worker, so requeueing would make a hot loop."""
    await rig.run(lets_a_cancellation_escape)
    assert (await rig.dead_letters())[0].headers["x-jararaca-error-type"] == "jararaca.errors.UsageError"


@pytest.mark.parametrize("phase", ["prepare", "commit"])
async def test_a_commit_that_fails_is_as_an_exception(phase: str, rig: "Rig") -> None:
    rig.fails[phase] = OSError("constraint")
    await rig.run(returns)
    assert rig.log[-2:] == ["rollback", "dead-letter"]
    assert (await rig.dead_letters())[0].headers["x-jararaca-error"] == "constraint"


async def test_a_publish_that_fails_after_the_commit_sends_the_message_back(rig: "Rig") -> None:
    """At least once: the effects stand, the announcement is made again; a second later, not in a hot loop."""
    rig.fails["announce"] = OSError("lost")

    async def recovers(message: Message[Any]) -> None:
        rig.fails.update({} if len(rig.messages) == 1 else {"announce": None})  # type: ignore[dict-item]

    await rig.run(recovers)
    await rig.clock.advance(0.999)
    assert rig.log == COMMITTED
    await rig.clock.advance(0.001)
    assert rig.log == [*COMMITTED, "requeue", *COMMITTED, "ack"]
    assert [(message.redelivered, message.attempt) for message in rig.messages] == [(False, 1), (True, 1)]


@pytest.mark.parametrize("body", [returns, raises])
async def test_after_an_early_ack_nothing_more_is_sent(body: Body, rig: "Rig") -> None:
    async def early(message: Message[Any]) -> None:
        await message.ack(early=True)
        rig.log.append("body")
        await body(message)

    await rig.run(early)
    assert rig.log[:2] == ["ack", "body"]
    assert rig.settlements() == [("ack", "early-ack")]
    assert await rig.dead_letters() == []


class Half(SeededChance):
    """Chance that always falls in the middle."""

    def random(self) -> float:
        return 0.5


@proves("F-38")
@pytest.mark.parametrize(("jitter", "delay"), [("full", 4.0), ("none", 8.0)])
async def test_full_jitter_takes_off_a_part_of_the_delay_by_chance(jitter: Any, delay: float, rig: "Rig") -> None:
    """Messages that failed together do not come back together."""
    rig.ports = replace(rig.ports, chance=Half("worker"))
    await rig.run(raises, retry=RetryPolicy(first_delay=8.0, jitter=jitter))
    assert [facts["delay"] for facts in rig.facts(Kind.COPY)] == [delay]


class Noted:
    """A delivery that tells what is asked of the broker."""

    def __init__(self) -> None:
        self.envelope = Envelope(b"{}")
        self.exchange, self.routing_key, self.redelivered, self.delivery_tag = "", "order.placed", False, 1
        self.is_stale = False
        self.asked: list[str] = []

    def ack(self) -> bool:
        raise NotImplementedError

    def nack(self, *, requeue: bool) -> bool:
        self.asked.append(f"nack, requeue={requeue}")
        return True

    def reject(self, *, requeue: bool) -> bool:
        raise NotImplementedError


async def test_a_message_goes_back_to_the_broker_by_a_nack_and_not_by_a_reject(rig: "Rig") -> None:
    """Newer versions of RabbitMQ count a reject, and only that, towards the delivery limit."""
    controller = rig.controller(raises)
    await rig.serve(controller)
    (handler,) = collect_handlers(Microservice(controllers=[controller]))
    delivery = Noted()
    Settler(rig.application.environment, handler, rig.connection).requeue(Consumed(delivery, Marks()), "cancelled")
    assert delivery.asked == ["nack, requeue=True"]
