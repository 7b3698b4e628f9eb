"""Metrics for Prometheus, counted from the stream of steps."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server

from jararaca.adapters.prometheus.instruments import Instruments, instruments_of
from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.microservice import Microservice
from jararaca.core.steps import Kind, Step
from jararaca.errors import InvalidOption
from jararaca.ports.clock import Clock

logger = logging.getLogger("jararaca.adapters")


class PrometheusInterceptor:
    """Counts what the application does, as long as it runs.

    Args:
        port: of an HTTP server that shows the metrics of this process; None for none, because something else shows
            them, such as `prometheus_client.make_asgi_app()` mounted in a server.
        host: the address that it listens on.
        registry: where the metrics are registered; the library's own unless given.
    """

    def __init__(
        self, *, port: int | None = None, host: str = "127.0.0.1", registry: CollectorRegistry = REGISTRY
    ) -> None:
        if port is not None and not 0 <= port <= 65_535:
            raise InvalidOption(f"PrometheusInterceptor(port={port}) cannot work. Use 0 to 65535; 0 takes a free one.")
        self._port = port
        self._host = host
        self._registry = registry

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        """Count from here to the end.

        Raises:
            OSError: the port is taken.
        """
        environment = container.get_by_type(Environment)
        instruments = instruments_of(self._registry)
        observer = MetricsObserver(instruments, app.name, environment.clock)
        stop_showing = None if self._port is None else self._show(self._port)
        stop_counting = environment.steps.add(observer)
        stop_asking = instruments.answers.ask(app.name, environment)
        try:
            yield
        finally:
            stop_asking()
            stop_counting()
            if stop_showing is not None:
                await asyncio.to_thread(stop_showing)  # which takes as long as its server looks up from its socket

    def _show(self, port: int) -> Callable[[], None]:
        server, thread = start_http_server(port, self._host, self._registry)

        logger.info("metrics are shown", extra={"url": f"http://{self._host}:{server.server_port}/metrics"})

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop


class MetricsObserver:
    """Turns each step into counts. It never waits and never raises: what it is told, it only reads."""

    def __init__(self, instruments: Instruments, app: str, clock: Clock) -> None:
        self._count = instruments
        self._app = app
        self._clock = clock
        self._begun: dict[tuple[Kind, str | None], float] = {}
        self._before: dict[Kind, Callable[[Step], None]] = {
            Kind.REQUEST: self._begin,
            Kind.ATTEMPT: self._begin,
            Kind.CONNECTION: self._opened,
            Kind.TICK: self._tick_begins,
        }
        self._after: dict[Kind, Callable[[Step], None]] = {
            Kind.REQUEST: self._request,
            Kind.CONNECTION: self._connection,
            Kind.FRAME: self._frame,
            Kind.DELIVERY: self._delivery,
            Kind.ATTEMPT: self._attempt,
            Kind.SETTLE: self._settlement,
            Kind.CONFIRM: self._publish,
            Kind.OUTBOX: self._outbox,
            Kind.COMMIT: self._commit,
            Kind.ROLLBACK: self._rollback,
            Kind.TICK: self._tick,
        }

    def observe(self, step: Step) -> None:
        count = (self._before if step.phase == "before" else self._after).get(step.kind)
        if count is not None:
            count(step)

    def _begin(self, step: Step) -> None:
        self._begun[step.kind, step.execution] = self._clock.monotonic()

    def _taken(self, step: Step) -> float | None:
        begun = self._begun.pop((step.kind, step.execution), None)
        return None if begun is None else self._clock.monotonic() - begun

    def _outbox(self, step: Step) -> None:
        labels = (self._app, step.facts["connection"])
        if step.facts["outcome"] != "stock":
            self._count.outbox.labels(*labels, step.facts["outcome"]).inc()
            return
        self._count.outbox_waiting.labels(*labels).set(step.facts["waiting"])
        self._count.outbox_parked.labels(*labels).set(step.facts["parked"])
        self._count.outbox_oldest_seconds.labels(*labels).set(step.facts["oldest_seconds"])

    def _request(self, step: Step) -> None:
        route = step.facts["route"]
        self._count.requests.labels(self._app, route, str(step.facts["status"])).inc()
        if (taken := self._taken(step)) is not None:
            self._count.request_seconds.labels(self._app, route).observe(taken)

    def _opened(self, step: Step) -> None:
        if "route" in step.facts:
            self._count.connections.labels(self._app, step.facts["route"]).inc()

    def _connection(self, step: Step) -> None:
        if "route" in step.facts:  # the broker's connections are dependencies: see `Answers`
            self._count.connections.labels(self._app, step.facts["route"]).dec()

    def _frame(self, step: Step) -> None:
        self._count.frames.labels(self._app, step.facts["outcome"]).inc()

    def _delivery(self, step: Step) -> None:
        redelivered = "yes" if step.facts["redelivered"] else "no"
        self._count.deliveries.labels(self._app, step.facts["handler"], redelivered).inc()

    def _attempt(self, step: Step) -> None:
        handler = step.facts["handler"]
        self._count.attempts.labels(self._app, handler, _word(step.facts["outcome"])).inc()
        if (taken := self._taken(step)) is not None:
            self._count.attempt_seconds.labels(self._app, handler).observe(taken)

    def _settlement(self, step: Step) -> None:
        facts = step.facts
        if facts["reason"] == "early":  # a step of one wait, and no end of anything
            return
        self._count.settlements.labels(self._app, facts["handler"], facts["verb"]).inc()
        if facts["stale"]:
            self._count.stale_settlements.labels(self._app, facts["handler"]).inc()
        elif facts["verb"] == "dead-letter":
            self._count.dead_letters.labels(self._app, facts["handler"], facts["reason"]).inc()

    def _publish(self, step: Step) -> None:
        self._count.publishes.labels(self._app, step.facts["connection"], step.facts["outcome"]).inc()

    def _commit(self, _step: Step) -> None:
        self._count.transactions.labels(self._app, "committed").inc()

    def _rollback(self, _step: Step) -> None:
        self._count.transactions.labels(self._app, "rolled-back").inc()

    def _tick_begins(self, step: Step) -> None:
        lag = (self._clock.now() - step.subject.scheduled_at).total_seconds()
        self._count.tick_lag_seconds.labels(self._app, step.facts["action"]).observe(max(lag, 0.0))

    def _tick(self, step: Step) -> None:
        self._count.ticks.labels(self._app, step.facts["action"], _word(step.facts["outcome"])).inc()


def _word(outcome: Any) -> str:
    """An outcome as a label: one word."""
    return str(outcome).replace(" ", "-").replace("_", "-")
