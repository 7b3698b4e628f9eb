"""An event loop in real time, for tests on real servers: a test that hangs fails, and shows who waits for what."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from jararaca_testing.dump import dump
from jararaca_testing.errors import PatienceSpent
from jararaca_testing.pulse import PulsingSelector
from jararaca_testing.sockets import NotingLoop
from jararaca_testing.tasks import OrderedTasks, noticed

T = TypeVar("T")

UNWINDING = 5.0


class RealTimeLoop(NotingLoop):
    """The loop of one test on real servers.

    Args:
        patience: real seconds that one await of the test may take.
    """

    def __init__(self, *, patience: float) -> None:
        selector = PulsingSelector()
        super().__init__(selector)
        self.pulse = selector.pulse
        self.patience = patience
        self.set_task_factory(OrderedTasks())  # type: ignore[arg-type] # the stub knows of no options
        self.failure: AssertionError | None = None
        self._main: asyncio.Task[Any] | None = None
        self._alarm: asyncio.TimerHandle | None = None

    async def attend(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> T:
        """Run the test itself (or a fixture of it): it is what fails if it awaits something for too long."""
        self._main = main = asyncio.current_task(self)
        if main is not None:
            main.set_name(name)
        try:
            return await noticed(coroutine, self._went_on)
        finally:
            self._main = None
            self._disarm()

    def _went_on(self) -> None:
        self._disarm()
        self._alarm = self.call_later(self.patience if self.failure is None else UNWINDING, self._hangs)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()

    def _hangs(self) -> None:
        if self.failure is not None:  # it does not even unwind
            self.stop()
            return
        headline = (
            f"The test has waited for {self.patience:g} real seconds. If that is what it takes, allow more with the "
            "setting jararaca_patience."
        )
        self.fail(PatienceSpent(dump(self, headline, test=self._main)))

    def fail(self, failure: AssertionError) -> bool:
        """Let the test fail with `failure` at what it awaits. False if it fails already, or does not run."""
        if self._main is None or self.failure is not None:
            return False
        self.failure = failure
        self._went_on()
        self._main.cancel()
        return True

    def give_up(self) -> None:
        """Run no longer than it takes to cancel what is left."""
        self.call_later(UNWINDING, self.stop)
