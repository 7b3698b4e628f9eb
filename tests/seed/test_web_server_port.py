"""The section "Web Server Port" of the specification: deleting a task tells everybody, after the commit."""

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select
from tasks_app import TaskEntity

from jararaca.core.steps import Kind, Step
from jararaca_testing import RunningApplication, TestDatabases, WebSocketClient

# On servers a tick may come, and its handler republishes for ever.
pytestmark = pytest.mark.jararaca(app="tasks_app:app", allow=["unsettled"])


class FailingCommit:
    """A database that refuses to commit."""

    def observe(self, step: Step) -> None:
        if (step.kind, step.phase) == (Kind.COMMIT, "before"):
            raise ConnectionError("the database is gone")


async def created(http: AsyncClient, db: TestDatabases) -> str:
    await db.create_all()
    task_id: str = (await http.post("/tasks", json={"name": "a task"})).json()["id"]
    return task_id


async def count(db: TestDatabases) -> int:
    async with db.session() as session:
        return await session.scalar(select(func.count()).select_from(TaskEntity)) or 0


async def test_delete_broadcasts_after_the_commit(http: AsyncClient, ws: WebSocketClient, db: TestDatabases) -> None:
    task_id = await created(http, db)

    async with ws.connect("/tasks/ws") as socket:
        assert (await socket.receive_bytes()).startswith(b"New Connection (1) from ")
        response = await http.delete(f"/tasks/{task_id}")

        assert await socket.receive_bytes() == f"Task {task_id} deleted".encode()

    assert response.status_code == 200
    assert await count(db) == 0


async def test_delete_broadcasts_nothing_when_the_commit_fails(
    http: AsyncClient, ws: WebSocketClient, db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    task_id = await created(http, db)

    async with ws.connect("/tasks/ws") as socket:
        await socket.receive_bytes()
        jararaca_app.environment.steps.add(FailingCommit())
        with pytest.raises(ConnectionError):
            await http.delete(f"/tasks/{task_id}")

        await socket.receive_nothing(within=2)

    assert await count(db) == 1


async def test_both_spellings_of_a_path_are_answered(http: AsyncClient) -> None:
    assert (await http.get("/tasks")).json() == (await http.get("/tasks/")).json() == []
