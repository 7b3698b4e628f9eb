"""The command that writes TypeScript clients: what it writes, where, and how it ends."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jararaca.cli import typescript
from jararaca.cli.files import destination, write_all
from jararaca.errors import InvalidOption
from jararaca_testing.contracts import proves

APP = """
from typing import Annotated
from fastapi import Header, WebSocket
from pydantic import BaseModel
from jararaca import *

class Order(BaseModel):
    number: int

@RestController("/orders")
class Orders:
    @Get("/{number}")
    async def find(self, number: int) -> Order: ...

    @Get("/raw")
    async def raw(self): ...

    @Get("/hidden", {"include_in_schema": False})
    async def hidden(self) -> None: ...

    @WebSocketEndpoint("/feed", sends=Order)
    async def feed(self, websocket: WebSocket) -> None: ...

app = Microservice(name="shop", controllers=[Orders])
"""
WRONG = """
@RestController("/wrong")
class Wrong:
    @Get("/")
    async def find(self, order: Order) -> None: ...

app = Microservice(name="shop", controllers=[Wrong])
"""


@pytest.fixture
def gen(said: Callable[..., Any]) -> Callable[..., Any]:
    """Run `jararaca gen-tsi app:app` with words after it."""
    return lambda *words, source=APP: said("gen-tsi", "app:app", *words, source=source)


def test_the_file_is_written_and_counted(gen: Callable[..., Any], tmp_path: Path) -> None:
    ended = gen("app.ts")

    assert (ended.code, ended.error) == (0, "")
    assert ended.out.splitlines() == [
        "app.ts: 2 endpoints, 3 models, 1 websocket, 1 not typed exactly",
        "not exact: Orders.raw: the result is typed unknown: the method has no return annotation, and declares no "
        "response_model",
        "left out: GET /orders/hidden, whose include_in_schema is False",
    ]
    text = (tmp_path / "app.ts").read_text(encoding="utf-8")
    assert text.startswith("// Written by `jararaca gen-tsi`")
    assert "export class Orders extends HttpService {" in text
    assert "Not exact: the result is typed unknown: the method has no return annotation" in text


def test_hooks_are_written_beside_it(gen: Callable[..., Any], tmp_path: Path) -> None:
    ended = gen("app.ts", "--with-query")

    assert ended.out.startswith("app.ts and app.query.ts: ")
    assert 'from "./app.js";' in (tmp_path / "app.query.ts").read_text(encoding="utf-8")


def test_it_can_be_printed_instead(gen: Callable[..., Any], tmp_path: Path) -> None:
    printed = gen("--stdout")
    written = gen("app.ts")

    assert printed.code == 0
    assert printed.out == (tmp_path / "app.ts").read_text(encoding="utf-8")
    assert printed.error == written.out.replace("app.ts: ", "client: ")


def test_a_file_that_is_as_it_should_be_passes_the_check(gen: Callable[..., Any], tmp_path: Path) -> None:
    gen("app.ts", "--with-query")

    ended = gen("app.ts", "--with-query", "--check")

    assert (ended.code, ended.out) == (0, "")


@pytest.mark.parametrize("stale", ["app.ts", "app.query.ts"])
def test_a_stale_file_fails_the_check_and_is_left_as_it_is(gen: Callable[..., Any], tmp_path: Path, stale: str) -> None:
    gen("app.ts", "--with-query")
    (tmp_path / stale).write_text("stale")

    ended = gen("app.ts", "--with-query", "--check")

    assert ended.code == 1
    assert ended.out == f"{stale} is not what the application says. Write it anew with jararaca gen-tsi.\n"
    assert (tmp_path / stale).read_text() == "stale"


def test_a_missing_file_is_stale(gen: Callable[..., Any], tmp_path: Path) -> None:
    ended = gen("app.ts", "--check")

    assert ended.code == 1
    assert ended.out == "app.ts is missing. Write it with: jararaca gen-tsi app:app app.ts\n"
    assert not (tmp_path / "app.ts").exists()


def test_missing_hooks_are_said_to_be_missing(gen: Callable[..., Any], tmp_path: Path) -> None:
    gen("app.ts")

    ended = gen("app.ts", "--with-query", "--check")

    assert ended.code == 1
    assert ended.out == "app.query.ts is missing. Write it with: jararaca gen-tsi app:app app.ts --with-query\n"


def test_a_field_renamed_in_python_makes_the_file_stale(gen: Callable[..., Any]) -> None:
    gen("app.ts")
    del sys.modules["app"]

    assert gen("app.ts", "--check", source=APP.replace("number: int\n\n@Rest", "quantity: int\n\n@Rest")).code == 1


def test_what_no_client_can_call_is_named_and_nothing_is_written(gen: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.ts").write_text("before")

    ended = gen("app.ts", source=APP + WRONG)

    assert ended.code == 2
    assert ended.error == (
        "jararaca: Wrong.find: the body belongs to a GET request, which browsers send without one, so that no client "
        'can be generated for it. Change it, or leave the route out of clients with {"include_in_schema": False}.\n'
    )
    assert (tmp_path / "app.ts").read_text() == "before"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name the file to write, such as app.ts, or print the client with --stdout."),
        (("--stdout", "app.ts"), "--stdout prints one file: leave the file, --check and --with-query out."),
        (("--stdout", "--check"), "--stdout prints one file: leave the file, --check and --with-query out."),
        (("--stdout", "--with-query"), "--stdout prints one file: leave the file, --check and --with-query out."),
        (("--watch",), "--watch writes a file, without --check and --stdout."),
        (("app.ts", "--watch", "--check"), "--watch writes a file, without --check and --stdout."),
        (("app.js",), "'app.js' is no name for the file. Write one that ends with .ts."),
        ((".ts",), "'.ts' is no name for the file. Write one that ends with .ts."),
        (("app.d.ts",), "'app.d.ts' is a name for declarations, and a client is more. Write app.ts, for example."),
        (("app.d.css.ts",), "is a name for declarations, and a client is more. Write app.css.ts, for example."),
        (("app.d.ts", "--watch"), "'app.d.ts' is a name for declarations, and a client is more."),
        (("app.js", "--watch"), "'app.js' is no name for the file. Write one that ends with .ts."),
        (("nowhere/app.ts",), "nowhere is no directory. Make it, or write elsewhere."),
    ],
)
def test_words_that_make_no_sense_together(gen: Callable[..., Any], words: tuple[str, ...], sentence: str) -> None:
    ended = gen(*words)

    assert ended.code == 2
    assert sentence in " ".join(ended.error.replace("│", " ").split())


# -- where files may be


@proves("F-94")
@pytest.mark.parametrize("file", ["../app.ts", "inside/../../app.ts", "link/app.ts", "link.ts", "/app.ts", "a\0pp.ts"])
def test_nothing_is_written_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """Neither by going up, nor from the top, nor through links."""
    outside, inside = tmp_path / "outside", tmp_path / "top"
    outside.mkdir()
    (inside / "inside").mkdir(parents=True)
    (inside / "link").symlink_to(outside)
    (inside / "link.ts").symlink_to(outside / "app.ts")
    monkeypatch.chdir(inside)

    with pytest.raises(InvalidOption, match=r"is not below the current directory|is no name for the file"):
        destination(file, root=".", suffix=".ts")


def test_a_directory_above_may_be_named(
    gen: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frontend").mkdir()
    (tmp_path / "backend").mkdir()
    gen("app.ts")
    monkeypatch.chdir(tmp_path / "backend")

    with pytest.raises(
        InvalidOption, match=r"\.\./frontend/app\.ts is not below the current directory\. If it is meant"
    ):
        destination("../frontend/app.ts", root=".", suffix=".ts")

    assert destination("../frontend/app.ts", root="..", suffix=".ts") == tmp_path / "frontend/app.ts"


def test_a_file_of_declarations_is_left_as_it_is(gen: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.d.ts").write_text("before")
    (tmp_path / "app.ts").symlink_to(tmp_path / "app.d.ts")

    codes = [gen(name).code for name in ("app.d.ts", "app.ts")]

    assert codes == [2, 2]
    assert (tmp_path / "app.d.ts").read_text() == "before"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "app.ts").mkdir()

    with pytest.raises(InvalidOption, match=r"app\.ts is no file\. Write elsewhere\."):
        destination(str(tmp_path / "app.ts"), root=str(tmp_path), suffix=".ts")


# -- how they are written


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.ts").write_text("before")
    (tmp_path / "app.ts").symlink_to(tmp_path / "real.ts")

    write_all({destination(str(tmp_path / "app.ts"), root=str(tmp_path), suffix=".ts"): "after"})

    assert (tmp_path / "app.ts").is_symlink()
    assert (tmp_path / "real.ts").read_text() == "after"


def test_permissions_stay_and_a_new_file_has_those_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "old.ts").write_text("before")
    (tmp_path / "old.ts").chmod(0o640)
    (tmp_path / "any").touch()

    write_all({tmp_path / "old.ts": "after", tmp_path / "new.ts": "after"})

    assert (tmp_path / "old.ts").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new.ts").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_file_that_would_not_change_is_not_touched(tmp_path: Path) -> None:
    """So that nobody builds anew what is as it was."""
    (tmp_path / "app.ts").write_text("same")
    os.utime(tmp_path / "app.ts", (1, 1))

    write_all({tmp_path / "app.ts": "same"})

    assert (tmp_path / "app.ts").stat().st_mtime == 1


def test_if_one_file_cannot_be_written_no_other_is(tmp_path: Path) -> None:
    (tmp_path / "app.ts").write_text("before")

    with pytest.raises(
        InvalidOption, match=r"cannot be written: No such file or directory\. Give it other permissions"
    ):
        write_all({tmp_path / "app.ts": "after", tmp_path / "gone/app.query.ts": "after"})

    assert (tmp_path / "app.ts").read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["app.ts"]


def test_only_the_file_is_left_behind(gen: Callable[..., Any], tmp_path: Path) -> None:
    gen("app.ts")

    assert {file.name for file in tmp_path.iterdir()} - {"__pycache__"} == {"app.py", "app.ts"}


def test_an_error_while_rendering_leaves_the_file(
    gen: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.ts").write_text("before")

    def fail(*_arguments: object, **_options: object) -> str:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(typescript, "render_query", fail)

    with pytest.raises(RuntimeError, match="on purpose"):
        gen("app.ts", "--with-query")
    assert (tmp_path / "app.ts").read_text() == "before"


# -- while files change


@pytest.mark.processes
def test_a_change_of_the_application_is_followed(start: Callable[..., Any], tmp_path: Path) -> None:
    """Also after a mistake, which leaves the file as it was."""
    (tmp_path / "app.py").write_text(APP)
    child = start("jararaca", "gen-tsi", "app:app", "app.ts", "--watch", "--with-query")
    child.until("app.ts and app.query.ts: 2 endpoints")

    (tmp_path / "app.py").write_text("import nothing")
    child.until("jararaca: importing app failed")
    before = (tmp_path / "app.ts").read_text()
    (tmp_path / "app.py").write_text(APP.replace("/raw", "/cooked"))
    child.until("app.ts and app.query.ts: 2 endpoints", times=2)

    assert '"/orders/raw"' in before
    assert '"/orders/cooked"' in (tmp_path / "app.ts").read_text()
    child.ask(signal.SIGTERM)
    assert child.end() == 0


@pytest.mark.processes
def test_a_watch_ends_without_a_word_by_ctrl_c(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    child = start("jararaca", "gen-tsi", "app:app", "app.ts", "--watch")
    child.until("left out: ")

    child.press_ctrl_c()

    assert child.end() == 0
    assert child.lines[-1] == "left out: GET /orders/hidden, whose include_in_schema is False"


@pytest.mark.processes
def test_a_folder_to_watch_has_to_be_there(start: Callable[..., Any]) -> None:
    child = start("jararaca", "gen-tsi", "app:app", "app.ts", "--watch", "--app-dir", "nowhere")

    assert child.end() == 2
    assert child.output == "jararaca: --app-dir nowhere is no directory. Name the one whose changes count."


@pytest.mark.processes
def test_variables_do_what_options_do(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/app.py").write_text(APP)
    here = {"JARARACA_APP_DIR": str(tmp_path / "inside"), "JARARACA_ROOT": str(tmp_path / "inside")}

    child = start("jararaca", "gen-tsi", "app:app", "app.ts", environment=here)

    assert child.end() == 2
    assert "app.ts is not below" in child.output
