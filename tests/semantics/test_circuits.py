"""A handler whose dependency is down is paused, and tried again one message at a time."""

from collections import Counter

import pytest
from order_handlers import GatewayDown, Order
from processes import System
from script import Script, Scripted, raising
from shopping import connection_of, ends, ready, serving, until

from jararaca import IncomingHandler, Message, MessageBusController
from jararaca.messagebus.circuit import CircuitBreaker
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves

RESET = 5.0


@MessageBusController()
class GuardedDesk(Scripted):
    @IncomingHandler(
        "order.placed",
        retry=RetryPolicy(max_attempts=50, first_delay=1.0, max_delay=8.0, jitter="none"),
        circuit_breaker=CircuitBreaker(failure_threshold=10, window=10.0, reset_timeout=RESET),
    )
    async def handle(self, message: Message[Order]) -> None:
        await self.script.run(message)


@MessageBusController()
class SmallDesk(Scripted):
    @IncomingHandler(
        "order.placed",
        retry=RetryPolicy(max_attempts=50, first_delay=0.125, max_delay=0.125, jitter="none"),
        circuit_breaker=CircuitBreaker(failure_threshold=3, window=10.0, reset_timeout=2.0),
        concurrency=1,
    )
    async def handle(self, message: Message[Order]) -> None:
        await self.script.run(message)


def measured(system: System) -> dict[str, float]:
    """What metrics say of the only handler, its queue of dead letters apart."""
    of_handler = [each for each in system.environment.measured() if each.name != "dead_letters_waiting"]
    return {each.name: next(iter(each.read().values())) for each in of_handler}


@proves("F-38")
@pytest.mark.slow
@pytest.mark.virtual_only
@serving(GuardedDesk)
async def test_a_thousand_messages_meet_a_dependency_that_is_down_a_handful_of_times(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    """Ten failures open the circuit, nine more may run beside them, and then there is one trial each five seconds."""
    down_for = 60.0
    failed: list[float] = []

    async def fail_for_a_minute(_message: Message[Order]) -> None:
        now = jararaca_app.clock.monotonic()
        if now < down_for:
            failed.append(now)
            raise GatewayDown("no answer")

    bus.expect_errors(GatewayDown)
    script.body = fail_for_a_minute
    for number in range(1000):
        await bus.publish(Order(number=number), "order.placed")
    await jararaca_app.clock.advance(seconds=down_for)

    assert len(failed) <= 10 + 9 + down_for / RESET

    await jararaca_app.clock.advance(minutes=2)
    assert set(script.numbers) == set(range(1000))
    assert Counter(ends(jararaca_app))["ack", None] == 1000


@proves("F-38")
@serving(SmallDesk)
async def test_a_consumer_that_is_paused_leaves_messages_in_their_queue_and_goes_on_after_a_trial(
    system: System, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "jararaca.messagebus")
    process = await system.start()
    script.body = raising(GatewayDown("no answer"))
    for number in range(5):
        await process.publish(Order(number=number), "order.placed")

    await until(system, lambda: measured(system)["circuit_trips"] == 1)
    paused = measured(system)
    assert paused == {"consumers_wanted": 0, "consumers_actual": 0, "circuit_open": 1, "circuit_trips": 1}
    assert process.worker is not None
    assert process.worker.ready
    await until(system, lambda: measured(system)["circuit_trips"] == 2)
    assert len(script.messages) == 4
    connection = connection_of(system)
    assert (await connection.broker.inspect_queue(connection.names.queue("SmallDesk.handle"))).consumers == 0

    script.body = None
    await until(system, lambda: ends(system).count(("ack", None)) == 5)

    assert measured(system) == {"consumers_wanted": 1, "consumers_actual": 1, "circuit_open": 0, "circuit_trips": 2}
    assert await ready(system, "SmallDesk.handle") == 0
    told = [record.message for record in caplog.records if "too often" in record.message]
    assert told == [
        "a handler fails too often; its consumer is paused",
        "a handler fails too often; its consumer is paused",
        "a handler that failed too often works again",
    ]
