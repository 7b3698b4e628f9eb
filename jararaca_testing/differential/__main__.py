"""`python -m jararaca_testing.differential`: compare the in-memory broker with a RabbitMQ for as long as it is told.

Prints each seed with its counts. Ends with 1 at the first divergence, which it prints as a test.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from jararaca_testing.differential.comparison import Comparison
from jararaca_testing.differential.machine import Findings, search
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.server import AmqpServer
from jararaca_testing.servers import AMQP_URL

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the minutes or the operations are spent, seed after seed. 0: the two never differed."""
    asked = _parser().parse_args(arguments)
    model, server = MemoryModel(), AmqpServer(asked.url)
    try:
        return _run(Comparison(model, server), asked)
    finally:
        server.close()
        model.close()


def _run(comparison: Comparison, asked: argparse.Namespace) -> int:
    began = time.monotonic()

    def enough() -> bool:
        minutes = (time.monotonic() - began) / 60
        return bool(minutes >= asked.minutes or 0 < asked.operations <= comparison.steps)

    seed, given_up, races = asked.seed, 0, 0
    while not enough():
        findings = search(comparison, seed, enough=enough)
        given_up += findings.inconclusive
        races += len(findings.unconfirmed)
        _say(_line(findings))
        for race in findings.unconfirmed:
            _say(f"\nSeen once, and not again: {race}")
        if findings.divergence is not None:
            _say(f"\nSeed {seed}: {findings.divergence}")
            return 1
        seed += 1
    seconds = time.monotonic() - began
    _say(
        f"{comparison.steps:,} operations under the seeds {asked.seed} to {seed - 1} in {seconds:.0f} s without "
        f"divergence; {given_up} examples given up, {races} races within the server."
    )
    return 0


def _line(findings: Findings) -> str:
    return f"seed {findings.seed}: {findings.operations:,} operations, {findings.inconclusive} examples given up"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jararaca_testing.differential", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long to search (default: %(default)s)")
    parser.add_argument("--operations", type=int, default=0, help="stop after so many operations; 0: never")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; the next ones follow")
    parser.add_argument("--url", default=os.environ.get(AMQP_URL, DEFAULT_URL), help=f"default: ${AMQP_URL}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
