"""What a websocket endpoint may look like, and where it runs."""

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Query, Request, WebSocket, WebSocketException
from httpx import AsyncClient
from sqlalchemy import text

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Get,
    Microservice,
    RestController,
    WebSocketEndpoint,
    create_http_server,
    use_session,
    use_ws_manager,
)
from jararaca.core.context import current_execution
from jararaca.core.invocation import unit_of_work
from jararaca.errors import InvalidHandler, NoUnitOfWork, UsageError
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.middleware import HttpMiddleware
from jararaca.presentation.websocket.manager import MANAGER, WebSocketManager
from jararaca_testing import RunningApplication, WebSocketClient, WebSocketRejected


class Greeter:
    def greeting(self, name: str) -> str:
        return f"hello {name}"


async def language(websocket: WebSocket) -> str:
    return websocket.headers.get("accept-language", "en")


async def no_strangers(websocket: WebSocket) -> None:
    if "token" not in websocket.query_params:
        raise WebSocketException(4401, "who are you")


class Guard(HttpMiddleware):
    async def intercept(self, request: Request) -> AsyncIterator[None]:
        if request.headers.get("x-banned"):
            raise HTTPException(403)
        yield


@RestController("/chat", {"dependencies": [Depends(no_strangers)]})
class Guarded:
    @WebSocketEndpoint("/")
    async def talk(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("welcome")


@RestController("/rooms")
class Endpoints:
    def __init__(self, greeter: Greeter) -> None:
        self.greeter = greeter

    @Get("/ping")
    async def ping(self) -> str:
        return "pong"

    @WebSocketEndpoint("/{room}/{number}", {"name": "door"})
    async def enter(
        self,
        websocket: WebSocket,
        room: str,
        number: int,
        spoken: Annotated[str, Depends(language)],
        loud: Annotated[bool, Query()] = False,
    ) -> None:
        await websocket.accept("chat")
        await websocket.send_json([self.greeter.greeting(room), number + 1, spoken, loud])

    @WebSocketEndpoint("/sessionless")
    async def sessionless(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            use_session()
        except NoUnitOfWork as error:
            await websocket.send_text(str(error))

    @WebSocketEndpoint("/with-session")
    async def with_session(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async with unit_of_work():
            value = (await use_session().execute(text("select 41 + 1"))).scalar_one()
        await websocket.send_json(value)

    @WebSocketEndpoint("/identity")
    async def identity(self, websocket: WebSocket) -> None:
        await websocket.accept()
        execution = current_execution()
        await websocket.send_json([execution.trigger.kind, execution.trigger.name, execution.correlation_id])

    @WebSocketEndpoint("/silent")
    async def silent(self, websocket: WebSocket) -> None: ...

    @WebSocketEndpoint("/early")
    async def early(self, websocket: WebSocket) -> None:
        try:
            await use_ws_manager().add_websocket(websocket)
        except UsageError as error:
            await websocket.accept()
            await websocket.send_text(str(error))


@pytest.fixture
def jararaca_microservice() -> HttpMicroservice:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///x.sqlite3"))
    declaration = Microservice(controllers=[Endpoints, Guarded], interceptors=[database])
    return HttpMicroservice(declaration, middlewares=[Guard])


async def test_path_and_query_parameters_dependencies_and_injection_work_as_in_a_route(ws: WebSocketClient) -> None:
    async with ws.connect("/rooms/hall/41?loud=1", headers={"Accept-Language": "pt"}, subprotocols=["chat"]) as socket:
        assert socket.subprotocol == "chat"
        assert await socket.receive_json() == ["hello hall", 42, "pt", True]


async def test_a_parameter_that_does_not_parse_refuses_the_handshake(ws: WebSocketClient) -> None:
    with pytest.raises(WebSocketRejected) as rejected:
        async with ws.connect("/rooms/hall/many"):
            pytest.fail("it was accepted")

    assert rejected.value.status == 403


async def test_a_connection_holds_no_session(ws: WebSocketClient) -> None:
    async with ws.connect("/rooms/sessionless") as socket:
        assert "async with unit_of_work()" in await socket.receive_text()


async def test_a_unit_of_work_inside_a_connection_has_a_session(ws: WebSocketClient) -> None:
    async with ws.connect("/rooms/with-session") as socket:
        assert await socket.receive_json() == 42


async def test_a_connection_is_an_execution_with_the_clients_correlation(ws: WebSocketClient) -> None:
    async with ws.connect("/rooms/identity", headers={"X-Correlation-Id": "abc"}) as socket:
        assert await socket.receive_json() == ["connection", "WS /rooms/identity", "abc"]


async def test_middlewares_and_dependencies_of_the_controller_answer_before_the_handshake(ws: WebSocketClient) -> None:
    statuses = []
    for path, headers in (("/rooms/identity", {"X-Banned": "1"}), ("/chat", {})):
        with pytest.raises(WebSocketRejected) as rejected:
            async with ws.connect(path, headers=headers):
                pytest.fail("it was accepted")
        statuses.append(rejected.value.status)

    assert statuses == [403, 403]


@pytest.mark.parametrize("path", ["/chat?token=1", "/chat/?token=1"])
async def test_both_spellings_of_a_path_are_answered(ws: WebSocketClient, path: str) -> None:
    async with ws.connect(path) as socket:
        assert await socket.receive_text() == "welcome"


async def test_an_endpoint_that_never_accepts_refuses(ws: WebSocketClient) -> None:
    with pytest.raises(WebSocketRejected):
        async with ws.connect("/rooms/silent"):
            pytest.fail("it was accepted")


async def test_a_socket_is_accepted_before_it_is_added(ws: WebSocketClient) -> None:
    async with ws.connect("/rooms/early") as socket:
        assert "call `await websocket.accept()` before" in await socket.receive_text()


async def test_routes_and_names_stand_beside_those_of_http(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    assert (await http.get("/rooms/ping")).json() == "pong"
    assert jararaca_app.asgi.url_path_for("door", room="hall", number="1") == "/rooms/hall/1"


async def test_a_websocket_of_somebody_else_cannot_be_added(
    ws: WebSocketClient, jararaca_app: RunningApplication
) -> None:
    """A route that the user added to the FastAPI object itself has no writer and no limits."""
    app: FastAPI = jararaca_app.asgi
    manager = jararaca_app.environment.resource(MANAGER)
    assert isinstance(manager, WebSocketManager)
    seen: list[str] = []

    @app.websocket("/own")
    async def own(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await manager.add_websocket(websocket)
        except UsageError as error:
            seen.append(str(error))

    async with ws.connect("/own"):
        pass

    assert "'/own' is not served by a @WebSocketEndpoint" in seen[0]


class NotACoroutine:
    @WebSocketEndpoint("/ws")
    def talk(self, websocket: WebSocket) -> None: ...


class WithoutSelf:
    @WebSocketEndpoint("/ws")
    async def talk() -> None: ...  # type: ignore[misc] # the mistake


class Static:
    @staticmethod
    @WebSocketEndpoint("/ws")
    async def talk(websocket: WebSocket) -> None: ...


@pytest.mark.parametrize("controller", [NotACoroutine, WithoutSelf, Static])
def test_an_endpoint_that_cannot_be_called_is_named(controller: type) -> None:
    with pytest.raises(
        InvalidHandler, match=f"{controller.__name__}.talk is a websocket endpoint, but not a coroutine"
    ):
        create_http_server(Microservice(controllers=[controller]))


class WithoutWebSocket:
    @WebSocketEndpoint("/ws")
    async def talk(self) -> None: ...


class WithoutAnnotation:
    @WebSocketEndpoint("/ws")
    async def talk(self, websocket) -> None: ...  # type: ignore[no-untyped-def] # the mistake


@pytest.mark.parametrize("controller", [WithoutWebSocket, WithoutAnnotation])
def test_an_endpoint_that_would_never_see_its_client_is_named(controller: type) -> None:
    with pytest.raises(InvalidHandler) as refused:
        create_http_server(Microservice(controllers=[controller]))

    assert str(refused.value) == (
        f"{controller.__name__}.talk is a websocket endpoint, but takes no websocket. Write `async def talk(self, "
        "websocket: WebSocket)`."
    )


class TwiceTheSameName:
    @WebSocketEndpoint("/{room}/{room}")
    async def talk(self, websocket: WebSocket, room: str) -> None: ...


class UnknownConvertor:
    @WebSocketEndpoint("/{room:number}")
    async def talk(self, websocket: WebSocket, room: str) -> None: ...


@pytest.mark.parametrize(
    ("controller", "said"), [(TwiceTheSameName, "Duplicated param name"), (UnknownConvertor, "Unknown path convertor")]
)
def test_an_endpoint_that_fastapi_refuses_is_named(controller: type, said: str) -> None:
    with pytest.raises(InvalidHandler, match=rf"{controller.__name__}.talk cannot be a websocket endpoint.*{said}"):
        create_http_server(Microservice(controllers=[controller]))


async def accepted(websocket: WebSocket) -> WebSocket:
    await websocket.accept()
    return websocket


class ThroughADependency:
    @WebSocketEndpoint("/accepted")
    async def talk(self, client: Annotated[WebSocket, Depends(accepted)]) -> None:
        await client.send_text("welcome")


@pytest.mark.parametrize("jararaca_microservice", [Microservice(controllers=[ThroughADependency])])
async def test_a_websocket_may_come_through_a_dependency(ws: WebSocketClient) -> None:
    async with ws.connect("/accepted") as socket:
        assert await socket.receive_text() == "welcome"


class Base:
    @WebSocketEndpoint("/inherited")
    async def talk(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(type(self).__name__)


@RestController("/derived")
class Derived(Base):
    pass


@pytest.mark.parametrize("jararaca_microservice", [Microservice(controllers=[Derived])])
async def test_a_controller_inherits_its_endpoints(ws: WebSocketClient) -> None:
    async with ws.connect("/derived/inherited") as socket:
        assert await socket.receive_text() == "Derived"
