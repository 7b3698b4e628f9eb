"""`jararaca gen-tsi --watch`: a child process for each change, because a module is imported only once."""

import os
import subprocess
import sys
from collections.abc import Sequence

from watchfiles import PythonFilter, watch

from jararaca.cli.exit_codes import CLEAN
from jararaca.cli.running import AskedToStop
from jararaca.errors import InvalidOption

HEARTBEAT = 300
"""Milliseconds after which the watch reports that nothing has changed."""


def run(arguments: Sequence[str], *, app_dir: str) -> int:
    """Run `jararaca gen-tsi` with these arguments, and again after every change below `app_dir`, until asked to stop.

    An application that cannot be loaded meanwhile leaves the files as they are, and says why.

    Raises:
        InvalidOption: there is no such directory.
    """
    if not os.path.isdir(app_dir):
        raise InvalidOption(f"--app-dir {app_dir} is no directory. Name the one whose changes count.")
    command = [sys.executable, "-m", "jararaca", "gen-tsi", f"--app-dir={app_dir}", *arguments]
    changes = watch(
        app_dir,
        watch_filter=PythonFilter(),
        debounce=200,
        rust_timeout=HEARTBEAT,
        yield_on_timeout=True,
        raise_interrupt=True,  # otherwise it says that there was one
    )
    is_first = True
    try:
        for changed in changes:  # the first heartbeat says that the watch has begun: no change after it is missed
            if changed or is_first:
                is_first = False
                # in a group of its own, so that Ctrl+C reaches nobody who would answer with a traceback
                subprocess.run(command, check=False, process_group=0)  # noqa: S603 -- this very command line
    except (AskedToStop, KeyboardInterrupt):
        pass
    return CLEAN
