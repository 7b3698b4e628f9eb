"""Rooms and messages, as the clients of one process see them."""

from typing import Any

import pytest
from fastapi import WebSocket
from httpx import AsyncClient
from pydantic import BaseModel

from jararaca import Microservice, RestController, WebSocketEndpoint, use_ws_manager
from jararaca.core.steps import Kind, Step
from jararaca.errors import UsageError
from jararaca_testing import Bus, RunningApplication, VirtualClock, WebSocketClient, WebSocketClosed


@RestController("/")
class NeverAdded:
    @WebSocketEndpoint("/")
    async def talk(self, websocket: WebSocket) -> None:
        manager = use_ws_manager()
        await websocket.accept()
        await manager.leave(["a"], websocket)
        await manager.remove_websocket(websocket)
        await websocket.send_json(sorted(manager.rooms_of(websocket)))


async def test_a_broadcast_reaches_everybody_who_was_added(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws") as first, ws.connect("/ws?rooms=a") as second:
        await http.post("/broadcast", json={"text": "hello"})

        assert [await first.receive_text(), await second.receive_text()] == ["hello", "hello"]


async def test_a_socket_in_several_addressed_rooms_gets_a_message_once(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws?rooms=a&rooms=b") as both, ws.connect("/ws?rooms=b") as one, ws.connect("/ws") as none:
        await http.post("/send", json={"rooms": ["a", "b", "a"], "text": "hello"})
        await http.post("/broadcast", json={"text": "end"})

        assert [await both.receive_text() for _ in range(2)] == ["hello", "end"]
        assert [await one.receive_text() for _ in range(2)] == ["hello", "end"]
        assert await none.receive_text() == "end"


@pytest.mark.parametrize("room", ["a,b", "a b", "A", "a*", "a#", "", "a:b", "\u00e1"])
async def test_rooms_are_exact_strings(http: AsyncClient, ws: WebSocketClient, room: str) -> None:
    async with ws.connect("/ws?rooms=a&rooms=b") as socket:
        await http.post("/send", json={"rooms": [room], "text": "for others"})
        await http.post("/broadcast", json={"text": "for all"})

        assert await socket.receive_text() == "for all"


async def test_sockets_join_and_leave_and_may_do_so_twice(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws?rooms=a") as socket:
        for command in (["join", ["a", "b"]], ["join", ["b", "c"]], ["leave", ["a", "never"]], ["leave", ["a"]]):
            await socket.send_json(command)
        await socket.send_json(["rooms"])

        assert await socket.receive_json() == ["b", "c"]
        assert [(await http.get("/count", params={"room": room})).json() for room in "abc"] == [0, 1, 1]


async def test_adding_and_removing_twice_changes_nothing(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws?rooms=a") as socket:
        await socket.send_json(["add"])
        await http.post("/broadcast", json={"text": "once"})
        assert await socket.receive_text() == "once"

        for command in (["remove"], ["remove"], ["leave", ["a"]], ["rooms"]):
            await socket.send_json(command)
        assert await socket.receive_json() == []
        await http.post("/broadcast", json={"text": "not for those who were removed"})
        assert (await http.get("/count")).json() == 0

        await socket.send_json(["add"])
        await socket.send_json(["rooms"])
        assert await socket.receive_json() == []
        await http.post("/broadcast", json={"text": "back again"})
        assert await socket.receive_text() == "back again"


async def test_what_was_sent_before_a_removal_still_arrives(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws", read_buffer=0) as socket:
        await http.post("/burst", json={"count": 5})
        await socket.send_json(["remove"])
        await socket.send_json(["add"])
        await http.post("/broadcast", json={"text": "later"})

        assert [await socket.receive_text() for _ in range(6)] == ["0", "1", "2", "3", "4", "later"]


async def test_joining_before_being_added_says_what_to_do(ws: WebSocketClient) -> None:
    async def join() -> None:
        async with ws.connect("/ws") as socket:
            await socket.send_json(["remove"])
            await socket.send_json(["join", ["a"]])
            await socket.receive_nothing()

    with pytest.raises(UsageError, match=r"call add_websocket\(websocket\) before join\(\)"):
        await join()


@pytest.mark.parametrize("jararaca_microservice", [Microservice(controllers=[NeverAdded])])
async def test_a_socket_that_was_never_added_is_in_no_room_and_may_leave_any(ws: WebSocketClient) -> None:
    async with ws.connect("/") as socket:
        assert await socket.receive_json() == []


@pytest.mark.parametrize(
    ("rooms", "advice"),
    [("lobby", r"write \['lobby'\]"), ([1], "a room's name is a string, not 1"), ([["a"]], r"a string, not \['a'\]")],
)
async def test_rooms_that_are_no_list_of_names_are_refused(http: AsyncClient, rooms: Any, advice: str) -> None:
    with pytest.raises(UsageError, match=advice):
        await http.post("/send", json={"rooms": rooms, "text": "hello"})


async def test_closing_a_room_closes_its_sockets_after_what_was_sent(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws?rooms=a") as inside, ws.connect("/ws?rooms=b") as outside:
        await http.post("/close", json={"room": "a"})

        assert await inside.receive_text() == "goodbye"
        with pytest.raises(WebSocketClosed) as closed:
            await inside.receive()
        assert closed.value.code == 1000
        assert (await http.get("/count")).json() == 1
        await http.post("/broadcast", json={"text": "still here"})
        assert await outside.receive_text() == "still here"


async def test_bytes_text_and_models_arrive_as_frames_of_their_kind(
    http: AsyncClient, ws: WebSocketClient, news: BaseModel
) -> None:
    async with ws.connect("/ws") as socket:
        await http.post("/bytes")
        await http.post("/broadcast", json={"text": "ol\u00e1"})
        await http.post("/news", json=news.model_dump())

        frames = [await socket.receive() for _ in range(3)]
        assert frames == [b"\x00\xff", "ol\u00e1", '{"headline":"jararaca bites"}']


async def test_a_message_handler_reaches_the_clients(bus: Bus, ws: WebSocketClient, news: BaseModel) -> None:
    async with ws.connect("/ws") as socket:
        await bus.publish(news, "news")

        assert await socket.receive_json() == {"headline": "jararaca bites"}


@pytest.mark.virtual_only
async def test_a_scheduled_action_reaches_the_clients(ws: WebSocketClient, clock: VirtualClock) -> None:
    async with ws.connect("/ws") as socket:
        await clock.advance(hours=12)

        assert await socket.receive_text() == "a year passed"


async def test_frames_of_a_unit_of_work_keep_their_order_and_follow_its_commit(
    http: AsyncClient, ws: WebSocketClient
) -> None:
    async with ws.connect("/ws?rooms=a") as socket:
        await http.post("/order")

        assert [await socket.receive_text() for _ in range(5)] == ["at once", "1", "2", "3", "afterwards"]


async def test_frames_of_a_unit_of_work_follow_its_messages(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication, news: BaseModel
) -> None:
    """Whoever sees the frame may ask for what the message caused."""
    async with ws.connect("/ws") as socket:
        await http.post("/announce", json=news.model_dump())
        await socket.receive_json()

    steps = jararaca_app.ledger.of_kind(Kind.CONFIRM, Kind.FRAME)
    assert [step.kind for step in steps] == ["confirm", "frame"]


async def test_a_rollback_takes_its_frames_along(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws?rooms=a") as socket:
        assert (await http.post("/fail", json={"immediate": False})).status_code == 409
        await socket.send_json(["broadcast and roll back", "never true"])

        await socket.receive_nothing(within=1)


async def test_what_is_sent_at_once_does_not_wait_for_the_commit(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws?rooms=a") as socket:
        await http.post("/fail", json={"immediate": True})

        assert [await socket.receive_text() for _ in range(2)] == ["never true", "nor this"]
        await socket.until_closed()


async def test_a_connection_sends_at_once(ws: WebSocketClient) -> None:
    async with ws.connect("/ws") as first, ws.connect("/ws") as second:
        await first.send_json(["broadcast", "hi"])

        assert await second.receive_text() == "hi"


async def test_each_frame_is_a_step_with_its_rooms_and_reach(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    async with ws.connect("/ws?rooms=a"):
        await http.post("/send", json={"rooms": ["a"], "text": "hello"})

    frame = jararaca_app.ledger.of_kind(Kind.FRAME)[0]
    assert (frame.outcome, frame.payload) == ("send", "hello")


async def test_a_frame_that_waited_for_a_commit_says_so(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    staged: list[object] = []

    class Watcher:
        def observe(self, step: Step) -> None:
            if step.kind is Kind.FRAME:
                staged.append(step.facts["staged"])

    jararaca_app.environment.steps.add(Watcher())
    async with ws.connect("/ws") as socket:
        await http.post("/broadcast", json={"text": "in a request"})
        await socket.send_json(["broadcast", "on a connection"])

        assert [await socket.receive_text() for _ in range(2)] == ["in a request", "on a connection"]
    assert staged == [True, False]


async def test_without_observers_frames_travel_as_well(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    jararaca_app.environment.steps.observers = ()
    async with ws.connect("/ws") as socket:
        await http.post("/broadcast", json={"text": "hello"})

        assert await socket.receive_text() == "hello"
