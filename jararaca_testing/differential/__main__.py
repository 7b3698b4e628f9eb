"""`python -m jararaca_testing.differential`: compare the in-memory broker with a RabbitMQ for as long as it is told.

Prints each seed with its counts. Ends with 1 at the first divergence, which it prints as a test.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from jararaca_testing.differential.comparison import Comparison
from jararaca_testing.differential.machine import Findings, search
from jararaca_testing.differential.management import Management
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.server import AmqpServer
from jararaca_testing.rabbitmq_node import RabbitMQNode, installed_program

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the minutes or the operations are spent, seed after seed. 0: the two never differed."""
    asked = _parser().parse_args(arguments)
    if asked.url is not None or installed_program() is None:
        _say("Bindings are tried at the end of each example only: a server of others does not tell them.")
        return _compared(asked, asked.url or DEFAULT_URL, None)
    with TemporaryDirectory() as folder, RabbitMQNode(Path(folder), plugins=["rabbitmq_management"]) as node:
        node.until_managed()
        assert node.management_url is not None
        with Management(node.management_url) as management:
            return _compared(asked, node.url, management)


def _compared(asked: argparse.Namespace, url: str, management: Management | None) -> int:
    model, server = MemoryModel(), AmqpServer(url, management)
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
            _say(f"\nSeen, but not every time: {race}")
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
    parser.add_argument(
        "--url", help=f"of a RabbitMQ that runs; unless given, one is started, or if none is installed {DEFAULT_URL}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
