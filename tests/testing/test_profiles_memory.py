"""The memory profile: what reaches for Redis finds one in the process, and the same test runs on a server."""

import pytest
from fastapi import WebSocket
from redis.asyncio import Redis

from jararaca import (
    Microservice,
    Post,
    RedisWebSocketConnectionBackend,
    RestController,
    WebSocketEndpoint,
    WebSocketInterceptor,
    use_ws_manager,
)
from jararaca_testing import RunningApplication


@RestController("/feed")
class Feed:
    @WebSocketEndpoint("/")
    async def listen(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await websocket.receive_text()

    @Post("/{word}")
    async def say(self, word: str) -> None:
        await use_ws_manager().broadcast(word)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    backend = RedisWebSocketConnectionBackend(Redis.from_url("redis://nowhere.invalid"))
    return Microservice(controllers=[Feed], interceptors=[WebSocketInterceptor(backend)])


@pytest.mark.parametrize("word", ["first", "second"])
async def test_frames_over_redis_reach_the_clients_of_this_test_only(
    jararaca_app: RunningApplication, word: str
) -> None:
    async with jararaca_app.ws.connect("/feed") as feed:
        await jararaca_app.http.post(f"/feed/{word}")

        assert await feed.receive_text() == word
