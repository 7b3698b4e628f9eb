"""Middlewares: their order, what they see, what they are built from, and what they guard."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Header, HTTPException, Request, WebSocket
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Get,
    Microservice,
    RestController,
    WebSocketEndpoint,
    create_http_server,
)
from jararaca.core.context import current_execution
from jararaca.errors import InvalidHandler, MissingProvider, ScopeViolation
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.middleware import HttpMiddleware
from jararaca_testing import Overrides, RunningApplication, WebSocketClient, WebSocketRejected


class Log:
    """What ran, in order; one per process."""

    def __init__(self) -> None:
        self.lines: list[str] = []


class Noting(HttpMiddleware):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def intercept(self) -> AsyncIterator[None]:
        name = type(self).__name__
        self.log.lines.append(f"before {name}")
        try:
            yield
        except Exception as error:
            self.log.lines.append(f"{name} saw {type(error).__name__}")
            raise
        work = current_execution().open_unit_of_work
        self.log.lines.append(f"after {name}{'' if work is None else ' in its unit of work'}")


class Global(Noting): ...


class OfController(Noting): ...


class OfMethod(Noting): ...


class Keys:
    def __init__(self) -> None:
        self.valid = {"right"}


class Authenticated(HttpMiddleware):
    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def intercept(
        self, request: Request, x_key: Annotated[str, Header(description="who asks")] = ""
    ) -> AsyncIterator[None]:
        if x_key not in self.keys.valid:
            raise HTTPException(401, f"not for you: {request.url.path}")
        yield


class StringAnnotated(HttpMiddleware):
    async def intercept(self, request: "Request") -> AsyncIterator[None]:
        request.state.seen = request.headers.get("x-key", "nobody")
        yield


class Translating(HttpMiddleware):
    async def intercept(self) -> AsyncIterator[None]:
        try:
            yield
        except LookupError as error:
            raise HTTPException(404, "translated") from error


class Swallowing(HttpMiddleware):
    async def intercept(self) -> AsyncIterator[None]:
        with contextlib.suppress(LookupError):
            yield


class WithSession(HttpMiddleware):
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def intercept(self) -> AsyncIterator[None]:
        assert current_execution().open_unit_of_work is not None
        yield


@RestController("/noted", middlewares=[OfController])
class Noted:
    def __init__(self, log: Log) -> None:
        self.log = log

    @Get("/ok", middlewares=[OfMethod])
    async def ok(self) -> str:
        self.log.lines.append("method")
        return "ok"

    @Get("/failing", middlewares=[OfMethod])
    async def failing(self) -> None:
        raise HTTPException(418)

    @WebSocketEndpoint("/ws")
    async def ws(self, websocket: WebSocket) -> None:
        self.log.lines.append("accepting")
        await websocket.accept()
        await websocket.receive()


@RestController("/guarded", middlewares=[Authenticated])
class Guarded:
    @Get("/")
    async def get(self) -> str:
        return "secret"

    @WebSocketEndpoint("/ws")
    async def ws(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("secret")


@RestController("/various", middlewares=[StringAnnotated])
class Various:
    @Get("/state")
    async def state(self, request: Request) -> str:
        return str(request.state.seen)

    @Get("/translated", middlewares=[Translating])
    async def translated(self) -> None:
        raise LookupError("inner")

    @Get("/swallowed", middlewares=[Swallowing])
    async def swallowed(self) -> None:
        raise LookupError("not lost")

    @Get("/session", middlewares=[WithSession])
    async def session(self) -> str:
        return "ok"

    @WebSocketEndpoint("/ws")
    async def ws(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.state.seen)


@pytest.fixture
def jararaca_microservice() -> HttpMicroservice:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///x.db"))
    app = Microservice(controllers=[Noted, Guarded, Various], interceptors=[database])
    return HttpMicroservice(app, middlewares=[Global])


@pytest.fixture
def log(jararaca_app: RunningApplication) -> list[str]:
    return jararaca_app.environment.container.get_by_type(Log).lines


async def test_the_order_is_global_then_controller_then_method_and_back(http: AsyncClient, log: list[str]) -> None:
    await http.get("/noted/ok")

    assert log == [
        "before Global",
        "before OfController",
        "before OfMethod",
        "method",
        "after OfMethod",
        "after OfController",
        "after Global",
    ]


async def test_an_exception_of_the_method_is_seen_by_all_of_them(http: AsyncClient, log: list[str]) -> None:
    assert (await http.get("/noted/failing")).status_code == 418
    assert log[-3:] == [f"{name} saw HTTPException" for name in ("OfMethod", "OfController", "Global")]


async def test_global_and_controller_middlewares_run_before_a_websocket_is_accepted(
    ws: WebSocketClient, log: list[str]
) -> None:
    async with ws.connect("/noted/ws"):
        assert log == ["before Global", "before OfController", "accepting"]

    assert log[-2:] == ["after OfController", "after Global"]


async def test_raising_before_the_yield_answers_instead_of_the_method(http: AsyncClient) -> None:
    refused = await http.get("/guarded", headers={"x-key": "wrong"})

    assert (refused.status_code, refused.json()) == (401, {"detail": "not for you: /guarded"})
    assert (await http.get("/guarded", headers={"x-key": "right"})).json() == "secret"


async def test_the_same_middleware_refuses_a_websocket_before_it_is_accepted(ws: WebSocketClient) -> None:
    with pytest.raises(WebSocketRejected) as refused:
        async with ws.connect("/guarded/ws", headers={"x-key": "wrong"}):
            pass

    assert refused.value.status == 401

    async with ws.connect("/guarded/ws", headers={"x-key": "right"}) as socket:
        assert await socket.receive_text() == "secret"


async def test_a_request_annotated_by_name_guards_websockets_too(http: AsyncClient, ws: WebSocketClient) -> None:
    assert (await http.get("/various/state", headers={"x-key": "me"})).json() == "me"

    async with ws.connect("/various/ws", headers={"x-key": "me"}) as socket:
        assert await socket.receive_text() == "me"


async def test_parameters_of_middlewares_are_in_openapi(jararaca_app: RunningApplication) -> None:
    operation = jararaca_app.asgi.openapi()["paths"]["/guarded"]["get"]

    assert [(each["name"], each["in"], each["description"]) for each in operation["parameters"]] == [
        ("x-key", "header", "who asks")
    ]


async def test_middlewares_are_built_by_injection_and_can_be_given_other_dependencies(
    http: AsyncClient, override: Overrides
) -> None:
    others = Keys()
    others.valid = {"other"}
    override[Keys] = others

    assert (await http.get("/guarded", headers={"x-key": "other"})).json() == "secret"


async def test_a_middleware_itself_can_be_overridden(http: AsyncClient, override: Overrides) -> None:
    class Open(Authenticated):
        async def intercept(self, request: Request, x_key: str = "") -> AsyncIterator[None]:
            yield

    override[Authenticated] = Open(Keys())

    assert (await http.get("/guarded")).json() == "secret"


async def test_a_middleware_may_raise_another_exception(http: AsyncClient) -> None:
    response = await http.get("/various/translated")

    assert (response.status_code, response.json()) == (404, {"detail": "translated"})


async def test_an_exception_that_a_middleware_swallows_goes_on(http: AsyncClient) -> None:
    with pytest.raises(LookupError, match="not lost"):
        await http.get("/various/swallowed")


async def test_a_middleware_may_need_what_lives_for_the_unit_of_work(http: AsyncClient) -> None:
    assert (await http.get("/various/session")).json() == "ok"


# what is refused before anything starts


def server(middleware: Any) -> Any:
    return create_http_server(HttpMicroservice(Microservice(controllers=[Guarded]), middlewares=[middleware]))


class WithoutIntercept: ...


class NotAGenerator:
    async def intercept(self) -> None: ...


@pytest.mark.parametrize(
    ("middleware", "name"),
    [(WithoutIntercept, "WithoutIntercept"), (NotAGenerator, "NotAGenerator"), (Translating(), "Translating object")],
)
def test_what_cannot_be_a_middleware_is_refused_with_its_name(middleware: Any, name: str) -> None:
    with pytest.raises(InvalidHandler, match=f"{name}.* is used as a middleware"):
        server(middleware)


class NeedsText(HttpMiddleware):
    def __init__(self, text: str) -> None: ...

    async def intercept(self) -> AsyncIterator[None]:
        yield


@pytest.mark.asyncio
async def test_a_middleware_that_cannot_be_built_is_found_before_the_start() -> None:
    app = server(NeedsText)

    with pytest.raises(MissingProvider, match="NeedsText"):
        async with app.router.lifespan_context(app):
            pass


@pytest.mark.asyncio
async def test_a_middleware_of_the_unit_of_work_cannot_guard_a_websocket() -> None:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///x.db"))
    declaration = Microservice(controllers=[Guarded], interceptors=[database])
    app = create_http_server(HttpMicroservice(declaration, middlewares=[WithSession]))

    with pytest.raises(ScopeViolation, match=r"WithSession guards the websocket endpoint Guarded\.ws"):
        async with app.router.lifespan_context(app):
            pass
