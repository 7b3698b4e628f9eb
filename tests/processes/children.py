"""Processes as tests see them: what they print, line by line, and how they end."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

PATIENCE = 60.0  # seconds for a line or an end, on a machine that is busy with other tests


class Child:
    """A process whose output, both streams in one, is read as it comes; its input is a terminal that nobody sees."""

    def __init__(self, command: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._keyboard, terminal = os.openpty()
        self._process = subprocess.Popen(
            # whoever started this may ignore interrupts, and a child would inherit that
            ("env", "--default-signal=INT", "setsid", "--ctty", *command),
            cwd=folder,
            env=environment,
            text=True,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.close(terminal)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def until(self, text: str, *, times: int = 1) -> str:
        """The line that holds `text`, or the so-manieth of them, once it was printed."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self._news:
            self._news.wait_for(lambda: len(found()) >= times or not self._reader.is_alive(), PATIENCE)
            assert len(found()) >= times, f"{text!r} was not printed {times} times, but:\n{self.output}"
            return found()[times - 1]

    def ask(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def press_ctrl_c(self) -> None:
        """What reaches every process in the foreground of the terminal."""
        os.write(self._keyboard, b"\x03")

    def end(self) -> int:
        """The exit code, once the process has ended and all that it printed was read."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def discard(self) -> None:
        """Kill it with all that it started, unless they ended before."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._keyboard)


def clean_environment(over: Mapping[str, str]) -> dict[str, str]:
    """This environment without what would reach into the application under test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JARARACA_", "TASKS_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", "NO_COLOR": "1", **over}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """`start("jararaca", "dev", "app:app")` runs a module of this Python in the test's folder; killed after the test.

    Keywords: `folder` to run in, `environment` to add.
    """
    children: list[Child] = []

    def begin(*words: str, folder: Path = tmp_path, environment: Mapping[str, str] | None = None) -> Child:
        child = Child((sys.executable, "-m", *words), folder, clean_environment(environment or {}))
        children.append(child)
        return child

    yield begin
    for child in children:
        child.discard()
