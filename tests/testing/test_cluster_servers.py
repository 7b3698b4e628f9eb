"""Replicas and what they share: frames over Redis, wrong clocks, and the same story for the same seed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from counter_service import Booking, Job, Work, service
from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from redis.asyncio import Redis

from jararaca import (
    Get,
    Microservice,
    Post,
    RestController,
    WebSocketEndpoint,
    use_ws_manager,
)
from jararaca.adapters.redis.fanout import RedisWebSocketConnectionBackend
from jararaca.core.context import use_clock
from jararaca.presentation.websocket.interceptor import WebSocketInterceptor
from jararaca_testing import (
    Cluster,
    Faults,
    PlannedFault,
    RunningApplication,
    VirtualClock,
    fresh_cluster,
    plan_faults,
)

pytestmark = pytest.mark.virtual_only


class News(BaseModel):
    text: str


@RestController("/news")
class Newsroom:
    @Post("/{text}")
    async def tell(self, text: str) -> None:
        await use_ws_manager().broadcast(News(text=text))

    @Get("/time")
    async def time(self) -> float:
        return use_clock().now().timestamp()

    @WebSocketEndpoint("/hesitant")
    async def hesitant(self, websocket: WebSocket) -> None:
        await use_clock().sleep(30)

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            await use_ws_manager().remove_websocket(websocket)


async def _raised(doing: Coroutine[Any, Any, None]) -> Exception | None:
    try:
        await doing
    except ConnectionError as error:
        return error
    return None


class TestOverRedis:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        backend = RedisWebSocketConnectionBackend(Redis())
        return Microservice(name="news", controllers=[Newsroom], interceptors=[WebSocketInterceptor(backend)])

    async def test_frames_reach_clients_of_other_servers(self, cluster: Cluster) -> None:
        await cluster(http=2)
        async with cluster.http[1].ws.connect("/news/feed") as feed:
            await cluster.http[0].http.post("/news/hello")
            assert await feed.receive_json() == {"text": "hello"}

    async def test_a_server_that_is_cut_off_from_redis_tells_nobody_else(
        self, cluster: Cluster, clock: VirtualClock
    ) -> None:
        await cluster(http=2)
        async with cluster.http[1].ws.connect("/news/feed") as feed:
            with cluster.http[0].partition("redis"):
                await cluster.http[0].http.post("/news/lost")
                await feed.receive_nothing()
                await clock.advance(minutes=1)
            await clock.advance(minutes=1)

            await cluster.http[0].http.post("/news/found")
            assert await feed.expect(text="found")


class TestWithoutABackend:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice(name="news", controllers=[Newsroom])

    async def test_frames_stay_in_their_process_as_in_production(self, cluster: Cluster) -> None:
        await cluster(http=2)
        async with cluster.http[0].ws.connect("/news/feed") as own, cluster.http[1].ws.connect("/news/feed") as other:
            await cluster.http[0].http.post("/news/hello")
            assert await own.receive_json() == {"text": "hello"}
            await other.receive_nothing()

    async def test_the_clock_of_one_replica_steps(self, cluster: Cluster, faults: Faults) -> None:
        await cluster(http=2)
        faults.step_clock(3600, on=cluster.http[0])
        wrong, right = [(await each.http.get("/news/time")).json() for each in cluster.http]

        assert wrong - right == 3600

    async def test_a_server_that_dies_during_the_handshake_resets_the_connection(self, cluster: Cluster) -> None:
        await cluster(http=1)

        async def connect() -> None:
            async with cluster.http[0].ws.connect("/news/hesitant"):
                pass

        async with asyncio.TaskGroup() as group:
            connecting = group.create_task(_raised(connect()))
            await cluster.application.settle()
            await cluster.http[0].kill()

        assert isinstance(connecting.result(), ConnectionResetError)


class TestDeterminism:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return service(Work())

    async def test_the_same_faults_bring_the_same_story(self, harness: RunningApplication) -> None:
        """Record by record, with kills and restarts in it."""
        stories: list[list[str]] = []
        plan = (
            PlannedFault("kill before ack", "worker-1", 1, 0),
            PlannedFault("delay", "worker-2", 0, 7),
            PlannedFault("disconnect at confirm", "worker-2", 1, 0),
        )
        for _ in range(2):
            async with fresh_cluster(harness, http=1, worker=2) as cluster:
                app = cluster.application
                await app.db.create_all(Booking.metadata)
                cluster.restarts = True
                plan_faults(cluster, plan)
                for number in range(5):
                    await app.bus.publish(Job(number=number), "job.placed")
                await app.clock.advance(seconds=40)
                assert cluster.worker[0].deaths == 1
                stories.append([f"{record} {record.execution} {record.message_id}" for record in app.ledger])

        assert stories[0] == stories[1]

    async def test_a_fresh_application_has_faults_of_its_own(self, harness: RunningApplication, faults: Faults) -> None:
        async with harness.fresh() as app:
            await app.db.create_all(Booking.metadata)
            assert app.faults is not faults
            assert app.faults is not None
            fault = app.faults.duplicate("job.placed")
            await app.bus.publish(Job(number=1), "job.placed")
            await app.settle()

            assert fault.reached == 1
            app.bus.handled("book").times(2)
