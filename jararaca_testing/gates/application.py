"""The gates of one application: what watches it while it runs, and what is found at the end of a test."""

from collections.abc import Iterable, Sequence

from jararaca.core.application import Application
from jararaca.core.steps import Step
from jararaca.errors import BrokerError, ServerUnavailable
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.gates.findings import Finding
from jararaca_testing.gates.leftovers import Expected, Leftovers, dead_letters_of
from jararaca_testing.gates.order import WATCHED, Order
from jararaca_testing.gates.secrets import FACTS, Logs, canaries_of, declared_in
from jararaca_testing.ledger import Ledger
from jararaca_testing.origins import caller


class ApplicationGates:
    """Watches one application through its ledger; `logs` are to be told what is logged while it runs."""

    def __init__(self, application: Application, ledger: Ledger, handlers: Sequence[HandlerSpec]) -> None:
        self._application = application
        self._handlers = tuple(handlers)
        self._order = Order(handlers)
        self._leftovers = Leftovers(ledger, handlers)
        self._canaries: dict[str, str] = {}
        self.logs = Logs()
        self._listeners = dict.fromkeys(WATCHED, self._order.on_step) | dict.fromkeys(FACTS, self.logs.on_step)
        ledger.on_step.append(self._on_step)
        ledger.on_record.append(self._leftovers.on_record)
        application.environment.steps.locate = caller

    def _on_step(self, step: Step) -> None:
        listen = self._listeners.get(step.kind)
        if listen is not None:  # most steps of a long test, its ticks, are of no interest
            listen(step)

    def expect_leftover(self, expectation: Expected) -> None:
        """The test means to leave this."""
        self._leftovers.expect(expectation)

    async def findings(self, connection: BusConnection | None, *, at_rest: bool) -> list[Finding]:
        """What is left, what came in the wrong order, and what was logged, while the application still runs.

        What is ready in the queues of handlers is left only `at_rest`; before, they will take it.
        """
        ready = {} if connection is None else await self._ready(connection, at_rest=at_rest)
        return self._found(ready)

    def so_far(self) -> list[Finding]:
        """The same without asking the broker."""
        return self._found({})

    def told(self) -> list[Finding]:
        """The secrets that were logged since this or another question was last asked, of those known then."""
        return self.logs.findings(self._canaries)

    def _found(self, ready: dict[str, int]) -> list[Finding]:
        self._canaries |= canaries_of(self._secretive())
        return [*self._leftovers.findings(ready), *self._order.findings, *self.told()]

    def _secretive(self) -> Iterable[object]:
        environment = self._application.environment
        yield from (each for each in environment.container.built() if each is not environment)
        for interceptor in self._application.interceptors:
            yield from declared_in(interceptor)

    async def _ready(self, connection: BusConnection, *, at_rest: bool) -> dict[str, int]:
        names = {dead_letters_of(handler.name): connection.dlq_of(handler) for handler in self._handlers}
        if at_rest:
            names |= {handler.name: connection.queue_of(handler) for handler in self._handlers}
        counts = {name: await _count(connection, queue) for name, queue in names.items()}
        return {name: count for name, count in counts.items() if count is not None}


async def _count(connection: BusConnection, queue: str) -> int | None:
    try:
        return (await connection.broker.inspect_queue(queue)).ready
    except (BrokerError, ServerUnavailable):  # it was deleted, or the broker is away
        return None
