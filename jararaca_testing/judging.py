"""The end of one test: it settles, its gates are asked, and what they find fails it, or is noted on its own failure.

What is left on the broker is looked at when the body has passed and the application still runs; what is left in the
process when every fixture is gone. A test that failed by itself is not drowned: it gets a note.
"""

import asyncio
import sys
from collections.abc import Collection
from typing import Any

import pytest

from jararaca_testing.gates.findings import Finding, note, report
from jararaca_testing.gates.names import LOOP_STALL
from jararaca_testing.gates.stalls import STALL_WATCH, Watched, warm_up
from jararaca_testing.gates.tasks import open_sockets, pending_tasks
from jararaca_testing.harness import RunningApplication
from jararaca_testing.run import Run

FEW_TURNS = 3
END = "the end of the test"


class Judge:
    """Asks the gates of one test. `gates` are those that it is not let through, `application` runs or is None."""

    def __init__(self, run: Run, gates: Collection[str], application: RunningApplication | None) -> None:
        self._run = run
        self._gates = frozenset(gates)
        self._application = application
        self._watched: Watched | None = None
        if LOOP_STALL in gates:
            warm_up(len(sys.modules))
            loop: Any = run.loop
            self._watched = Watched(loop.pulse)
            STALL_WATCH.begin(self._watched)
        self._findings: list[Finding] | None = None
        self._stalls: list[Finding] = []
        self._has_passed = False

    async def settle(self) -> None:
        """The body has passed: let the application come to rest, and ask what is left. On the loop of the test."""
        if self._application is not None:
            self._findings = await self._application.findings_at_rest(self._gates)

    def body_passed(self) -> None:
        """Fail for what was found.

        Raises:
            HandlerFailed: a handler raised what the test did not expect; findings are noted on it.
            pytest.fail.Exception: a gate found something.
        """
        findings, application = [*(self._findings or ()), *self._stalls], self._application
        if application is not None and self._findings is None:  # the test is a plain function
            findings += self._run(application.findings_at_rest(self._gates), name=END)
        try:
            if application is not None:
                application.raise_unexpected()
        except AssertionError as error:
            self._note(error, findings)
            raise
        self._fail(findings)
        self._has_passed = True

    def body_failed(self, error: BaseException) -> None:
        """The body failed by itself: note on it what handlers raised, and what is left so far."""
        self.body_ended()
        findings = [*self._stalls]
        if self._application is not None:
            self._application.add_unexpected(error)
            findings += self._standing(self._application.gates.so_far())
        self._note(error, findings)

    def everything_ended(self) -> str | None:
        """Every fixture is gone, and the loop is not closed yet: what is left in the process, as a report.

        None if nothing is, or if the test has not passed anyway.
        """
        loop = self._run.loop
        pending = list(pending_tasks(loop))
        if pending:
            self._run(_few_turns(), name=END)
            pending = list(pending_tasks(loop))
        left = self._application.left_open if self._application is not None else []
        findings = self._standing([*pending, *left, *open_sockets(loop)])
        return report(findings) if findings and self._has_passed else None

    def body_ended(self) -> None:
        """However the body ended, the loop is watched no longer. A second time has no effect."""
        watched, self._watched = self._watched, None
        if watched is not None:
            STALL_WATCH.end(watched)
            self._stalls = watched.findings()

    def _standing(self, findings: list[Finding]) -> list[Finding]:
        return [finding for finding in findings if finding.gate in self._gates]

    def _fail(self, findings: list[Finding]) -> None:
        if findings:
            pytest.fail(report(findings), pytrace=False)

    def _note(self, error: BaseException, findings: list[Finding]) -> None:
        if findings:
            error.add_note(note(findings))


async def _few_turns() -> None:
    """Let tasks end that somebody has told to."""
    for _turn in range(FEW_TURNS):
        await asyncio.sleep(0)  # noqa: TID251 # no time passes
