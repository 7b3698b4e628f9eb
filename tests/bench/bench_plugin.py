"""What the plugin adds to a run of pytest that does not use it: the whole process, from its start to its end."""

import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Stopwatch, chosen

STARTS = 8
OFF = ("randomly", "cacheprovider", "xdist", "cov", "asyncio", "timeout", "time_machine", "anyio", "hypothesispytest")


def start(*arguments: str) -> None:
    """Start pytest a few times on one empty test."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing(): pass\n")
        options = [f"-pno:{name}" for name in OFF]
        command = [sys.executable, "-m", "pytest", "-q", "--rootdir", folder, "-c", "/dev/null", *options, *arguments]
        subprocess.run([*command, folder], check=True, stdout=subprocess.DEVNULL)
        watch = Stopwatch(children=True)
        for _ in range(STARTS):
            subprocess.run([*command, folder], check=True, stdout=subprocess.DEVNULL)
        watch.print(STARTS)


if __name__ == "__main__":
    chosen({"with the plugin": start, "without it": lambda: start("-pno:jararaca")})()
