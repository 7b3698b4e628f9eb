"""A client that does not read holds nobody up: its queue is bounded, and it is closed or misses messages."""

import asyncio

import pytest
from httpx import AsyncClient

from jararaca_testing import RunningApplication, WebSocketClient, WebSocketClosed, WebSocketSession

pytestmark = pytest.mark.virtual_only


async def everything(socket: WebSocketSession) -> tuple[list[str], int | None]:
    """What is left to read, and the code with which the socket closed, if it did."""
    texts = []
    try:
        while True:
            texts.append(await socket.receive_text(timeout=1))
    except TimeoutError:
        return texts, None
    except WebSocketClosed as closed:
        return texts, closed.code


async def test_an_overflowing_socket_is_closed_with_1013_although_its_client_does_not_read(
    http: AsyncClient, ws: WebSocketClient
) -> None:
    """One frame is being written when the client stops, three wait, the fifth is too many."""
    async with ws.connect("/small", read_buffer=0) as slow, ws.connect("/ws") as other:
        await http.post("/burst", json={"count": 5})
        await asyncio.wait_for(slow.until_closed(), 1)

        assert await everything(slow) == (["0"], 1013)
        assert await everything(other) == (["0", "1", "2", "3", "4"], None)
        assert (await http.get("/count")).json() == 1


async def test_drop_oldest_keeps_the_latest(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/oldest", read_buffer=0) as slow:
        await http.post("/burst", json={"count": 10})

        assert await everything(slow) == (["0", "7", "8", "9"], None)


async def test_drop_newest_keeps_the_first(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/newest", read_buffer=0) as slow:
        await http.post("/burst", json={"count": 10})

        assert await everything(slow) == (["0", "1", "2", "3"], None)


async def test_the_first_message_that_a_socket_misses_is_logged(
    http: AsyncClient, ws: WebSocketClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with ws.connect("/newest", read_buffer=0), ws.connect("/oldest", read_buffer=0):
        await http.post("/burst", json={"count": 10})

    missing = [record for record in caplog.records if "misses messages" in record.message]
    assert sorted((record.levelname, vars(record)["path"]) for record in missing) == [
        ("WARNING", "/newest"),
        ("WARNING", "/oldest"),
    ]


async def test_a_burst_alone_does_not_close_a_client_that_reads(http: AsyncClient, ws: WebSocketClient) -> None:
    """All frames of a unit of work leave at once, and may be more than a queue holds."""
    async with ws.connect("/small") as fast:
        await http.post("/burst", json={"count": 300})

        assert await everything(fast) == ([str(number) for number in range(300)], None)


async def test_order_is_kept_however_slowly_a_client_reads(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws", read_buffer=2) as slow:
        await http.post("/burst", json={"count": 100})

        assert await everything(slow) == ([str(number) for number in range(100)], None)


async def test_the_endpoint_of_a_socket_that_was_closed_ends_also_if_its_client_never_reads_the_close_frame(
    http: AsyncClient, ws: WebSocketClient
) -> None:
    async with ws.connect("/small", read_buffer=0) as slow:
        await http.post("/burst", json={"count": 5})
        await asyncio.wait_for(slow.until_ended(), 6)

        assert (slow.unread, slow.error) == (1, None)


async def test_a_room_is_closed_within_bounds_though_a_member_does_not_read(
    http: AsyncClient, ws: WebSocketClient
) -> None:
    async with ws.connect("/ws?rooms=a", read_buffer=0) as slow, ws.connect("/ws?rooms=a") as fast:
        await http.post("/close", json={"room": "a"})

        assert await everything(fast) == (["goodbye"], 1000)
        await asyncio.wait_for(slow.until_closed(), 6)
        assert await everything(slow) == (["goodbye"], 1000)


async def test_a_hundred_clients_get_everything_beside_one_that_is_frozen(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    async with asyncio.TaskGroup() as group, ws.connect("/small", read_buffer=0):

        async def read() -> list[str]:
            async with ws.connect("/ws") as socket:
                return [await socket.receive_text() for _ in range(20)]

        readers = [group.create_task(read()) for _ in range(99)]
        await jararaca_app.settle()
        await http.post("/burst", json={"count": 20})

    assert [reader.result() for reader in readers] == [[str(number) for number in range(20)]] * 99
