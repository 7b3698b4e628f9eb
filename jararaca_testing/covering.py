"""Coverage of behaviour as pytest sees it: gathered from every test and every xdist worker, shown, and demanded.

Registered only in runs that ask for it, so that others do not pay.
"""

import functools
from pathlib import Path
from typing import Any

import pytest

from jararaca_testing.behaviour import Behaviours
from jararaca_testing.behaviour_table import table, totals
from jararaca_testing.fixtures import WATCHES
from jararaca_testing.options import option

SENT = "jararaca_coverage"
"""Where a worker of xdist leaves what it has seen."""


class Covering:
    """Gathers for one session. `behaviours` is what it knows so far."""

    def __init__(self, config: pytest.Config) -> None:
        self.behaviours = Behaviours()
        self._config = config
        self._lost_workers = 0
        self._limit = float(option(config, "jararaca_coverage_fail_under") or 0)
        self._file = option(config, "jararaca_coverage_json")
        config.stash[WATCHES] = (self._watch,)

    def _watch(self, application: Any) -> Any:
        from jararaca_testing.watching import watch

        return watch(self.behaviours, application)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of xdist has seen; one that crashed took it along."""
        sent = getattr(node, "workeroutput", {}).get(SENT)
        if sent is None:
            self._lost_workers += 1
        else:
            self.behaviours.merge(sent)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over what was seen, or write it down and judge it."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[SENT] = self.behaviours.rows()
            return
        if self._file:
            path = Path(self._config.invocation_params.dir, self._file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.behaviours.report(), encoding="utf-8")
        if self._is_too_little and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @functools.cached_property
    def _is_too_little(self) -> bool:
        if self._config.option.collectonly:
            return False
        covered, applicable = self.behaviours.share()
        return self._limit > 0 and (applicable == 0 or covered * 100 < self._limit * applicable)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show all of it; with -q the totals."""
        if terminalreporter.verbosity < 0:
            lines = [f"jararaca: {line}" for line in totals(self.behaviours)]
        else:
            terminalreporter.section("coverage of behaviour")
            lines = table(self.behaviours) or ["no application was under test"]
        for line in lines:
            terminalreporter.line(line)
        if self._lost_workers:
            workers = "a worker" if self._lost_workers == 1 else f"{self._lost_workers} workers"
            terminalreporter.line(f"jararaca: {workers} ended without saying what was covered")
        if self._is_too_little:
            share = self.behaviours.share()
            found = f"is {share}" if share.applicable else "has nothing to measure, as no application was under test"
            complaint = f"jararaca: coverage of behaviour {found}; at least {self._limit:g}% are asked for"
            terminalreporter.line(complaint, red=True, bold=True)
