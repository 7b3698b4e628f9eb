"""What a person is told whose application does not come up: who failed and why, and with which exit code."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from said import Said

pytestmark = pytest.mark.processes

STARTUP = """
from contextlib import asynccontextmanager
from jararaca import *
from jararaca.presentation.http_microservice import HttpMicroservice
from fastapi import FastAPI

class Database:
    @asynccontextmanager
    async def lifecycle(self, app, container):
        {fails}
        yield

def made(lifespan):
    @asynccontextmanager
    async def around(app):
        {factory_fails}
        async with lifespan(app):
            yield
    return FastAPI(lifespan=around)

app = HttpMicroservice(Microservice(interceptors=[Database()]), factory=made)
"""


@pytest.mark.parametrize(
    "raised",
    [
        "raise ConnectionRefusedError(111, 'Connect call failed')",
        "raise OSError('Multiple exceptions: Connect call failed')",
        "raise BrokenPipeError(32, 'Connect call failed')",
        "raise RuntimeError('Connect call failed') from ConnectionResetError()",
        "raise type('InvalidPassword', (Exception,), {'sqlstate': '28P01'})('Connect call failed')",
    ],
)
def test_a_server_that_a_lifecycle_misses_ends_it_with_3(said: Callable[..., Said], raised: str) -> None:
    ended = said("server", "app:app", "--port", "0", source=STARTUP.format(fails=raised, factory_fails="pass"))

    assert ended.code == 3
    assert "jararaca: a server that the application needs at its start is not there, or refuses" in ended.error
    assert "Connect call failed" in ended.error


@pytest.mark.parametrize("words", [["check", "app:app"], ["dev", "app:app", "--port", "0"], ["--help"]])
def test_a_reader_who_goes_away_ends_it_in_silence(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "app.py").write_text("from jararaca import Microservice\napp = Microservice()")
    gone, terminal = os.pipe()
    os.close(gone)

    command = [sys.executable, "-m", "jararaca", *words]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=terminal, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(terminal)

    assert done.returncode == 1
    assert "jararaca: " not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_read_is_no_missing_server(tmp_path: Path) -> None:
    source = STARTUP.format(fails="raise OSError('the template is damaged')", factory_fails="pass")
    (tmp_path / "app.py").write_text(source)

    command = [sys.executable, "-m", "jararaca", "server", "app:app", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "a server that the application needs" not in done.stderr


def test_what_a_lifespan_of_the_applications_own_raises_ends_the_process(said: Callable[..., Said]) -> None:
    fails = "raise __import__('jararaca.errors').errors.ConfigurationError('the key is missing. Set KEY.')"

    ended = said("server", "app:app", "--port", "0", source=STARTUP.format(fails="pass", factory_fails=fails))

    assert ended.code == 2
    assert ended.error.splitlines()[-1] == "jararaca: the key is missing. Set KEY."


def test_a_bug_is_shown_with_its_traceback(tmp_path: Path) -> None:
    """What nobody can name is not hidden: the person who can mend it needs the place."""
    source = STARTUP.format(fails="raise ZeroDivisionError", factory_fails="pass")
    (tmp_path / "app.py").write_text(source)

    command = [sys.executable, "-m", "jararaca", "server", "app:app", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert 'app.py", line 10, in lifecycle' in done.stderr


@pytest.mark.parametrize("words", [["check"], ["server", "--port", "0"]])
def test_a_factory_that_fails_ends_it_with_2(said: Callable[..., Said], tmp_path: Path, words: list[str]) -> None:
    source = STARTUP.format(fails="pass", factory_fails="pass").replace("return FastAPI(", "raise KeyError(")

    ended = said(*words, "app:app", source=source)

    assert ended.code == 2
    assert ended.error.startswith(
        f"jararaca: the factory of the FastAPI object failed at {tmp_path}/app.py:19: TypeError"
    )


SETTINGS = """
from contextlib import asynccontextmanager
from jararaca import *
from pydantic_settings import BaseSettings

class AppConfig(BaseSettings):
    db_password: int

    @classmethod
    def provider(cls) -> "AppConfig":
        return cls()

class Reading:
    @asynccontextmanager
    async def lifecycle(self, app, container):
        AppConfig()
        yield

"""
PROVIDED = "app = Microservice([ProviderSpec(provide=Token[AppConfig], use_factory=AppConfig.provider)])"


@pytest.mark.parametrize(
    ("words", "source", "who"),
    [
        (["check"], PROVIDED, "app"),
        (["server", "--port", "0"], PROVIDED, "AppConfig.provider"),
        (["worker", "--url", "memory://"], PROVIDED, "AppConfig.provider"),
        (["check"], "config = AppConfig()\napp = Microservice()", "app"),
        (["server", "--port", "0"], "app = Microservice(interceptors=[Reading()])", "the start"),
    ],
    ids=["check", "server", "worker", "import", "lifecycle"],
)
def test_a_wrong_setting_is_named_and_its_value_not_shown(
    said: Callable[..., Said], words: list[str], source: str, who: str
) -> None:
    ended = said(*words, "app:app", source=SETTINGS + source, environment={"DB_PASSWORD": "hunter2"})

    assert ended.code == 2
    assert (
        f"jararaca: the environment lacks what {who} needs: DB_PASSWORD: Input should be a valid integer" in ended.error
    )
    assert "hunter2" not in ended.error + ended.out


def test_a_schedule_store_without_its_tables_ends_it_with_4(said: Callable[..., Said]) -> None:
    here = {"JARARACA_SCHEDULE_STORE_URL": "sqlite+aiosqlite:///ticks.sqlite3", "JARARACA_BROKER_URL": "memory://"}
    ended = said(
        "scheduler", "app:app", source="from jararaca import Microservice\napp = Microservice()", environment=here
    )

    assert ended.code == 4
    assert "lacks jararaca_schedule_leases and jararaca_schedule_watermarks. Create what is in" in ended.error


def test_an_address_of_no_schedule_store_ends_it_with_2(said: Callable[..., Said]) -> None:
    here = {"JARARACA_SCHEDULE_STORE_URL": "hunter2"}
    ended = said("check", "app:app", source="from jararaca import Microservice\napp = Microservice()", environment=here)

    assert ended.code == 2
    assert "the URL of a schedule store starts with redis://" in ended.error
    assert "hunter2" not in ended.error
