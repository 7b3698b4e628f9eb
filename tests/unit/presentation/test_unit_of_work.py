"""One request, one transaction: what commits, what rolls back, and what the client hears of it."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    CRUDOperations,
    Get,
    IdentifiableEntity,
    Microservice,
    Post,
    RestController,
    use_publisher,
    use_session,
)
from jararaca.core.context import use_unit_of_work
from jararaca.core.steps import Kind, Step
from jararaca.errors import BrokerUnavailable, InvalidSort
from jararaca.presentation.execution_route import ExecutionRoute
from jararaca.presentation.routing import controller_router
from jararaca_testing import Bus, RunningApplication, TestDatabases

pytestmark = pytest.mark.jararaca(allow=["unroutable"])  # it is enough that something is published


class NoteEntity(IdentifiableEntity):
    __tablename__ = "unit_of_work_notes"

    text: Mapped[str]


class Note(BaseModel):
    text: str


class Refusal(Exception):
    """An error of the application's own."""


async def failing_dependency() -> None:
    await use_publisher().publish(message=Note(text="x"), topic="noted")
    raise HTTPException(401)


async def failing_exit() -> AsyncIterator[None]:
    yield
    raise HTTPException(409, "too late")


@RestController("/notes")
class Notes:
    def __init__(self) -> None:
        self.notes = CRUDOperations(NoteEntity, use_session)

    async def _write(self) -> None:
        await self.notes.create(Note(text="x"))
        await use_publisher().publish(message=Note(text="x"), topic="noted")

    @Post("/ok")
    async def ok(self) -> Note:
        await self._write()
        return Note(text="ok")

    @Post("/returned/{status}")
    async def returned(self, status: int) -> Response:
        await self._write()
        return Response(status_code=status)

    @Post("/raised/{status}")
    async def raised(self, status: int) -> None:
        await self._write()
        raise HTTPException(status)

    @Post("/refused")
    async def refused(self) -> None:
        await self._write()
        raise Refusal("unexpected")

    @Post("/invalid-response")
    async def invalid_response(self) -> Note:
        await self._write()
        return {"text": None}  # type: ignore[return-value] # the mistake that is shown

    @Post("/rollback-only")
    async def rollback_only(self) -> Note:
        await self._write()
        use_unit_of_work().set_rollback_only("on second thought")
        return Note(text="nothing happened")

    @Post("/unauthorized", {"dependencies": [Depends(failing_dependency)]})
    async def unauthorized(self) -> None: ...

    @Post("/exit", {"dependencies": [Depends(failing_exit, scope="function")]})
    async def failing_at_the_exit(self) -> None:
        await self._write()

    @Post("/hook")
    async def failing_hook(self) -> None:
        async def fail() -> None:
            raise HTTPException(422, "refused by a hook")

        await self._write()
        use_unit_of_work().before_commit(fail)

    @Get("/number/{number}")
    async def number(self, number: int) -> int:
        return number

    @Get("/missing/{note_id}")
    async def missing(self, note_id: UUID) -> None:
        await self.notes.get(note_id)

    @Get("/unsorted")
    async def unsorted(self) -> None:
        raise InvalidSort("there is no order by 'x'")

    @Get("/unavailable")
    async def unavailable(self) -> None:
        raise BrokerUnavailable("amqp://broker.internal cannot be reached")


@RestController("/injected")
class Injected:
    """Lives for one unit of work, because its session does."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    @Get("/coroutine")
    async def coroutine(self) -> bool:
        return self.session is use_session()

    @Get("/function")
    def function(self) -> bool:
        return self.session is use_session()


@pytest.fixture
def jararaca_microservice() -> Microservice:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///notes.db"))
    return Microservice(controllers=[Notes, Injected], interceptors=[database])


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all(NoteEntity.metadata)


async def rows(db: TestDatabases) -> int:
    async with db.session() as session:
        return await session.scalar(select(func.count()).select_from(NoteEntity)) or 0


class Diary:
    """The order of commits, publishes and ASGI messages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def observe(self, step: Step) -> None:
        self.lines += [f"{step.phase} {step.kind}"] if step.kind in (Kind.COMMIT, Kind.ROLLBACK, Kind.CONFIRM) else []

    def around(self, app: FastAPI) -> Any:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            async def noting(message: Any) -> None:
                self.lines.append(message["type"])
                await send(message)

            await app(scope, receive, noting)

        return wrapped


async def test_the_commit_and_the_publishes_come_before_the_first_byte(jararaca_app: RunningApplication) -> None:
    diary = Diary()
    jararaca_app.environment.steps.add(diary)
    transport = ASGITransport(app=diary.around(jararaca_app.asgi))

    async with AsyncClient(transport=transport, base_url="http://test") as client:
        await client.post("/notes/ok")

    assert diary.lines == [
        "before commit",
        "after commit",
        "after confirm",
        "http.response.start",
        "http.response.body",
    ]


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_returned_response_commits_whatever_its_status(
    http: AsyncClient, db: TestDatabases, bus: Bus, status: int
) -> None:
    assert (await http.post(f"/notes/returned/{status}")).status_code == status
    assert await rows(db) == 1
    bus.published("noted").one()


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_http_exception_rolls_back_whatever_its_status(
    http: AsyncClient, db: TestDatabases, bus: Bus, status: int
) -> None:
    assert (await http.post(f"/notes/raised/{status}")).status_code == status
    assert await rows(db) == 0
    bus.published("noted").none()


async def test_an_error_of_the_application_rolls_back_and_is_raised(
    http: AsyncClient, db: TestDatabases, bus: Bus
) -> None:
    with pytest.raises(Refusal):
        await http.post("/notes/refused")

    assert await rows(db) == 0
    bus.published("noted").none()


async def test_an_error_that_the_application_answers_rolls_back_too(
    jararaca_app: RunningApplication, http: AsyncClient, db: TestDatabases
) -> None:
    async def answer(_request: Any, _error: Exception) -> Response:
        return Response(status_code=418)

    jararaca_app.asgi.add_exception_handler(Refusal, answer)

    assert (await http.post("/notes/refused")).status_code == 418
    assert await rows(db) == 0


async def test_a_response_that_does_not_fit_its_model_rolls_back(
    http: AsyncClient, db: TestDatabases, bus: Bus
) -> None:
    with pytest.raises(Exception, match="text"):
        await http.post("/notes/invalid-response")

    assert await rows(db) == 0
    bus.published("noted").none()


async def test_set_rollback_only_wins_over_success(http: AsyncClient, db: TestDatabases, bus: Bus) -> None:
    response = await http.post("/notes/rollback-only")

    assert response.json() == {"text": "nothing happened"}
    assert await rows(db) == 0
    bus.published("noted").none()


async def test_a_request_that_does_not_validate_rolls_back(jararaca_app: RunningApplication, http: AsyncClient) -> None:
    diary = Diary()
    jararaca_app.environment.steps.add(diary)

    assert (await http.get("/notes/number/many")).status_code == 422
    assert diary.lines == ["after rollback"]


async def test_a_dependency_that_refuses_takes_back_what_it_did(http: AsyncClient, bus: Bus) -> None:
    assert (await http.post("/notes/unauthorized")).status_code == 401
    bus.published("noted").none()


async def test_what_the_exit_of_a_dependency_raises_comes_after_the_commit(
    http: AsyncClient, db: TestDatabases
) -> None:
    response = await http.post("/notes/exit")

    assert (response.status_code, response.json()) == (409, {"detail": "too late"})
    assert await rows(db) == 1


async def test_a_hook_that_refuses_answers_instead_of_the_method(http: AsyncClient, db: TestDatabases) -> None:
    response = await http.post("/notes/hook")

    assert (response.status_code, response.json()) == (422, {"detail": "refused by a hook"})
    assert await rows(db) == 0


class FailingConfirm:
    """A broker that is gone when the flush begins."""

    def observe(self, step: Step) -> None:
        if (step.kind, step.phase) == (Kind.PUBLISH, "before"):
            raise BrokerUnavailable("gone")


async def test_what_cannot_be_announced_is_answered_with_503_and_committed(
    jararaca_app: RunningApplication, http: AsyncClient, db: TestDatabases, caplog: pytest.LogCaptureFixture
) -> None:
    jararaca_app.environment.steps.add(FailingConfirm())

    response = await http.post("/notes/ok")

    assert response.status_code == 503
    assert response.json() == {"detail": "committed, but not announced", "committed": True}
    assert await rows(db) == 1
    records = [record for record in caplog.records if record.name == "jararaca.presentation"]
    assert [(record.levelno, record.getMessage()) for record in records] == [
        (logging.ERROR, "committed, but not announced")
    ]


async def test_an_entity_that_is_not_there_is_404(http: AsyncClient) -> None:
    response = await http.get(f"/notes/missing/{UUID(int=7)}")

    assert response.status_code == 404
    assert response.json() == {"detail": f"there is no note with the id {UUID(int=7)}"}


async def test_an_order_that_cannot_be_had_is_422(http: AsyncClient) -> None:
    response = await http.get("/notes/unsorted")

    assert (response.status_code, response.json()) == (422, {"detail": "there is no order by 'x'"})


async def test_a_server_that_is_away_is_503_and_named_in_the_log_only(
    http: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await http.get("/notes/unavailable")

    assert (response.status_code, response.json()) == (503, {"detail": "a server behind this one is not available"})
    assert "amqp://broker.internal" in caplog.text


@pytest.mark.parametrize("kind", ["coroutine", "function"])
async def test_a_controller_of_the_unit_of_work_is_built_with_its_session(http: AsyncClient, kind: str) -> None:
    assert (await http.get(f"/injected/{kind}")).json() is True


async def test_every_request_has_an_execution_and_correlation_of_its_own(
    http: AsyncClient, jararaca_app: RunningApplication
) -> None:
    await http.post("/notes/ok")
    await http.post("/notes/ok")

    first, second = jararaca_app.ledger.of_kind(Kind.REQUEST)
    assert first.execution != second.execution
    assert (first.handler, first.outcome) == ("POST /notes/ok", "200")


class RefusingRequests:
    """An observer that stands in for a failure before anything happened."""

    def observe(self, step: Step) -> None:
        if (step.kind, step.phase) == (Kind.REQUEST, "before"):
            raise HTTPException(507)


async def test_a_request_that_an_observer_stops_is_recorded_as_ended(
    http: AsyncClient, jararaca_app: RunningApplication
) -> None:
    jararaca_app.environment.steps.add(RefusingRequests())

    assert (await http.get("/notes/number/1")).status_code == 507
    await jararaca_app.settle()
    assert [record.outcome for record in jararaca_app.ledger.of_kind(Kind.REQUEST)] == ["507"]


# the hooks of FastAPI that all of this stands on


async def here() -> bool:
    return use_unit_of_work().is_open


async def test_routes_that_the_user_adds_afterwards_have_a_unit_of_work(
    http: AsyncClient, jararaca_app: RunningApplication
) -> None:
    jararaca_app.asgi.add_api_route("/later", here)
    router = APIRouter(route_class=jararaca_app.asgi.router.route_class)
    router.add_api_route("/included", here)
    jararaca_app.asgi.include_router(router)

    assert (await http.get("/later")).json() is True
    assert (await http.get("/included")).json() is True


async def test_the_hook_around_route_handlers_is_in_effect_for_every_route(jararaca_app: RunningApplication) -> None:
    """FastAPI calls it a candidate for replacement: if it is gone, methods would run without a transaction."""
    calls: list[str] = []

    class Watched(ExecutionRoute):
        def get_route_handler(self) -> Any:
            calls.append(self.path)
            return super().get_route_handler()

    app = FastAPI()
    app.include_router(controller_router(Injected, route_class=Watched), prefix="/x")
    contexts = [context for context in iter_route_contexts(app.routes) if isinstance(context.original_route, APIRoute)]

    assert len(contexts) == 4
    assert len(calls) == 8  # once for each route alone, and once for each as it is included


async def test_requests_inside_requests_have_transactions_of_their_own(
    http: AsyncClient, db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    async def outer() -> int:
        work = use_unit_of_work()
        await http.post("/notes/ok")
        work.set_rollback_only("the outer one only")
        return 1

    jararaca_app.asgi.add_api_route("/outer", outer)
    await http.get("/outer")

    assert await rows(db) == 1


Given = Annotated[AsyncSession, Depends(use_session)]


async def test_use_session_is_a_dependency_of_fastapi_too(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    async def same(session: Given) -> bool:
        return session is use_session()

    jararaca_app.asgi.add_api_route("/depends", same)

    assert (await http.get("/depends")).json() is True
