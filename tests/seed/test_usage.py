"""The section "Usage" of the specification: one module, served by uvicorn and by every command."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from children import start as start

MODULE = """
from pydantic import BaseModel

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    ProviderSpec,
    RestController,
    ScheduledAction,
    Token,
)


class AppConfig(BaseModel):
    @staticmethod
    def provider() -> "AppConfig":
        return AppConfig()


class TaskSchema(BaseModel):
    name: str


@MessageBusController()
@RestController("/tasks")
class TasksController:
    @Get("/")
    async def get_tasks(self) -> list[str]:
        return ["a task"]

    @IncomingHandler("task")
    async def process_task(self, message: Message[TaskSchema]) -> None: ...

    @ScheduledAction("* * * * * */3", allow_overlap=False)
    async def scheduled_task(self) -> None: ...

# app.py

from jararaca import Microservice, create_http_server, create_messagebus_worker
from jararaca.presentation.http_microservice import HttpMicroservice

app = Microservice(
    providers=[
        ProviderSpec(
            provide=Token[AppConfig],
            use_factory=AppConfig.provider,
        )
    ],
    controllers=[TasksController],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(
            AIOSQAConfig(
                connection_name="default",
                url="sqlite+aiosqlite:///db.sqlite3",
            )
        ),
    ],
)


# App for specific Http Configuration Context
http_app = HttpMicroservice(app)

web_app = create_http_server(app)
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    ("command", "until"),
    [
        (("uvicorn", "app:web_app", "--port", "0"), "Uvicorn running on"),
        (("jararaca", "server", "app:app", "--port", "0"), "serving on"),
        (("jararaca", "server", "app:http_app", "--port", "0"), "serving on"),
    ],
    ids=["uvicorn", "server-app", "server-http-app"],
)
def test_the_module_is_served(tmp_path: Path, start: Callable[..., Any], command: tuple[str, ...], until: str) -> None:
    (tmp_path / "app.py").write_text(MODULE)
    child = start(*command)
    address = re.search(r"http://[\d.:]+", child.until(until))
    assert address is not None

    assert httpx.get(f"{address[0]}/tasks/").json() == ["a task"]
    child.ask(signal.SIGTERM)
    assert child.end() in (0, -signal.SIGTERM)


@pytest.mark.needs_servers
@pytest.mark.parametrize(("command", "until"), [("worker", "consuming"), ("scheduler", "firing")])
def test_a_command_without_flags_ends_with_0_on_sigterm(
    tmp_path: Path, start: Callable[..., Any], command: str, until: str
) -> None:
    """The broker is looked for at its usual address."""
    (tmp_path / "app.py").write_text(MODULE)
    child = start("jararaca", command, "app:app")
    child.until(until)

    child.ask(signal.SIGTERM)

    assert child.end() == 0
