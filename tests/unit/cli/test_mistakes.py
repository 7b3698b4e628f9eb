"""What a person is told who gets something wrong, and with which exit code; never a traceback."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from said import Said

from jararaca_testing.contracts import proves

pytestmark = pytest.mark.processes

HEAD = """
from typing import Callable, Protocol

from jararaca import *
from pydantic import BaseModel

class Order(BaseModel):
    id: int

"""
TAIL = """
app = Microservice(controllers=[C])
"""


def controller(body: str, decorators: str = '@MessageBusController()\n@RestController("/")', before: str = "") -> str:
    return f"{HEAD}{before}\n{decorators}\nclass C:\n{body}\n{TAIL}"


def database(url: str, options: str = "") -> str:
    config = f"AIOSQAConfig('default', {url!r}, {options})"
    return f"{HEAD}app = Microservice(interceptors=[AIOSqlAlchemySessionInterceptor({config})])\n"


PLAIN = controller('    @Get("/")\n    async def get(self) -> None: ...')


def test_a_wrong_target_ends_with_2(said: Callable[..., Said]) -> None:
    ended = said("check", "app:ap", source=PLAIN)

    assert ended == Said(2, "", "jararaca: app has no attribute 'ap'. Did you mean app:app?\n")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        pytest.param(
            controller(
                "    def __init__(self, a: 'A'): ...",
                before="class A:\n    def __init__(self, b: 'B'): ...\nclass B:\n    def __init__(self, a: A): ...\n",
            ),
            "A needs itself: A -> B -> A.",
            id="circle",
        ),
        pytest.param(
            controller("    def __init__(self, gateway: Gateway): ...", before="class Gateway(Protocol): ...\n"),
            "C.__init__(gateway) needs Gateway, but no provider offers it. Add ProviderSpec(Gateway, ...) to",
            id="missing",
        ),
        pytest.param(
            controller('    @ScheduledAction("* * * * 8x")\n    async def act(self) -> None: ...'),
            "cron expression '* * * * 8x': the day of week field cannot be '8x'.",
            id="cron",
        ),
        pytest.param(
            controller('    @IncomingHandler("order")\n    async def handle(self, message: int) -> None: ...'),
            "C.handle cannot handle messages: parameter 'message' is not annotated with Message[YourModel].",
            id="message",
        ),
        pytest.param(
            controller('    @ScheduledAction("* * * * *")\n    async def act(self, a, b) -> None: ...'),
            "C.act is scheduled, but needs 'b' too.",
            id="action",
        ),
        pytest.param(
            controller('    @Get("/")\n    async def get(self) -> Odd: ...', before="class Odd: ...\n"),
            "C.get cannot be a route, because of a parameter, its return type or an option. FastAPI says:",
            id="route",
        ),
        pytest.param(
            controller('    @Get("/")\n    async def get(self, odd: "Odd") -> None: ...'),
            "C.get cannot be a route: the annotation 'Odd' of 'odd' cannot be found at run time.",
            id="annotation",
        ),
        pytest.param(
            controller('    @Get("/{a}/{a}")\n    async def get(self, a: int) -> None: ...'),
            "C.get cannot be a route: its path '/{a}/{a}', of the controller and the method, has {a} twice.",
            id="path",
        ),
        pytest.param(
            controller('    @Get("/")\n    async def get(self, call: Callable[[], int]) -> None: ...'),
            "the OpenAPI document of the routes cannot be made: Cannot generate a JsonSchema for",
            id="document",
        ),
        pytest.param(
            controller('    @WebSocketEndpoint("/ws")\n    async def talk(self, websocket) -> None: ...'),
            "C.talk is a websocket endpoint, but takes no websocket.",
            id="websocket",
        ),
        pytest.param(
            controller('    @WebSocketEndpoint("/ws{")\n    async def talk(self) -> None: ...'),
            "@WebSocketEndpoint('/ws{'): a parameter in a path is a name in braces.",
            id="path",
        ),
        pytest.param(
            f"{HEAD}app = Microservice(interceptors=[WebSocketInterceptor(), WebSocketInterceptor()])\n",
            "an application has one WebSocketInterceptor, and two are declared.",
            id="two-interceptors",
        ),
        pytest.param(
            controller('    @ScheduledAction("* * * * *", timeout="5")\n    async def act(self) -> None: ...'),
            "@ScheduledAction('* * * * *') of C.act: timeout='5' must be a number of seconds, more than 0.",
            id="timeout",
        ),
        pytest.param(
            database("postgresql+asyncpg://me:hunter2@localhost:many/shop"),
            "the URL of the database 'default' cannot be used (ValueError).",
            id="port",
        ),
        pytest.param(
            database("sqlite+aiosqlite:///x.db", "engine_options={'pool_sise': 3}"),
            "the engine_options of the database 'default' cannot be used: Invalid argument(s) 'pool_sise'",
            id="engine-options",
        ),
        pytest.param(
            database("sqlite+aiosqlite:///x.db", "session_options={'auto_flush': False}"),
            "the session_options of the database 'default' cannot be used: Session.__init__() got an",
            id="session-options",
        ),
    ],
)
def test_a_declaration_that_cannot_work_ends_with_2(said: Callable[..., Said], source: str, sentence: str) -> None:
    ended = said("check", "app:app", source=source)

    assert ended.code == 2
    assert f"jararaca: {sentence}" in ended.error
    assert "hunter2" not in ended.error
    assert ended.out == ""


def test_nothing_is_started_of_a_declaration_that_cannot_work(said: Callable[..., Said]) -> None:
    ended = said("dev", "app:app", source=controller("    def __init__(self, name: str): ..."))

    assert ended.code == 2
    assert ended.error.startswith("jararaca: C.__init__(name) needs str, but no provider offers it.")
    assert ended.out == ""


def test_what_a_module_declares_wrongly_while_it_is_imported_has_a_place(
    said: Callable[..., Said], tmp_path: Path
) -> None:
    ended = said("check", "app:app", source='from jararaca import *\n\nScheduledAction("x")\n')

    assert ended.code == 2
    assert f"It was raised at {tmp_path}/app.py:3." in ended.error


def test_a_call_that_cannot_work_while_a_module_is_imported_has_a_place(
    said: Callable[..., Said], tmp_path: Path
) -> None:
    source = (
        "from jararaca import *\n\nclass X: ...\n\nasync def make() -> X: ...\n\n"
        "app = Microservice([ProviderSpec(X, use_factory=make)])\nContainer(app).get_by_type(X)\n"
    )

    ended = said("check", "app:app", source=source)

    assert ended.code == 2
    assert ended.error.startswith("jararaca: X cannot be built without awaiting: make is async.")
    assert f"It was raised at {tmp_path}/app.py:8." in ended.error


@pytest.mark.parametrize("words", [["check"], ["dev", "--port", "0"], ["worker", "--url", "memory://"]])
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "from jararaca import *\napp = Microservice(interceptors=[WebSocketInterceptor])",
            "Microservice(interceptors=[...]) has the class WebSocketInterceptor, and takes objects.",
        ),
        (
            "from jararaca import *\napp = Microservice(interceptors=[object()])",
            "Microservice(interceptors=[...]) has an object of type object, which has none of the methods",
        ),
    ],
    ids=["class", "object"],
)
def test_what_is_no_interceptor_ends_every_command_with_2(
    said: Callable[..., Said], words: list[str], source: str, sentence: str
) -> None:
    ended = said(*words, "app:app", source=source)

    assert ended.code == 2
    assert ended.error.splitlines()[-1].startswith(f"jararaca: {sentence}")


def test_a_suspicious_cron_expression_is_found_by_check(said: Callable[..., Said]) -> None:
    source = controller('    @ScheduledAction("0 9 * * * *")\n    async def act(self) -> None: ...')

    ended = said("check", "app:app", source=source)

    assert ended.code == 1
    assert "suspicious: C.act: '0 9 * * * *' fires at every second of each minute that it matches" in ended.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dev", "app:app", "--prot", "1"], "No such option: --prot"),
        (["dev", "app:app", "--port", "99999"], "Invalid value for '--port'"),
        (["dev"], "Missing argument"),
        (["sevre", "app:app"], "No such command 'sevre'"),
        (
            ["dev", "app:app", "--app-dir", "nowhere"],
            "--app-dir nowhere is no directory. Name the one in which app is.",
        ),
        (
            ["dev", "app:app", "--reload", "--app-dir", "nowhere"],
            "--app-dir nowhere is no directory. Name the one whose",
        ),
        (
            ["worker", "app:app", "--wait-for-broker", "nan"],
            "--wait-for-broker",
        ),
        (["scheduler", "app:app", "--wait-for-broker", "-1"], "it is a number of seconds, from 0 on."),
        (["server", "app:app", "--host", "host.invalid"], "cannot listen on host.invalid:"),
        (["server", "app:app", "--host", "192.0.2.1"], "Choose a --host that this machine has."),
        (["worker", "app:app", "--url", "http://hunter2"], "a broker URL starts with amqp://, amqps:// or memory://"),
    ],
)
def test_a_wrong_command_line_ends_with_2(said: Callable[..., Said], words: list[str], sentence: str) -> None:
    ended = said(*words, source=PLAIN)

    assert ended.code == 2
    assert sentence in ended.error
    assert "hunter2" not in ended.error


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("JARARACA_PORT", "hunter2", "JARARACA_PORT has a value that --port does not take. Set it right, or unset it."),
        (
            "JARARACA_WAIT_FOR_BROKER",
            "nan",
            "JARARACA_WAIT_FOR_BROKER has a value that --wait-for-broker does not take.",
        ),
        ("JARARACA_RELOAD", "hunter2", "JARARACA_RELOAD has a value that --reload does not take."),
        ("JARARACA_CONCURRENCY", "hunter2", "JARARACA_CONCURRENCY: Input should be a valid integer"),
        ("JARARACA_PREFETCH", "0", "JARARACA_PREFETCH: Input should be greater than or equal to 1."),
        ("JARARACA_QUEUE_TYPE", "hunter2", "JARARACA_QUEUE_TYPE: Input should be 'quorum' or 'classic'."),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_not_shown(
    said: Callable[..., Said], variable: str, value: str, sentence: str
) -> None:
    command = "worker" if variable == "JARARACA_WAIT_FOR_BROKER" else "dev"

    ended = said(command, "app:app", source=PLAIN, environment={variable: value})

    assert ended.code == 2
    assert f"jararaca: the environment cannot be used: {sentence}" in ended.error
    assert "hunter2" not in ended.error


def test_a_port_that_is_taken_is_found_before_anything_starts(said: Callable[..., Said]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = said("dev", "app:app", "--port", str(port), source=PLAIN)

    assert ended.code == 2
    assert ended.error == (
        f"jararaca: cannot listen on 127.0.0.1:{port}: Address already in use. Stop what uses the port, or choose "
        "another one with --port.\n"
    )


@proves("F-44")
@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_a_broker_that_is_down_is_waited_for_and_then_ends_it_with_3(
    tmp_path: Path, start: Callable[..., Any], command: str
) -> None:
    (tmp_path / "app.py").write_text(PLAIN)
    url = f"amqp://bob:hunter2@127.0.0.1:{free_port()}/"

    child = start("jararaca", command, "app:app", "--url", url, "--wait-for-broker", "0.2")

    assert child.end() == 3
    attempts = [line for line in child.lines if "the broker cannot be reached" in line]
    assert "attempt=1" in attempts[0]
    assert child.lines[-1].startswith("jararaca: no connection to the broker at amqp://***@127.0.0.1:")
    assert "hunter2" not in child.output
    assert "Traceback" not in child.output


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_somebody_who_waits_for_a_broker_may_stop_waiting(tmp_path: Path, start: Callable[..., Any]) -> None:
    (tmp_path / "app.py").write_text(PLAIN)
    child = start("jararaca", "worker", "app:app", "--url", f"amqp://127.0.0.1:{free_port()}/")
    child.until("attempt=1")

    child.ask(signal.SIGTERM)

    assert child.end() == 0


def test_a_server_starts_without_its_broker(tmp_path: Path, start: Callable[..., Any]) -> None:
    (tmp_path / "app.py").write_text(PLAIN)
    url = f"amqp://127.0.0.1:{free_port()}/"
    child = start("jararaca", "server", "app:app", "--port", "0", environment={"JARARACA_BROKER_URL": url})
    address = "http" + child.until("serving on").partition("http")[2]

    assert httpx.get(f"{address}/health/ready").status_code == 503
    child.ask(signal.SIGTERM)
    assert child.end() == 0


WITHIN = controller(
    """
    @Get("/star")
    async def star(self) -> None:
        await use_publisher().publish(Order(id=1), topic="order.*")

    @WebSocketEndpoint("/session")
    async def session(self, websocket: WebSocket) -> None:
        await websocket.accept()
        use_session()
""",
    before="from fastapi import WebSocket\n",
)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "/star",
            "InvalidTopic: cannot publish to 'order.*': '*' and '#' are wildcards of handlers, and a message has one "
            "concrete topic. Publish once to each topic that is meant.",
        ),
        (
            "/session",
            "NoUnitOfWork: use_session('default') needs a transaction, and none is open here: websocket connections, "
            "streaming bodies and background tasks have none. Open one: async with unit_of_work(): ...",
        ),
    ],
)
def test_a_mistake_within_a_handler_is_explained_and_the_process_lives(
    tmp_path: Path, start: Callable[..., Any], path: str, sentence: str
) -> None:
    (tmp_path / "app.py").write_text(WITHIN)
    child = start("jararaca", "dev", "app:app", "--port", "0")
    address = child.until("http://").partition("//")[2]

    connection = socket.create_connection(address.split(":"))
    upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n{upgrade if path == '/session' else ''}".encode())
    connection.sendall(b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

    child.until(sentence)
    connection.close()
    assert httpx.get(f"http://{address}/health/live").status_code == 200
    child.ask(signal.SIGTERM)
    assert child.end() == 0


@pytest.mark.parametrize("missing", ["typer", "uvicorn"])
def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path: Path, missing: str) -> None:
    (tmp_path / "app.py").write_text(PLAIN)
    script = (
        f"import sys\nsys.modules[{missing!r}] = None\nsys.argv = ['jararaca', 'server', 'app:app', '--port', '0']\n"
    )
    script += "from jararaca.cli.main import main\nmain()"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert done.stderr == 'jararaca: the jararaca command needs an extra: pip install "jararaca[cli]"\n'


def test_ctrl_c_ends_a_check_as_shells_expect(tmp_path: Path, start: Callable[..., Any]) -> None:
    (tmp_path / "app.py").write_text("import threading\nprint('importing')\nthreading.Event().wait()")
    child = start("jararaca", "check", "app:app")
    child.until("importing")

    child.ask(signal.SIGINT)

    assert child.end() == 130
    assert "Traceback" not in child.output
