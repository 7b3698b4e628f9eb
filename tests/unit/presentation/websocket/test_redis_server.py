"""Two servers of one application over a real Redis, in real time."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from redis.asyncio import Redis

from jararaca import Microservice, RedisWebSocketConnectionBackend, WebSocketInterceptor
from jararaca.adapters.system.chance import SystemChance
from jararaca.bootstrap.wiring import system_ports
from jararaca.core.application import Application
from jararaca.core.lifecycle import TaskScope
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.server import HttpRuntime
from jararaca_testing import WebSocketClient
from jararaca_testing.http import ServedApp, http_client

pytestmark = [pytest.mark.needs_servers, pytest.mark.asyncio]


class Server:
    def __init__(self, declaration: Microservice) -> None:
        self.application = Application(declaration, system_ports())
        self.runtime = HttpRuntime(self.application, HttpMicroservice(declaration))
        self.ws = WebSocketClient(self.runtime.asgi, TaskScope("clients"))
        self.http = http_client(ServedApp(lambda: self.runtime.asgi))

    async def until_ready(self) -> None:
        while (await self.http.get("/health/ready")).status_code != 200:
            await self.application.environment.clock.sleep(0.01)


@asynccontextmanager
async def served(controllers: tuple[type, ...], url: str, run: UUID) -> AsyncIterator[Server]:
    client = Redis.from_url(url)
    backend = RedisWebSocketConnectionBackend(client, f"test.{run}.broadcast", f"test.{run}.send")
    server = Server(Microservice(controllers=controllers, interceptors=[WebSocketInterceptor(backend)]))
    await server.application.start()
    await server.runtime.start()
    await server.until_ready()
    try:
        yield server
    finally:
        await server.runtime.stop(1)
        await server.application.stop()
        await server.http.aclose()
        await client.aclose()


async def test_two_servers_deliver_to_each_others_clients_and_once_to_their_own(
    jararaca_microservice: Microservice,
) -> None:
    url = os.environ.get("JARARACA_TEST_REDIS_URL")
    if url is None:
        pytest.skip("JARARACA_TEST_REDIS_URL names no Redis")
    controllers, run = jararaca_microservice.controllers, SystemChance().uuid()
    async with (
        served(controllers, url, run) as first,
        served(controllers, url, run) as second,
        first.ws.connect("/ws?rooms=a") as here,
        second.ws.connect("/ws?rooms=a&rooms=b") as there,
    ):
        await first.http.post("/broadcast", json={"text": "to all"})
        await second.http.post("/send", json={"rooms": ["a", "b"], "text": "to rooms"})
        await first.http.post("/bytes")

        for socket in (here, there):  # one origin keeps its order; between two there is none
            assert {await socket.receive() for _ in range(3)} == {"to all", "to rooms", b"\x00\xff"}
            await socket.receive_nothing(within=0.2)
