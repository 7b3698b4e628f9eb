"""What a person waits for who only asks for help."""

import os
import resource
import statistics
import subprocess
import sys

AT_MOST = 2.5
ROUNDS = 7


def cpu_seconds(*command: str) -> float:
    """What a process and the system on its behalf have computed; waiting for a busy machine does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    subprocess.run([sys.executable, *command], env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_costs_little_more_than_what_prints_it() -> None:
    """Measured in pairs, so that whatever slows the machine slows both."""
    ratios = [cpu_seconds("-m", "jararaca", "--help") / cpu_seconds("-c", "import typer") for _round in range(ROUNDS)]

    assert statistics.median(ratios) <= AT_MOST
