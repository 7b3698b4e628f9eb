"""`jararaca dev --reload`: a child process, ended and started again when a file of the application changes."""

import os
import subprocess
import sys
from collections.abc import Iterable

from watchfiles import PythonFilter, watch

from jararaca.cli.exit_codes import CLEAN
from jararaca.cli.output import say
from jararaca.cli.running import AskedToStop
from jararaca.errors import InvalidOption

WATCHED = (".html", ".toml", ".env")
"""What counts as the application besides its Python files."""

PATIENCE = 5.0
"""Seconds that running work of the child has to finish."""


def run(target: str, *, app_dir: str, host: str, port: int) -> int:
    """Run `jararaca dev` anew after every change below `app_dir`, until asked to stop.

    A child that ends by itself, because of a mistake in a file for example, is started again after the next change.

    Raises:
        InvalidOption: there is no such directory.
    """
    if not os.path.isdir(app_dir):
        raise InvalidOption(f"--app-dir {app_dir} is no directory. Name the one whose changes count.")
    # --no-reload because the child inherits JARARACA_RELOAD
    options = [f"--app-dir={app_dir}", f"--host={host}", f"--port={port}", "--no-reload"]
    command = [sys.executable, "-m", "jararaca", "dev", *options, "--", target]
    changes = watch(app_dir, watch_filter=PythonFilter(extra_extensions=WATCHED), debounce=200, raise_interrupt=False)
    child = subprocess.Popen(command)  # noqa: S603 -- this very command line
    try:
        for changed in changes:
            say(f"{_names(changed, app_dir)} changed: starting again")
            _end(child)
            child = subprocess.Popen(command)  # noqa: S603 -- as above
    except AskedToStop:
        pass
    finally:
        _end(child, was_asked=_have_the_keyboard())
    return CLEAN


def _names(changed: Iterable[tuple[object, str]], app_dir: str) -> str:
    names = sorted({os.path.relpath(path, app_dir) for _, path in changed})
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} other files"


def _have_the_keyboard() -> bool:
    """Whether Ctrl+C reaches the child as well, which is in the same group of processes."""
    return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _end(child: "subprocess.Popen[bytes]", *, was_asked: bool = False) -> None:
    """Ask the child to stop, and ask again, which cancels its work, if it has not after a while."""
    if not was_asked:
        child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.terminate()
        child.wait()
