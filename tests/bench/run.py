"""Measures every bench, round by round, and holds the figures against `bounds.toml`.

Each round runs every variant of a bench once, each in a process of its own, in shuffled order; a ratio (`to`) or a
difference (`less`) is taken within a round, and its median over the rounds is what counts. So a machine that slows down
meanwhile does not decide.

    python tests/bench/run.py [--rounds 5] [bench ...]
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VARIANTS = {
    "http": ("controller with unit of work", "plain FastAPI", "FastAPI with a yield dependency"),
    "di": ("container", "dishka"),
    "cron": ("scheduler", "bare floor", "in a test"),
    "publish": (
        "one unit of work",
        "aio-pika awaited",
        "one unit of work, transient",
        "aio-pika awaited, transient",
    ),
    "outbox": ("outbox", "outbox of others", "executemany and publish"),
    "consume": ("worker", "worker, bare acknowledgement", "aio-pika", "FastStream"),
    "socket": ("jararaca broker", "RabbitMQ"),
    "month": ("scheduler", "bare floor"),
    "test_message": ("harness", "TestRabbitBroker"),
    "test_http": ("harness", "TestClient"),
    "test_everything": ("harness", "peers joined"),
    "model": ("model", "bare deque"),
    "bindings": ("10,000 bindings", "10 bindings"),
    "typescript": ("client", "OpenAPI"),
    "plugin": ("with the plugin", "without it"),
}

Round = dict[str, dict[str, float]]


def measure(bench: str, variant: str) -> dict[str, float]:
    """One measurement in a fresh process."""
    command = [sys.executable, str(HERE / f"bench_{bench}.py"), variant]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"{bench}, {variant} failed:\n{ended.stdout}{ended.stderr}")
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def measure_rounds(bench: str, rounds: int) -> list[Round]:
    """Every variant once per round, in an order that differs from round to round."""
    measured = []
    for number in range(rounds):
        variants = list(VARIANTS[bench])
        random.shuffle(variants)
        measured.append({variant: measure(bench, variant) for variant in variants})
        print(f"{bench}: round {number + 1} of {rounds}", file=sys.stderr)
    return measured


def report(bench: str, measured: list[Round]) -> None:
    """The medians themselves, for people."""
    for variant in VARIANTS[bench]:
        figures = measured[0][variant]
        medians = {name: statistics.median(each[variant][name] for each in measured) for name in figures}
        shown = ", ".join(f"{name} {value:,.1f}" for name, value in medians.items())
        print(f"{bench:15} {variant:32} {shown}")


def broken(bound: dict[str, Any], measured: list[Round]) -> bool:
    """Print one figure with its bound; True if it is outside."""
    figure, of = bound["figure"], bound["of"]
    values = sorted(_value(bound, each) for each in measured)
    median = statistics.median(values)
    outside: bool = median > bound.get("at_most", float("inf")) or median < bound.get("at_least", 0.0)
    limit = f"at most {bound['at_most']}" if "at_most" in bound else f"at least {bound['at_least']}"
    compared = f" to {bound['to']}" if "to" in bound else f" less {bound['less']}" if "less" in bound else ""
    verdict = "OUTSIDE" if outside else "ok"
    print(f"{verdict:8} {figure} of {of}{compared}: {median:,.3f} ({values[0]:,.3f} to {values[-1]:,.3f}), {limit}")
    return outside


def _value(bound: dict[str, Any], measured: Round) -> float:
    """What a bound is about, in one round: a ratio, a difference, or the figure itself."""
    figure = bound["figure"]
    value = measured[bound["of"]][figure]
    if "to" in bound:
        return value / measured[bound["to"]][figure]
    return value - measured[bound["less"]][figure] if "less" in bound else value


def main() -> int:
    """Run the benches named on the command line, or all; 1 if any ratio is outside its bound."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("benches", nargs="*", choices=[*VARIANTS, []], help="which; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    bounds = tomllib.loads((HERE / "bounds.toml").read_text())["bound"]
    failed = False
    for bench in arguments.benches or VARIANTS:
        measured = measure_rounds(bench, arguments.rounds)
        report(bench, measured)
        outside = [broken(bound, measured) for bound in bounds if bound["bench"] == bench]
        failed = failed or any(outside)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
