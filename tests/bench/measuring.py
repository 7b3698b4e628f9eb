"""What the benches share: CPU and wall time around a piece of work, printed as one line of JSON."""

import json
import resource
import sys
import time
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """CPU seconds of this process, or of the `children` it waited for, wall seconds, and memory, since it was made."""

    def __init__(self, *, children: bool = False) -> None:
        self._who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
        self._cpu, self._memory = self._used()
        self._wall = time.perf_counter()

    def _used(self) -> tuple[float, float]:
        """Seconds of CPU, and megabytes of memory at their highest."""
        usage = resource.getrusage(self._who)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def figures(self, units: int) -> dict[str, float]:
        """Microseconds of CPU per unit of work, units per second, and by how much the memory has grown."""
        wall = time.perf_counter() - self._wall
        cpu, memory = self._used()
        return {
            "cpu_us": (cpu - self._cpu) / units * 1e6,
            "rate": units / wall,
            "growth_mb": memory - self._memory,
        }

    def print(self, units: int) -> None:
        """Print the figures so far, for who started this process."""
        print(json.dumps(self.figures(units)))


def chosen(variants: dict[str, T]) -> T:
    """The variant named on the command line."""
    return variants[sys.argv[1]]
