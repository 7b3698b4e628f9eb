"""Handlers that feed themselves, directly or through others: why a system may never come to rest."""

from collections import Counter
from collections.abc import Iterator, Sequence

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.records import how_often
from jararaca_testing.routing import binding_matches


class Cycles:
    """Which handler published which topics, learned from the steps of attempts and publishes."""

    def __init__(self, handlers: Sequence[HandlerSpec]) -> None:
        self._handlers = tuple(handlers)
        self._runs: Counter[str] = Counter()
        self._published_by: dict[str, dict[str, None]] = {}
        self._handler_of: dict[str, str] = {}

    def on_step(self, step: Step) -> None:
        """Take one step into account."""
        if step.kind is Kind.ATTEMPT and step.execution is not None:
            name = str(step.facts["handler"])
            if step.phase == "before":
                self._runs[name] += 1
                self._handler_of[step.execution] = name
            else:
                self._handler_of.pop(step.execution, None)
        elif step.kind is Kind.PUBLISH and step.phase == "before":
            publisher = self._handler_of.get(step.execution or "")
            if publisher is not None:
                self._published_by.setdefault(publisher, {})[str(step.facts["topic"])] = None

    def lines(self) -> Iterator[str]:
        """One line for each cycle, with the topics and handlers on its way."""
        told: set[frozenset[str]] = set()
        for start in self._published_by:
            way = self._way_back(start)
            handlers = frozenset(handler for _topic, handler in way)
            if way and handlers not in told:
                told.add(handlers)
                steps = [f"publishes {topic!r}, which runs {handler}" for topic, handler in way]
                yield f"a cycle: {start} {', which '.join(steps)} (ran {how_often(self._runs[start])})"

    def _way_back(self, start: str) -> tuple[tuple[str, str], ...]:
        """The shortest way from a handler to itself, as pairs of a topic and the handler it runs; empty without one."""
        ways: list[tuple[tuple[str, str], ...]] = [()]
        seen: set[str] = set()
        for way in ways:  # grows under the loop
            handler = way[-1][1] if way else start
            for topic, follower in self._followers(handler):
                longer = (*way, (topic, follower))
                if follower == start:
                    return longer
                if follower not in seen:
                    seen.add(follower)
                    ways.append(longer)
        return ()

    def _followers(self, handler: str) -> Iterator[tuple[str, str]]:
        for topic in self._published_by.get(handler, ()):
            for follower in self._handlers:
                if binding_matches(follower.topic, topic):
                    yield topic, follower.name
