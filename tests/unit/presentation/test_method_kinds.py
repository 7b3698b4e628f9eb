"""Whatever FastAPI takes as an endpoint a method may be, and where in its life sessions and publishes work.

Every test runs twice: over the routes that the framework mounted, and over the same controller included in another
router by the user.
"""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends
from fastapi.responses import StreamingResponse
from httpx import AsyncClient
from pydantic import BaseModel

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Get,
    Microservice,
    RestController,
    use_publisher,
    use_session,
    use_ws_manager,
)
from jararaca.core.steps import Kind, Step
from jararaca.errors import UsageError
from jararaca.presentation.routing import controller_router
from jararaca_testing import RunningApplication

pytestmark = pytest.mark.jararaca(allow=["unroutable"])  # it is enough that something is published


class Note(BaseModel):
    text: str


class Notebook:
    """What was seen, in order; told of the application's steps, too."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sent = 0
        self.commits = 0

    def observe(self, step: Step) -> None:
        self.sent += step.phase == "after" and step.kind in (Kind.CONFIRM, Kind.FRAME)
        self.commits += step.phase == "after" and step.kind is Kind.COMMIT

    async def look(self, place: str) -> None:
        """Try out everything that the place decides about."""
        parts = [session_here(), await self._when(self._publish), await self._when(self._broadcast)]
        self.lines.append(f"{place}: {', '.join(parts)}, {self.commits} commits")

    async def _when(self, send: Callable[[], Awaitable[None]]) -> str:
        before = self.sent
        await send()
        return {True: "immediate", False: "staged"}[self.sent > before]

    async def _publish(self) -> None:
        await use_publisher().publish(message=Note(text="seen"), topic="kinds.seen")

    async def _broadcast(self) -> None:
        await use_ws_manager().broadcast(b"seen")


def session_here() -> str:
    try:
        use_session()
    except UsageError as error:
        return type(error).__name__
    return "session"


IN_WORK = "session, staged, staged, 0 commits"
AFTER_WORK = "NoUnitOfWork, immediate, immediate, 1 commits"


async def dependency() -> AsyncIterator[str]:
    notebook = NOTEBOOKS[-1]
    await notebook.look("entry of the dependency")
    yield "from the dependency"
    await notebook.look("exit of the dependency")


def sync_dependency() -> Iterator[str]:
    NOTEBOOKS[-1].lines.append(f"entry: {session_here()}")
    yield "from a thread"
    NOTEBOOKS[-1].lines.append(f"exit: {session_here()}")


NOTEBOOKS: list[Notebook] = []


@RestController("/kinds")
class Kinds:
    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook

    @Get("/coroutine")
    async def coroutine(self) -> Note:
        await self.notebook.look("coroutine")
        return Note(text="coroutine")

    @Get("/function")
    def function(self) -> Note:
        self.notebook.lines.append(f"function: {session_here()} {threading.current_thread() is MAIN}")
        return Note(text="function")

    @Get("/async-generator", {"response_class": StreamingResponse})
    async def async_generator(self) -> AsyncIterator[str]:
        for number in range(2):
            await self.notebook.look(f"chunk {number}")
            yield f"chunk {number};"

    @Get("/generator", {"response_class": StreamingResponse})
    def generator(self) -> Iterator[str]:
        for number in range(2):
            self.notebook.lines.append(f"chunk {number}: {session_here()}")
            yield f"chunk {number};"

    @Get("/json-lines")
    async def json_lines(self) -> AsyncIterator[Note]:
        for number in range(2):
            await self.notebook.look(f"line {number}")
            yield Note(text=f"line {number}")

    @Get("/streaming")
    async def streaming(self) -> StreamingResponse:
        await self.notebook.look("before the stream")

        async def body() -> AsyncIterator[str]:
            await self.notebook.look("in the stream")
            yield "streamed"

        return StreamingResponse(body(), media_type="text/plain")

    @Get("/background")
    async def background(self, tasks: BackgroundTasks) -> Note:
        tasks.add_task(self.notebook.look, "background task")
        await self.notebook.look("method")
        return Note(text="background")

    @Get("/dependency")
    async def with_dependency(self, given: Annotated[str, Depends(dependency)]) -> Note:
        await self.notebook.look("method")
        return Note(text=given)

    @Get("/function-dependency")
    async def with_function_dependency(self, given: Annotated[str, Depends(dependency, scope="function")]) -> Note:
        return Note(text=given)

    @Get("/sync-dependency")
    def with_sync_dependency(self, given: Annotated[str, Depends(sync_dependency)]) -> Note:
        return Note(text=given)


MAIN = threading.main_thread()


@pytest.fixture
def jararaca_microservice() -> Microservice:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///kinds.db"))
    return Microservice(controllers=[Kinds], interceptors=[database])


@pytest.fixture
def notebook(jararaca_app: RunningApplication) -> Iterator[Notebook]:
    found = jararaca_app.environment.container.get_by_type(Notebook)
    jararaca_app.environment.steps.add(found)
    NOTEBOOKS.append(found)
    yield found
    NOTEBOOKS.remove(found)


def mounted(_app: RunningApplication) -> str:
    return "/kinds"


def included(app: RunningApplication) -> str:
    outer = APIRouter()
    outer.include_router(controller_router(Kinds, route_class=app.asgi.router.route_class), prefix="/again")
    app.asgi.include_router(outer, prefix="/included")
    return "/included/again/kinds"


@pytest.fixture(params=[mounted, included])
def base(request: pytest.FixtureRequest, jararaca_app: RunningApplication) -> str:
    path: str = request.param(jararaca_app)
    return path


async def test_a_coroutine_runs_in_its_unit_of_work(http: AsyncClient, notebook: Notebook, base: str) -> None:
    response = await http.get(f"{base}/coroutine/")

    assert response.json() == {"text": "coroutine"}
    assert notebook.lines == [f"coroutine: {IN_WORK}"]
    assert notebook.sent == 2


async def test_a_function_runs_in_a_thread_and_in_its_unit_of_work(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    assert (await http.get(f"{base}/function")).json() == {"text": "function"}
    assert notebook.lines == ["function: session False"]


async def test_an_async_generator_streams_after_its_unit_of_work(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    assert (await http.get(f"{base}/async-generator")).text == "chunk 0;chunk 1;"
    assert notebook.lines == [f"chunk 0: {AFTER_WORK}", f"chunk 1: {AFTER_WORK}"]


async def test_a_generator_streams_from_threads_after_its_unit_of_work(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    assert (await http.get(f"{base}/generator")).text == "chunk 0;chunk 1;"
    assert notebook.lines == ["chunk 0: NoUnitOfWork", "chunk 1: NoUnitOfWork"]


async def test_an_async_generator_of_models_streams_lines_of_json(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    assert (await http.get(f"{base}/json-lines")).text == '{"text":"line 0"}\n{"text":"line 1"}\n'
    assert notebook.lines == [f"line 0: {AFTER_WORK}", f"line 1: {AFTER_WORK}"]


async def test_the_body_of_a_streaming_response_comes_after_the_commit(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    assert (await http.get(f"{base}/streaming")).text == "streamed"
    assert notebook.lines == [f"before the stream: {IN_WORK}", f"in the stream: {AFTER_WORK}"]


async def test_a_background_task_runs_after_the_commit(http: AsyncClient, notebook: Notebook, base: str) -> None:
    assert (await http.get(f"{base}/background")).json() == {"text": "background"}
    assert notebook.lines == [f"method: {IN_WORK}", f"background task: {AFTER_WORK}"]


async def test_a_dependency_is_entered_in_the_unit_of_work_and_left_after_it(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    assert (await http.get(f"{base}/dependency")).json() == {"text": "from the dependency"}
    assert notebook.lines == [
        f"entry of the dependency: {IN_WORK}",
        f"method: {IN_WORK}",
        f"exit of the dependency: {AFTER_WORK}",
    ]


async def test_a_dependency_of_the_functions_scope_is_left_after_the_commit_too(
    http: AsyncClient, notebook: Notebook, base: str
) -> None:
    await http.get(f"{base}/function-dependency")

    assert notebook.lines[-1] == f"exit of the dependency: {AFTER_WORK}"


async def test_a_synchronous_dependency_sees_the_same(http: AsyncClient, notebook: Notebook, base: str) -> None:
    assert (await http.get(f"{base}/sync-dependency")).json() == {"text": "from a thread"}
    assert notebook.lines == ["entry: session", "exit: NoUnitOfWork"]


async def test_an_included_controller_answers_another_verb_with_405(http: AsyncClient, base: str) -> None:
    assert (await http.post(f"{base}/coroutine")).status_code == 405
