"""One test for each way into the service."""

from httpx import AsyncClient
from pydantic import SecretStr

from jararaca_testing import Bus, Overrides, RunningApplication, VirtualClock, WebSocketClient
from tasks.auth import AUTH_CONFIG, AuthConfig
from tasks.controller import TasksController

DEMO = {"Authorization": "Bearer demo"}


async def test_a_created_task_is_listed(http: AsyncClient) -> None:
    response = await http.post("/tasks", json={"name": "write the docs"}, headers=DEMO)

    assert response.status_code == 201
    assert [task["name"] for task in (await http.get("/tasks")).json()] == ["write the docs"]


async def test_a_created_task_is_processed_by_the_worker(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    created = await http.post("/tasks", json={"name": "write the docs"}, headers=DEMO)
    await jararaca_app.settle()

    bus.handled(TasksController.process_task).one()
    assert (await http.get("/tasks")).json() == [created.json() | {"state": "done"}]


async def test_browsers_see_a_task_come_and_go(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    async with ws.connect("/tasks/feed") as feed:
        task = (await http.post("/tasks", json={"name": "write the docs"}, headers=DEMO)).json()
        await jararaca_app.settle()
        await http.delete(f"/tasks/{task['id']}", headers=DEMO)

        assert (await feed.expect(type="deleted"))["id"] == task["id"]


async def test_the_count_is_announced_every_three_seconds(ws: WebSocketClient, clock: VirtualClock) -> None:
    async with ws.connect("/tasks/feed") as feed:
        await clock.advance(seconds=7)

        assert [(await feed.receive_json())["count"] for _ in range(2)] == [0, 0]


async def test_another_token_is_accepted_when_it_is_configured(http: AsyncClient, override: Overrides) -> None:
    override[AUTH_CONFIG] = AuthConfig(token=SecretStr("s3cret"))

    refused = await http.post("/tasks", json={"name": "write the docs"}, headers=DEMO)
    created = await http.post("/tasks", json={"name": "write the docs"}, headers={"Authorization": "Bearer s3cret"})

    assert (refused.status_code, created.status_code) == (401, 201)
