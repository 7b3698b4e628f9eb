"""The section "Distributed Websocket" of the specification: clients see each other come and go."""

import pytest
from httpx import AsyncClient

from jararaca_testing import TestDatabases, WebSocketClient

# On servers a tick may come, and its handler republishes for ever.
pytestmark = pytest.mark.jararaca(app="tasks_app:app", allow=["unsettled"])


async def test_two_clients_see_connect_broadcast_and_disconnect(
    http: AsyncClient, ws: WebSocketClient, db: TestDatabases
) -> None:
    await db.create_all()
    async with ws.connect("/tasks/ws") as first:
        assert b"New Connection (1)" in await first.receive_bytes()

        async with ws.connect("/tasks/ws") as second:
            assert b"New Connection (2)" in await first.receive_bytes()
            assert b"New Connection (2)" in await second.receive_bytes()

            task_id = "00000000-0000-4000-8000-000000000000"
            await http.delete(f"/tasks/{task_id}")
            assert await first.receive_bytes() == await second.receive_bytes() == f"Task {task_id} deleted".encode()

        assert b"Connection Closed (1)" in await first.receive_bytes()
