"""Tasks that a handler does not await, in a worker as it runs: under the harness they fail the test instead."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from jararaca import Container, IncomingHandler, Message, MessageBusController, Microservice, use_publisher
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.adoption import AdoptingFactory
from jararaca.core.application import Application
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind, Step
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.worker import MessageBusWorker
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

LATE = "tasks outlive the handler that started them; they are cancelled. Await them, or start them elsewhere"
FAILED = "a task that a handler had not awaited failed"


class Note(BaseModel):
    text: str = ""


class Told(list[str]):
    """What happened, in order; whoever waits for a word is woken by it."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def observe(self, step: Step) -> None:
        if step.kind is Kind.SETTLE and step.phase == "after":
            self.tell(f"{step.facts['verb']}")

    def tell(self, word: str) -> None:
        self.append(word)
        self._changed.set()

    async def until(self, word: str) -> None:
        async with asyncio.timeout(10):
            while word not in self:
                self._changed.clear()
                await self._changed.wait()


@MessageBusController()
class Desk:
    told: ClassVar[Told]
    task: ClassVar[Callable[[], Coroutine[Any, Any, None]]]
    then: ClassVar[Callable[[], Coroutine[Any, Any, None]]]

    @IncomingHandler("note.written", timeout=1.0)
    async def handle(self, message: Message[Note]) -> None:
        asyncio.ensure_future(type(self).task())  # noqa: TID251, RUF006 -- what users write
        await type(self).then()
        self.told.tell("returned")


async def nothing() -> None: ...


async def end_later() -> None:
    await Desk.told.until("returned")
    for _turn in range(5):
        await asyncio.sleep(0)  # noqa: TID251 -- turns of the loop, which take no time
    Desk.told.tell("the task ended")


async def never_end() -> None:
    Desk.told.tell("the task began")
    try:
        await asyncio.Event().wait()
    finally:
        Desk.told.tell("the task was cancelled")


async def fail_later() -> None:
    await Desk.told.until("returned")
    raise LookupError("nobody asked")


async def fail() -> None:
    await Desk.told.until("the task began")
    raise LookupError("the handler")


class Started:
    """Tells when the application is up."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        self.event.set()
        yield


@asynccontextmanager
async def working() -> AsyncIterator[Application]:
    config, started = MessageBusConfig(url="memory://"), Started()
    declaration = Microservice(controllers=[Desk], interceptors=[started])
    assembly = assemble(declaration, embedded_ports(), config, needs_broker=True)
    application = assembly.application
    Desk.told, Desk.then = Told(), nothing
    application.environment.steps.add(Desk.told)
    worker = MessageBusWorker(application, config)
    tasks = TaskScope("worker")
    running = tasks.spawn(worker.start_async(), name="worker")
    await started.event.wait()
    yield application
    await worker.stop(1.0)
    await running


async def publish(application: Application) -> None:
    token = enter(application.execution(Trigger("manual", "test")))
    try:
        await use_publisher().publish(message=Note(), topic="note.written")
    finally:
        leave(token)


def said(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage() == message]


@proves("F-47")
async def test_a_task_that_a_handler_started_is_awaited_before_its_message_is_settled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with working() as application:
        Desk.task = end_later
        await publish(application)
        await Desk.told.until("ack")

    assert Desk.told == ["returned", "the task ended", "ack"]
    assert said(caplog, LATE) == []


@proves("F-47")
async def test_at_the_timeout_of_the_handler_it_is_cancelled_and_its_line_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with working() as application:
        Desk.task = never_end
        await publish(application)
        await Desk.told.until("ack")

    assert Desk.told == ["returned", "the task began", "the task was cancelled", "ack"]
    (record,) = said(caplog, LATE)
    assert (record["levelname"], record["handler"].endswith("Desk.handle")) == ("WARNING", True)
    (place,) = record["started"]
    assert place.startswith(f"{__file__}:")
    assert place.endswith(" in Desk.handle")


async def test_what_it_raises_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with working() as application:
        Desk.task = fail_later
        await publish(application)
        await Desk.told.until("ack")

    (record,) = said(caplog, FAILED)
    assert "nobody asked" in str(record["exc_info"][1])


async def test_a_task_of_a_handler_that_failed_is_cancelled_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """What it began was rolled back, and is not to go on."""
    async with working() as application:
        Desk.task, Desk.then = never_end, fail
        await publish(application)
        await Desk.told.until("dead-letter")

    assert Desk.told == ["the task began", "the task was cancelled", "dead-letter"]
    assert len(said(caplog, LATE)) == 1


async def test_a_task_of_a_handler_that_is_cut_short_is_cancelled_too() -> None:
    """And so is one that is awaited when the worker stops: its message is given back."""
    async with working() as application:
        Desk.task = never_end
        await publish(application)
        await Desk.told.until("the task began")
        application.environment.shutdown.request()

    assert Desk.told[:3] == ["returned", "the task began", "the task was cancelled"]


async def test_tasks_of_a_library_are_left_alone() -> None:
    """It may keep them for longer than one message, and ends them itself."""
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    made: list[asyncio.Task[Any]] = []

    def older(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        made.append(asyncio.Task(coro, loop=loop, **options))
        return made[-1]

    loop.set_task_factory(older)  # type: ignore[arg-type] # a factory, whatever it makes
    try:
        async with working() as application:
            assert isinstance(loop.get_task_factory(), AdoptingFactory)

            async def through_a_library() -> None:
                stack = contextlib.AsyncExitStack()
                await stack.enter_async_context(asyncio.timeout(1))
                spawned = compile("spawn(loop)", "/usr/lib/python3/dist-packages/site-packages/lib.py", "eval")
                eval(spawned, {"spawn": lambda loop: loop.create_task(never_end()), "loop": loop})

            Desk.task = through_a_library
            await publish(application)
            await Desk.told.until("ack")
            assert made
    finally:
        loop.set_task_factory(factory)
