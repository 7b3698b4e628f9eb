"""Runs tests many times, each time in another order and under other seeds, until one of the runs fails.

One number decides about a run: it is the seed of the harness, of the order, of generated examples, and of the hashes of
strings. So the number of a run that failed repeats it. Every run is one process that knows nothing of the others: in
workers that share tests as they get through with them, the order would depend on the machine.

    python tests/flake/run.py [--runs 5] [--seed N] [--jobs 2] [-- argument of pytest ...]
"""

import argparse
import os
import random
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

SEEDS = 2**32


def command(arguments: Sequence[str], seed: int) -> list[str]:
    """What a run executes; the hash seed has to be in its environment besides."""
    options = [f"--{name}-seed={seed}" for name in ("jararaca", "randomly", "hypothesis")]
    return ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *arguments]


def run(arguments: Sequence[str], seed: int) -> subprocess.CompletedProcess[str]:
    """One run to its end, with everything that it printed in `stdout`."""
    return subprocess.run(
        [sys.executable, *command(arguments, seed)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def failures(arguments: Sequence[str], seeds: Sequence[int], jobs: int) -> Iterator[tuple[int, str]]:
    """Seed and output of the run that fails first, and of those that were under way by then and fail too."""
    has_failed = threading.Event()

    def attempt(number: int, seed: int) -> str | None:
        if has_failed.is_set():
            return None
        ended = run(arguments, seed)
        if ended.returncode != 0:
            has_failed.set()
        print(f"run {number} of {len(seeds)}: seed {seed} {'FAILED' if ended.returncode else 'passed'}", flush=True)
        return ended.stdout if ended.returncode else None

    with ThreadPoolExecutor(jobs) as pool:
        for seed, output in zip(seeds, pool.map(attempt, range(1, len(seeds) + 1), seeds), strict=True):
            if output is not None:
                yield seed, output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="how many runs have to pass [5]")
    parser.add_argument("--seed", type=int, help="the number of the first run; each later one has the next number")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time [one for each core]")
    parser.add_argument("arguments", nargs="*", metavar="argument", help="of pytest, behind --")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(SEEDS) if options.seed is None else options.seed
    seeds = [(first + number) % SEEDS for number in range(options.runs)]
    found = list(failures(options.arguments, seeds, options.jobs))
    for seed, output in found:
        repeat = shlex.join(["python", *command(options.arguments, seed)])
        print(f"\n{output}\nThe run with seed {seed} failed. This repeats it:\n\n    PYTHONHASHSEED={seed} {repeat}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
