"""The metrics themselves: names, labels and units, one set for each registry.

No label comes from a payload, a path or an id: each has as many values as the application declares routes, handlers and
actions.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from jararaca.core.environment import Environment
from jararaca.core.measures import Measure

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1500.0)
"""Upper bounds of the histograms, up to the time limit that handlers have by default."""


class Instruments(NamedTuple):
    """Everything that is counted. Each has the label `app` in front of its own."""

    requests: Counter
    request_seconds: Histogram
    connections: Gauge
    frames: Counter
    deliveries: Counter
    attempts: Counter
    attempt_seconds: Histogram
    settlements: Counter
    dead_letters: Counter
    stale_settlements: Counter
    publishes: Counter
    outbox: Counter
    outbox_waiting: Gauge
    outbox_parked: Gauge
    outbox_oldest_seconds: Gauge
    transactions: Counter
    ticks: Counter
    tick_lag_seconds: Histogram
    answers: "Answers"


class Answers(Collector):
    """What an application answers when somebody reads the metrics: its dependencies, and what its rooms measure."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._asked: dict[object, tuple[str, Environment]] = {}
        registry.register(self)

    def ask(self, app: str, environment: Environment) -> Callable[[], None]:
        """Ask an application from now on, until the returned function is called."""
        key = object()
        self._asked[key] = (app, environment)

        def withdraw() -> None:
            del self._asked[key]

        return withdraw

    def collect(self) -> Iterator[Metric]:
        told = "Whether a dependency is there, as in /health/ready"
        ready = GaugeMetricFamily("jararaca_ready", told, labels=("app", "dependency"))
        families: dict[str, Metric] = {"ready": ready}
        for app, environment in tuple(self._asked.values()):
            for dependency, is_there in environment.readiness().items():
                ready.add_metric((app, dependency), float(is_there))
            for measure in environment.measured():
                family = families.setdefault(measure.name, _family(measure))
                suffix = "_total" if measure.counts else ""
                for value, number in measure.read().items():
                    labels = {"app": app, measure.label: value} if measure.label else {"app": app}
                    family.add_sample(f"jararaca_{measure.name}{suffix}", labels, number)
        yield from families.values()


def _family(measure: Measure) -> Metric:
    return Metric(f"jararaca_{measure.name}", measure.told, "counter" if measure.counts else "gauge")


_MADE: "WeakKeyDictionary[CollectorRegistry, Instruments]" = WeakKeyDictionary()


def instruments_of(registry: CollectorRegistry) -> Instruments:
    """Those of a registry, made at the first call: applications of one process share them, and differ in `app`."""
    found = _MADE.get(registry)
    if found is None:
        found = _MADE[registry] = _make(registry)
    return found


def _make(registry: CollectorRegistry) -> Instruments:
    def counter(name: str, told: str, *labels: str) -> Counter:
        return Counter(f"jararaca_{name}", told, ("app", *labels), registry=registry)

    def histogram(name: str, told: str, *labels: str) -> Histogram:
        return Histogram(f"jararaca_{name}", told, ("app", *labels), registry=registry, buckets=SECONDS)

    def gauge(name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"jararaca_{name}", told, ("app", *labels), registry=registry)

    made: dict[str, Any] = {
        "requests": counter("requests", "HTTP exchanges that have ended", "route", "status"),
        "request_seconds": histogram("request_seconds", "From the request to the end of the response", "route"),
        "connections": gauge("connections", "Websockets that are open", "route"),
        "frames": counter("frames", "Websocket frames sent, once for all who get them", "kind"),
        "deliveries": counter("deliveries", "Messages that the broker handed out", "handler", "redelivered"),
        "attempts": counter("attempts", "Attempts of handlers that have ended", "handler", "outcome"),
        "attempt_seconds": histogram("attempt_seconds", "One attempt, its commit included", "handler"),
        "settlements": counter("settlements", "How deliveries ended", "handler", "verb"),
        "dead_letters": counter("dead_letters", "Messages that were given up", "handler", "reason"),
        "stale_settlements": counter("stale_settlements", "Settlements after the channel was lost", "handler"),
        "publishes": counter("publishes", "Messages that were published", "connection", "outcome"),
        "outbox": counter("outbox", "Messages in the outbox: staged, and what became of them", "connection", "outcome"),
        "outbox_waiting": gauge("outbox_waiting", "Messages that wait in the outbox", "connection"),
        "outbox_parked": gauge("outbox_parked", "Messages that the relay has given up", "connection"),
        "outbox_oldest_seconds": gauge("outbox_oldest_seconds", "How long the oldest has waited", "connection"),
        "transactions": counter("transactions", "Units of work that have ended", "outcome"),
        "ticks": counter("ticks", "Ticks of scheduled actions", "action", "outcome"),
        "tick_lag_seconds": histogram("tick_lag_seconds", "From when a tick was due to its start", "action"),
        "answers": Answers(registry),
    }
    return Instruments(**made)
