"""What the service refuses, and from whom."""

import pytest
from httpx import AsyncClient

from jararaca_testing import Bus, RunningApplication, WebSocketClient

DEMO = {"Authorization": "Bearer demo"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}])
async def test_tasks_are_created_and_deleted_by_those_who_know_the_token(
    http: AsyncClient, bus: Bus, headers: dict[str, str]
) -> None:
    task = (await http.post("/tasks", json={"name": "write the docs"}, headers=DEMO)).json()

    created = await http.post("/tasks", json={"name": "forget the docs"}, headers=headers)
    deleted = await http.delete(f"/tasks/{task['id']}", headers=headers)

    assert (created.status_code, deleted.status_code) == (401, 401)
    assert [each["id"] for each in (await http.get("/tasks")).json()] == [task["id"]]
    bus.published("task.created").one()


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"name": ""}', rb'{"name": "a\u0000b"}', rb'{"name": "\ud800"}', b'{"name": NaN}', b'{"name": "\xff"}'],
)
async def test_a_name_that_cannot_be_stored_is_the_clients_mistake(http: AsyncClient, bus: Bus, body: bytes) -> None:
    headers = {**DEMO, "content-type": "application/json"}

    response = await http.post("/tasks", content=body, headers=headers)

    assert response.status_code in (400, 422)
    bus.published().none()


async def test_a_task_that_is_not_there_is_not_deleted(http: AsyncClient) -> None:
    missing = "00000000-0000-0000-0000-000000000001"
    response = await http.delete(f"/tasks/{missing}", headers=DEMO)

    assert (response.status_code, response.json()) == (404, {"detail": f"there is no task with the id {missing}"})


async def test_a_visitor_who_sends_bytes_to_the_feed_is_shown_out(
    ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    async with ws.connect("/tasks/feed") as feed:
        await feed.send_bytes(b"\xff")
        await feed.until_closed()

    assert feed.closed is not None
    assert feed.closed.code == 1003
