"""Writes down what a run proved, of every test and every worker of pytest-xdist, for a table to be made of it.

Registered only in runs that ask for it, so that others do not pay.
"""

import json
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jararaca_testing.contracts.proofs import RUNS_ON, Implementation, Verdict, shown_by

PROPERTY = "jararaca_proof"
"""Under this name a report takes what its test shows from a worker to the process that leads the run."""


class Proof(NamedTuple):
    """One test that shows one behaviour of one implementation; `passed` says whether it did."""

    id: str
    verdict: Verdict
    implementation: Implementation
    path: str
    test: str
    passed: bool


class Recording:
    """Gathers for one session, and writes `file` at its end."""

    def __init__(self, config: pytest.Config, file: str) -> None:
        self._config = config
        self._path = Path(config.invocation_params.dir, file)
        self._proofs: set[Proof] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the report say what the test shows, and of what. A test that did not get to run shows nothing."""
        report = yield
        on = item.stash.get(RUNS_ON, None)
        if on is not None and report.when == "call" and not report.skipped:
            report.user_properties.append((PROPERTY, json.dumps([on, shown_by(item)])))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each report passes here once in the process that leads the run."""
        for name, value in report.user_properties:
            if name == PROPERTY and report.when == "call":
                self._proofs.update(_read(report, str(value)))

    def pytest_sessionfinish(self) -> None:
        """Write what is known; what runs as a worker has sent it away."""
        if not hasattr(self._config, "workerinput"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(written(self._proofs), encoding="utf-8")


def _read(report: pytest.TestReport, value: str) -> list[Proof]:
    on, shown = json.loads(value)
    path, _line, dotted = report.location
    file, *names = report.nodeid.split("::")
    if len(names) == 1:  # a function is where its module is, whatever it is wrapped in; a class may inherit its tests
        path = file
    test = dotted.partition("[")[0].rpartition(".")[2]
    return [
        Proof(given, verdict, Implementation(*on), path, test, report.passed)
        for verdict, ids in shown.items()
        for given in ids
    ]


def written(proofs: Iterable[Proof]) -> str:
    """Proofs as JSON, one to a line, in an order that no run changes."""
    rows = [json.dumps(proof, ensure_ascii=False) for proof in sorted(proofs)]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def read(text: str) -> set[Proof]:
    """What `written` wrote."""
    rows: list[list[Any]] = json.loads(text)
    return {Proof(given, verdict, Implementation(*on), *rest) for given, verdict, on, *rest in rows}
