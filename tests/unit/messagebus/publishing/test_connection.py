"""A connection that is kept up: how it starts, what it declares, what it survives, and what it says meanwhile."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jararaca.core.context import current_execution
from jararaca.core.steps import Kind
from jararaca.errors import (
    BrokerUnavailable,
    ChannelClosed,
    Difference,
    LoginRefused,
    TopologyMismatch,
    UnroutableMessage,
)
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.link import masked, pause_before
from jararaca.ports.broker import Envelope, Exchange, Queue
from jararaca_testing.contracts import proves

if TYPE_CHECKING:
    from tests.unit.messagebus.publishing.conftest import Rig

pytestmark = pytest.mark.asyncio

AWAY = "nobody answers"


def outcomes(rig: "Rig") -> list[str]:
    return [facts["outcome"] for facts in rig.facts(Kind.CONNECTION)]


# -- start


async def test_a_connection_is_ready_once_the_whole_topology_is_declared(rig: "Rig") -> None:
    connection = await rig.connected(rig.handler("Billing.charge", "order.placed"), rig.handler("Mail.send", "#"))
    assert connection.ready
    assert connection.can_publish
    assert sorted(rig.vhost.depths()) == [
        "shop.Billing.charge",
        "shop.Billing.charge.dlq",
        "shop.Mail.send",
        "shop.Mail.send.dlq",
    ]


async def test_the_connection_carries_names_that_operators_recognise(rig: "Rig") -> None:
    connection = await rig.connected(heartbeat=7)
    assert rig.asked == [
        ("amqp://guest:s3cret@broker:5672/vhost?heartbeat=1", 7, f"shop.default@{rig.environment.instance}")
    ]
    assert connection.address == "amqp://***@broker:5672/vhost"


async def test_names_follow_the_namespace_of_the_environment_and_the_exchange_of_the_configuration(rig: "Rig") -> None:
    connection = rig.connection(config=MessageBusConfig(exchange="events"), name="a")
    other = rig.connection(config=MessageBusConfig(exchange="events"), name="b", exchange="mine")
    handler = rig.handler("Billing.charge", "order.placed")
    assert (connection.names.exchange, other.names.exchange) == ("events", "mine")
    assert (connection.queue_of(handler), connection.dlq_of(handler)) == (
        "shop.Billing.charge",
        "shop.Billing.charge.dlq",
    )


async def test_a_process_that_needs_its_broker_waits_for_it(rig: "Rig") -> None:
    rig.failures += [BrokerUnavailable(AWAY)] * 3
    connection = await rig.connected()
    assert connection.ready
    assert rig.loop.time() == 0.5 + 1.0 + 2.0


async def test_a_process_that_needs_its_broker_waits_no_longer_than_it_was_told(rig: "Rig") -> None:
    rig.vhost.stop()
    connection = rig.connection()
    with pytest.raises(
        BrokerUnavailable, match=r"no connection to the broker at amqp://\*\*\*@broker.* within 60 s"
    ) as caught:
        await connection.start(wait=True)
    assert rig.loop.time() == pytest.approx(60.0)
    assert isinstance(caught.value.__cause__, BrokerUnavailable)


async def test_a_process_that_can_do_without_a_broker_starts_after_one_attempt(rig: "Rig") -> None:
    rig.failures.append(BrokerUnavailable(AWAY))
    connection = rig.connection()
    await connection.start(wait=False)
    assert not connection.ready
    assert rig.loop.time() == 0.0
    await connection.until_ready(1.0)
    assert connection.ready


async def test_a_process_that_can_do_without_a_broker_is_ready_at_once_if_it_is_there(rig: "Rig") -> None:
    connection = rig.connection()
    await connection.start(wait=False)
    assert connection.ready


async def test_a_start_waits_two_seconds_for_an_attempt_that_hangs(rig: "Rig") -> None:
    rig.hangs.add("connect")
    connection = rig.connection()
    await connection.start(wait=False)
    assert not connection.ready
    assert rig.loop.time() == 2.0


@proves("F-45")
@pytest.mark.parametrize("wait", [True, False])
async def test_a_refused_login_ends_the_start_at_once(wait: bool, rig: "Rig") -> None:
    rig.failures.append(LoginRefused("wrong password"))
    with pytest.raises(LoginRefused):
        await rig.connection().start(wait=wait)
    assert rig.loop.time() == 0.0
    assert outcomes(rig) == ["refused"]


async def test_a_login_that_is_mended_meanwhile_connects(rig: "Rig") -> None:
    rig.failures.append(LoginRefused("wrong password"))
    connection = rig.connection()
    with pytest.raises(LoginRefused):
        await connection.start(wait=False)
    with pytest.raises(LoginRefused):
        await connection.until_ready(10.0)
    await rig.loop.advance(0.5)
    await connection.until_ready(None)
    assert connection.ready


async def test_whoever_waits_is_told_of_a_refusal_when_it_comes(rig: "Rig") -> None:
    rig.failures += [BrokerUnavailable(AWAY), LoginRefused("wrong password")]
    with pytest.raises(LoginRefused):
        await rig.connection().start(wait=True)
    assert rig.loop.time() == 0.5


async def test_a_failure_that_nobody_foresaw_ends_the_start_and_is_logged_with_its_place(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    rig.failures.append(TypeError("a bug"))
    with pytest.raises(BrokerUnavailable, match=r"failed unexpectedly \(TypeError\)") as caught:
        await rig.connection().start(wait=True)
    assert isinstance(caught.value.__cause__, TypeError)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None


# -- topology


async def test_a_queue_with_other_arguments_ends_the_start_and_says_which(rig: "Rig") -> None:
    await rig.outside.connect()
    await rig.outside.declare_queue(
        Queue("shop.Billing.charge.dlq", arguments={"x-queue-type": "quorum", "x-message-ttl": 60_000})
    )
    with pytest.raises(TopologyMismatch) as caught:
        await rig.connection().start(wait=False)
    assert caught.value.differences == (Difference("queue", "shop.Billing.charge.dlq", "x-message-ttl", "60000", None),)


async def test_passive_topology_declares_nothing_and_misses_what_is_not_there(rig: "Rig") -> None:
    connection = rig.connection(config=MessageBusConfig(topology="passive"))
    with pytest.raises(
        TopologyMismatch,
        match=r"the exchange 'jararaca.events', the queue .* do not exist .* declare them.*topology=\"declare\"",
    ):
        await connection.start(wait=True)
    assert rig.vhost.depths() == {}


async def test_passive_topology_misses_the_waits_that_a_retry_would_need(rig: "Rig") -> None:
    """The first retry would fail otherwise, and every other one after it."""
    await rig.connected(name="owner")
    patient = replace(rig.handler("Billing.charge", "order.placed"), longest_wait=0.5)
    with pytest.raises(TopologyMismatch) as caught:
        await rig.connection(patient, config=MessageBusConfig(topology="passive")).start(wait=True)
    for step in (125, 250, 500):
        assert f"the exchange 'shop.wait.{step}'" in str(caught.value)
        assert f"the queue 'shop.wait.{step}'" in str(caught.value)
    assert "1000" not in str(caught.value)


async def test_passive_topology_is_content_with_what_another_user_declared(rig: "Rig") -> None:
    await rig.connected(name="owner")
    connection = rig.connection(config=MessageBusConfig(topology="passive"))
    await connection.start(wait=True)
    assert connection.ready


@proves("F-2")
async def test_a_broker_that_never_answers_a_declaration_is_given_up_and_tried_again(rig: "Rig") -> None:
    """The connection is dropped after ten seconds, and even a close that hangs holds nobody up."""
    rig.hangs |= {"declare_queue", "close"}
    rig.loop.call_later(5.0, rig.hangs.discard, "declare_queue")
    connection = rig.connection()
    meanwhile: list[bool] = []
    rig.loop.call_later(9.0, lambda: meanwhile.append(connection.can_publish))  # what readiness tells
    await connection.start(wait=True)
    assert (meanwhile, connection.can_publish) == ([False], True)
    assert rig.loop.time() == 10.0 + 2.0 + 0.5
    assert outcomes(rig) == ["unreachable", "connected"]


async def test_a_connect_that_never_ends_is_given_up_and_tried_again(rig: "Rig") -> None:
    rig.hangs.add("connect")
    rig.loop.call_later(5.0, rig.hangs.discard, "connect")
    connection = await rig.connected()
    assert connection.ready
    assert rig.loop.time() == 15.0 + 0.5


# -- loss


async def test_a_lost_connection_is_opened_again_and_declares_again(rig: "Rig") -> None:
    connection = await rig.connected()
    broker = connection.broker
    await rig.outside.connect()
    await rig.outside.delete_queue("shop.Billing.charge")
    rig.vhost.drop_connections()
    assert not connection.ready
    await connection.until_ready(1.0)
    assert "shop.Billing.charge" in rig.vhost.depths()
    assert connection.broker is broker
    assert outcomes(rig) == ["connected", "lost", "connected"]


@proves("F-44")
async def test_a_broker_that_is_away_is_tried_again_and_again_with_one_line_each(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    connection = await rig.connected()
    rig.vhost.stop()
    await rig.loop.advance(60)
    lines = [record.__dict__ for record in caplog.records if record.getMessage() == "the broker cannot be reached"]
    assert [line["attempt"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["next_attempt_in"] for line in lines[:6]] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert {line["url"] for line in lines} == {"amqp://***@broker:5672/vhost"}
    assert len(lines) > 10
    rig.vhost.start()
    await rig.loop.advance(5.0)
    assert connection.ready


async def test_callbacks_are_called_each_time_it_comes_up_until_they_are_withdrawn(rig: "Rig") -> None:
    connection = rig.connection()
    calls: list[str] = []
    withdraw = connection.on_ready(lambda: calls.append("first"))
    connection.on_ready(lambda: calls.append("second"))
    await connection.start(wait=True)
    withdraw()
    rig.vhost.drop_connections()
    await connection.until_ready(1.0)
    assert calls == ["first", "second", "second"]


async def test_a_stopped_connection_tells_who_waits_for_it(rig: "Rig") -> None:
    rig.vhost.stop()
    connection = rig.connection()
    await connection.start(wait=False)
    waiting = asyncio.ensure_future(connection.until_ready(None))  # noqa: TID251 -- the test's own task
    await rig.loop.settle()
    await connection.stop()
    with pytest.raises(BrokerUnavailable, match="is closed, because the application stops"):
        await waiting
    with pytest.raises(BrokerUnavailable, match="is closed"):
        await connection.until_ready(None)


async def test_one_who_gave_up_waiting_is_not_told(rig: "Rig") -> None:
    rig.vhost.stop()
    connection = rig.connection()
    await connection.start(wait=False)
    waiting = asyncio.ensure_future(connection.until_ready(None))  # noqa: TID251 -- the test's own task
    await rig.loop.settle()
    waiting.cancel()
    await connection.stop()
    assert waiting.cancelled()


async def test_an_observer_may_stand_in_for_a_broker_that_is_away(rig: "Rig") -> None:
    attempts: list[int] = []

    class Fault:
        def observe(self, step: Any) -> None:
            {("connection", "before"): self.strike}.get((step.kind, step.phase), self.pass_by)(step)

        def strike(self, step: Any) -> None:
            attempts.append(step.facts["attempt"])
            [self.fail, self.pass_by][step.facts["attempt"] - 1](step)

        def fail(self, step: Any) -> None:
            raise BrokerUnavailable("cut")

        def pass_by(self, step: Any) -> None:
            pass

    rig.environment.steps.add(Fault())
    await rig.connected()
    assert attempts == [1, 2]


# -- pauses and addresses


@pytest.mark.parametrize(("attempt", "pause"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (10_000, 5.0)])
async def test_pauses_double_up_to_five_seconds(attempt: int, pause: float) -> None:
    """So that a broker which is back is found within ten."""
    assert pause_before(attempt, 0.0) == pause


async def test_chance_takes_at_most_half_of_a_pause() -> None:
    assert pause_before(2, 0.999_999) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://user:pa@ss?w/rd@host:5672/v?heartbeat=1", "amqp://***@host:5672/v"),
        ("amqp://host/", "amqp://host/"),
        ("memory://", "memory://"),
        ("nonsense", "nonsense://"),
    ],
)
async def test_an_address_never_shows_credentials_or_options(url: str, shown: str) -> None:
    assert masked(url) == shown


# -- copies and waits


COPY = Envelope(
    b"{}",
    message_id="m-1",
    headers={
        "x-jararaca-attempt": 2,
        "x-jararaca-reason": "error",
        "x-jararaca-original-topic": "order.placed",
        "x-jararaca-handler": "Billing.charge",
    },
)


async def test_a_copy_goes_to_one_queue_and_is_confirmed(rig: "Rig") -> None:
    connection = await rig.connected()
    await connection.copy(COPY, "shop.Billing.charge.dlq")
    (delivery,) = await rig.received("shop.Billing.charge.dlq")
    assert (delivery.exchange, delivery.envelope.message_id) == ("", "m-1")
    expected = {
        "queue": "shop.Billing.charge.dlq",
        "delay": 0.0,
        "message_id": "m-1",
        "reason": "error",
        "attempt": 2,
        "topic": "order.placed",
        "handler": "Billing.charge",
    }
    assert rig.facts(Kind.COPY, "before") == rig.facts(Kind.COPY) == [expected]


async def test_a_copy_belongs_to_the_execution_that_made_it(rig: "Rig") -> None:
    connection = await rig.connected()

    async def call() -> str:
        await connection.copy(COPY, "shop.Billing.charge")
        return current_execution().id

    identity = await rig.in_execution(call)
    assert [step.execution for step in rig.steps if step.kind is Kind.COPY] == [identity, identity]


async def test_a_copy_for_a_queue_that_does_not_exist_is_an_error_that_names_it(rig: "Rig") -> None:
    connection = await rig.connected()
    with pytest.raises(UnroutableMessage, match="copy of message m-1 for the queue 'gone' was not taken"):
        await connection.copy(COPY, "gone")
    assert rig.facts(Kind.COPY) == []


async def test_a_copy_that_is_not_confirmed_fails_after_ten_seconds(rig: "Rig") -> None:
    connection = await rig.connected()
    rig.vhost.block()
    with pytest.raises(BrokerUnavailable, match=r"did not confirm a copy for 'shop.Billing.charge' within 10 s"):
        await connection.copy(COPY, "shop.Billing.charge")


@pytest.mark.parametrize(("seconds", "step"), [(0.0, 0.125), (0.3, 0.25), (1.0, 1.0), (7.9, 4.0)])
async def test_a_wait_brings_the_copy_to_its_queue_after_the_longest_step_that_fits(
    seconds: float, step: float, rig: "Rig"
) -> None:
    connection = await rig.connected()
    await connection.send_to_wait(COPY, "shop.Billing.charge", seconds)
    await rig.loop.advance(step - 0.001)
    assert await rig.received() == []
    await rig.loop.advance(0.001)
    (delivery,) = await rig.received()
    assert delivery.envelope.headers["x-jararaca-not-before"] == 1_767_225_600_000 + seconds * 1000


async def test_a_due_time_that_a_copy_has_already_stays(rig: "Rig") -> None:
    connection = await rig.connected()
    await connection.send_to_wait(Envelope(b"", headers={"x-jararaca-not-before": 7}), "shop.Billing.charge", 0.125)
    await rig.loop.advance(0.125)
    (delivery,) = await rig.received()
    assert delivery.envelope.headers["x-jararaca-not-before"] == 7


@pytest.mark.parametrize("delete", ["delete_queue", "delete_exchange"])
async def test_a_wait_that_was_deleted_is_declared_again(delete: str, rig: "Rig") -> None:
    connection = await rig.connected()
    await connection.send_to_wait(COPY, "shop.Billing.charge", 1.0)
    await rig.outside.connect()
    remove: Callable[[str], Any] = getattr(rig.outside, delete)
    await remove("shop.wait.1000")
    await connection.send_to_wait(COPY, "shop.Billing.charge", 1.0)
    await rig.loop.advance(1.0)
    assert "m-1" in [delivery.envelope.message_id for delivery in await rig.received()]


async def test_a_wait_that_may_not_be_declared_says_so(rig: "Rig") -> None:
    await rig.connected(name="owner")
    connection = await rig.connected(config=MessageBusConfig(topology="passive"))
    with pytest.raises(TopologyMismatch, match=r"exchange 'shop.wait.1000', the queue 'shop.wait.1000' do not exist"):
        await connection.send_to_wait(COPY, "shop.Billing.charge", 1.0)


async def test_a_declaration_that_the_broker_refuses_names_what_it_was_for(rig: "Rig") -> None:
    connection = rig.connection(exchange="amq.mine")
    with pytest.raises(ChannelClosed, match=r"when declaring the exchange 'amq.mine'") as caught:
        await connection.start(wait=False)
    assert caught.value.code == 403


async def test_an_exchange_of_another_type_is_a_mismatch(rig: "Rig") -> None:
    await rig.outside.connect()
    await rig.outside.declare_exchange(Exchange("jararaca.events", "fanout"))
    with pytest.raises(TopologyMismatch, match=r"(?s)type +fanout +topic.*exchange="):
        await rig.connection().start(wait=True)


async def test_without_observers_a_connection_works_the_same(rig: "Rig") -> None:
    rig.environment.steps.observers = ()
    connection = await rig.connected()
    await connection.copy(COPY, "shop.Billing.charge")
    assert len(await rig.received()) == 1
