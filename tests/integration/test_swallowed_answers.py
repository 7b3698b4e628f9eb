"""RabbitMQ behind a network that keeps an answer for itself."""

import asyncio
from typing import Any

import pytest
from processes import Process
from proxy import DECLARE_OK, SwallowingProxy
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca.adapters.system.clock import SystemClock
from jararaca.bootstrap.wiring import system_ports
from jararaca.messagebus.config import MessageBusConfig
from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.needs_servers, pytest.mark.slow]


class Order(BaseModel):
    id: int


@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None: ...


class Own:
    """The world outside of this process, as `Process` wants it."""

    def __init__(self) -> None:
        self.ports = system_ports()


@proves("F-2")
def test_a_declaration_that_is_never_answered_costs_the_connection_and_not_the_process(rabbit: Any) -> None:
    """The limit is ten seconds; after twice as many everything is declared over a second connection."""

    async def swallow() -> None:
        proxy = SwallowingProxy(rabbit.url, DECLARE_OK)
        await proxy.start()
        world: Any = Own()
        config = MessageBusConfig(url=proxy.address, exchange=rabbit.exchange)
        process = Process(Microservice(name=rabbit.name, controllers=[C]), world, config)
        clock = SystemClock()
        begun = clock.monotonic()
        await process.application.start()
        try:
            await proxy.swallowed.wait()
            assert process.environment.readiness() == {"broker default": False}
            async with asyncio.timeout(60):
                while not process.environment.readiness()["broker default"]:
                    await clock.sleep(0.1)
            assert clock.monotonic() - begun <= 20.0
            assert proxy.accepted == 2
        finally:
            await process.stop()
            await proxy.stop()

    asyncio.run(swallow())
