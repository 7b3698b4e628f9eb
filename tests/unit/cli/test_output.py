"""What a person reads: whole lines at any width, and events with their values."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import TypeAdapter, ValidationError

from jararaca.cli.output import EventFormatter, configure_logging, counted, say, show


@contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """The root logger as a new process has it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("aiormq", "aio_pika")}
    root.handlers[:] = []
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, was in others.items():
            logging.getLogger(name).setLevel(was)


def test_a_line_is_not_broken_by_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    say("serving on http://[::1]:8000 for everybody who asks")

    assert capsys.readouterr().out == "serving on http://[::1]:8000 for everybody who asks\n"


def test_rows_stand_in_two_columns_below_their_title(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    show("shop is running", [("server", "http://127.0.0.1:8000/somewhere"), ("API", "[bold]docs[/]")])

    assert capsys.readouterr().out == (
        "shop is running\n  server  http://127.0.0.1:8000/somewhere\n  API     [bold]docs[/]\n"
    )


def test_a_title_may_stand_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show("nothing here", [])

    assert capsys.readouterr().out == "nothing here\n"


@pytest.mark.parametrize(("number", "words"), [(0, "0 endpoints"), (1, "1 endpoint"), (2, "2 endpoints")])
def test_things_are_counted_in_english(number: int, words: str) -> None:
    assert counted(number, "endpoint") == words


def test_an_event_shows_the_values_that_came_with_it() -> None:
    record = logging.makeLogRecord({"msg": "connected", "attempt": 2, "pause": 0.123456, "nothing": None})

    assert EventFormatter("%(message)s").format(record) == "connected (attempt=2 pause=0.1235)"


def test_values_stand_before_a_traceback() -> None:
    record = logging.makeLogRecord({"msg": "failed", "task": "t", "exc_text": "Traceback"})

    assert EventFormatter("%(message)s").format(record) == "failed (task=t)\nTraceback"


def test_events_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with bare_root():
        configure_logging()
        logging.getLogger("jararaca.cli").info("hello", extra={"name_of": "it"})

    assert capsys.readouterr().err.endswith("INFO jararaca.cli: hello (name_of=it)\n")


def test_work_that_was_cancelled_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with bare_root():
        configure_logging()
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=asyncio.CancelledError())

    assert capsys.readouterr().err == ""


def test_logging_that_the_application_has_set_up_stays() -> None:
    mine = logging.NullHandler()
    with bare_root() as root:
        root.addHandler(mine)
        configure_logging()
        found = root.handlers[:]

    assert found == [mine]


def test_a_traceback_does_not_quote_what_was_validated() -> None:
    record = logging.makeLogRecord({"msg": "a request failed", "levelname": "ERROR", "name": "uvicorn.error"})
    secret = "-".join(["hunter", "2"])
    try:
        TypeAdapter(int).validate_python(secret)
    except ValidationError as error:
        record.exc_info = (type(error), error, error.__traceback__)

    shown = EventFormatter("%(message)s").format(record)

    assert "ValidationError" in shown
    assert "test_output.py" in shown
    assert secret not in shown
