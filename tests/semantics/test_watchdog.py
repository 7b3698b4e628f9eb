"""Consumers of which their broker knows nothing any more, while the connection lives."""

from collections.abc import AsyncIterator

import pytest
from forgetful import ForgetfulWorld
from order_handlers import Order
from processes import System
from script import NEVER, Desk, Script, sleeping
from shopping import connection_of, serving, until

from jararaca import Microservice
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca_testing.contracts import proves
from jararaca_testing.profiles.world import World


@pytest.fixture
def world(jararaca_world: World) -> ForgetfulWorld:
    return ForgetfulWorld(jararaca_world)


@pytest.fixture
async def system(jararaca_microservice: Microservice, world: ForgetfulWorld) -> AsyncIterator[System]:
    declaration = Microservice(providers=jararaca_microservice.providers, controllers=jararaca_microservice.controllers)
    system = System(declaration, world)
    yield system
    await system.stop()


def measured(environment: Environment) -> dict[str, float]:
    """What metrics say of the consumer of the only handler."""
    return {each.name: each.read()["Desk.handle"] for each in environment.measured() if "consumers" in each.name}


@proves("F-3")
@serving(Desk)
async def test_a_consumer_that_the_broker_forgot_consumes_again_within_five_seconds(
    system: System, world: ForgetfulWorld, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    process = await system.start()
    (broker,) = world.brokers
    assert measured(process.environment) == {"consumers_wanted": 1.0, "consumers_actual": 1.0}

    await broker.forget()
    forgotten = system.clock.monotonic()
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: script.numbers == [1])

    assert system.clock.monotonic() - forgotten <= 5.0
    (record,) = [each for each in caplog.records if each.message.startswith("a consumer went silent")]
    assert vars(record)["reason"] == "the queue has no consumer"
    assert [each.outcome for each in system.ledger.of_kind(Kind.CONNECTION)] == ["connected"]
    assert measured(process.environment) == {"consumers_wanted": 1.0, "consumers_actual": 1.0}


@proves("F-3")
@serving(Desk)
async def test_a_consumer_that_is_passed_over_consumes_again_although_others_consume(
    system: System, world: ForgetfulWorld, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    """The queue has a consumer, of another process, which is busy: messages are ready, and none comes here."""
    process = await system.start(concurrency=1)
    await world.brokers[0].forget()
    script.body = sleeping(NEVER)
    await system.start(concurrency=1)
    for number in range(3):
        await process.publish(Order(number=number), "order.placed")
    await until(system, lambda: script.running == 1)

    passed_over = system.clock.monotonic()
    await until(system, lambda: script.running == 2)

    assert system.clock.monotonic() - passed_over <= 5.0
    reasons = [vars(each)["reason"] for each in caplog.records if each.message.startswith("a consumer went silent")]
    assert reasons == ["2 messages are ready, and none comes"]


@serving(Desk)
async def test_a_consumer_whose_hands_are_full_is_left_alone(
    system: System, world: ForgetfulWorld, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    process = await system.start(concurrency=1)
    script.body = sleeping(6.0)
    for number in range(2):
        await process.publish(Order(number=number), "order.placed")

    await until(system, lambda: script.numbers == [0, 1])

    assert not [each for each in caplog.messages if each.startswith("a consumer went silent")]
    assert (
        await connection_of(system).broker.inspect_queue(connection_of(system).names.queue("Desk.handle"))
    ).consumers == 1


@serving(Desk)
async def test_what_ran_when_its_consumer_was_forgotten_is_settled(
    system: System, world: ForgetfulWorld, script: Script
) -> None:
    process = await system.start()
    script.body = sleeping(4.0)
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: script.running == 1)

    await world.brokers[0].forget()
    await until(system, lambda: system.ledger.of_kind(Kind.SETTLE))

    assert [(each.outcome, each.facts["stale"]) for each in system.ledger.of_kind(Kind.SETTLE)] == [("ack", False)]


@proves("F-3")
@serving(Desk)
async def test_a_worker_that_has_stopped_wants_no_consumers(system: System) -> None:
    process = await system.start()
    await process.stop()
    assert measured(process.environment) == {}
