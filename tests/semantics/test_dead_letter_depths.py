"""How many dead letters there are, as metrics show it, by the same code on both brokers."""

from collections.abc import AsyncIterator, Callable

import pytest
from forgetful import ForgetfulWorld
from order_handlers import GatewayDown, Order
from processes import System
from prometheus_client import CollectorRegistry
from script import Desk, Script, raising
from shopping import connection_of, ends, lose_once_confirmed, ready, serving, until

from jararaca import Message, Microservice, PrometheusInterceptor
from jararaca.messagebus.dead_letters import DeadLetters
from jararaca.messagebus.depths import LOOK_EVERY
from jararaca.messagebus.handlers import collect_handlers
from jararaca_testing.contracts import proves
from jararaca_testing.profiles.world import World

Depth = Callable[[], float | None]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def declaration(jararaca_microservice: Microservice, registry: CollectorRegistry) -> Microservice:
    return Microservice(
        providers=jararaca_microservice.providers,
        controllers=jararaca_microservice.controllers,
        interceptors=[PrometheusInterceptor(registry=registry)],
    )


@pytest.fixture
async def system(declaration: Microservice, jararaca_world: World) -> AsyncIterator[System]:
    """In a world in which things may happen that the process is not told of."""
    system = System(declaration, ForgetfulWorld(jararaca_world))
    yield system
    await system.stop()


@pytest.fixture
def depth(registry: CollectorRegistry) -> Depth:
    """What metrics say of the dead letters of the only handler; None if they say nothing."""
    labels = {"app": "app", "handler": "Desk.handle"}
    return lambda: registry.get_sample_value("jararaca_dead_letters_waiting", labels)


@proves("F-37")
@serving(Desk)
async def test_what_the_broker_itself_gives_up_is_seen(
    system: System, script: Script, depth: Depth, registry: CollectorRegistry
) -> None:
    """No process dead-letters it, and so none counts it."""

    async def kill(_message: Message[Order]) -> None:
        await lose_once_confirmed(system)

    process = await system.start(delivery_limit=3)
    await until(system, lambda: depth() == 0)
    script.body = kill
    await process.publish(Order(number=1), "order.placed")

    await until(system, lambda: depth() == 1)

    labels = {"app": "app", "handler": "Desk.handle", "reason": "delivery-limit"}
    assert registry.get_sample_value("jararaca_dead_letters_total", labels) is None


@proves("F-37")
@serving(Desk)
async def test_what_was_dropped_is_there_no_more(
    system: System, script: Script, depth: Depth, declaration: Microservice
) -> None:
    process = await system.start()
    script.body = raising(GatewayDown("no answer"))
    for number in range(3):
        await process.publish(Order(number=number), "order.placed")
    await until(system, lambda: depth() == 3)

    await DeadLetters(connection_of(system), collect_handlers(declaration)[0]).drop()

    await until(system, lambda: depth() == 0)


@serving(Desk)
async def test_it_is_asked_for_now_and_then_and_not_for_each_message(
    system: System, script: Script, depth: Depth
) -> None:
    process = await system.start()
    await until(system, lambda: depth() == 0)
    script.body = raising(GatewayDown("no answer"))
    began = system.clock.monotonic()

    for number in range(20):
        await process.publish(Order(number=number), "order.placed")
    await until(system, lambda: len(ends(system)) == 20)
    seen_meanwhile = depth()
    await until(system, lambda: depth() == 20)

    assert seen_meanwhile == 0
    assert system.clock.monotonic() - began <= LOOK_EVERY + 2.0


@serving(Desk)
async def test_a_number_that_nobody_knows_is_not_shown_and_readiness_does_not_mind(
    system: System, depth: Depth
) -> None:
    process = await system.start()
    await until(system, lambda: depth() == 0)
    connection = connection_of(system)

    await connection.broker.delete_queue(connection.names.dead_letters("Desk.handle"))
    await until(system, lambda: depth() is None)

    assert process.worker is not None
    assert process.worker.ready
    assert list(process.environment.readiness().values()) == [True]
    assert await ready(system, "Desk.handle") == 0


@serving(Desk)
async def test_nothing_is_shown_once_the_worker_has_stopped(system: System, depth: Depth) -> None:
    process = await system.start()
    await until(system, lambda: depth() == 0)

    await process.stop()

    assert depth() is None
