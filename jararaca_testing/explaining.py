"""Why messages are not where a test expects them, in lines for people: read off the ledger and the bindings."""

from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher

from jararaca.core.steps import Kind
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.ledger import Ledger
from jararaca_testing.records import Record, how_often
from jararaca_testing.routing import binding_matches, widened

MOST_TOPICS = 10
SETTLE = "`await jararaca_app.settle()`"
ADVANCE = "`await clock.advance(...)`"


class Explainer:
    """Explains with what one test's `ledger` has and `handlers` listen to."""

    def __init__(self, ledger: Ledger, handlers: Sequence[HandlerSpec]) -> None:
        self._ledger = ledger
        self._handlers = tuple(handlers)

    def describe(self, record: Record) -> str:
        """A record, and if it is a publish, which handlers it went to."""
        if record.kind != Kind.PUBLISH:
            return str(record)
        names = [each.name for each in self._handlers if binding_matches(each.topic, record.topic or "")]
        return f"{record} -> {', '.join(names) or 'no handler listens to it'}"

    def other_topics(self, asked: Sequence[Record]) -> list[str]:
        """The topics that there are instead."""
        topics = list(dict.fromkeys(str(record.topic) for record in asked))
        more = f" and {len(topics) - MOST_TOPICS} more" if len(topics) > MOST_TOPICS else ""
        return [f"other topics: {', '.join(topics[:MOST_TOPICS])}{more}"] if topics else []

    def fate(self, topic: str | None) -> list[str]:
        """What became of the messages of a topic: how each was settled, and which are to come back."""
        settled = [each for each in self._ledger.of_kind(Kind.SETTLE) if _is_of(each, topic)]
        lines = [f"settled: {each}" for each in settled[-MOST_TOPICS:]]
        published = any(_is_of(each, topic) for each in self._ledger.of_kind(Kind.PUBLISH))
        if not settled and published:
            lines.append(f"nothing of it is settled; let it arrive with {SETTLE}")
        return [*lines, *self.waiting({each.name for each in self._handlers}, topic)]

    def waiting(self, handlers: Collection[str], topic: str | None = None) -> list[str]:
        """The messages that wait to be tried again by one of these handlers."""
        last: dict[tuple[str | None, str | None], Record] = {}
        for record in self._ledger.of_kind(Kind.SETTLE, Kind.DELIVERY):
            if record.handler in handlers and _is_of(record, topic):
                last[record.handler, record.message_id] = record
        return [
            f"{each.topic!r} waits for {each.handler} to try again after attempt {each.attempt}; let time pass with "
            f"{ADVANCE}"
            for each in last.values()
            if each.outcome == "wait"
        ]

    def why_not_called(self, names: Collection[str]) -> list[str]:
        """For each handler, why no message reached it; for one that was called, how that ended."""
        return [line for each in self._handlers if each.name in names for line in self._of_handler(each)]

    def _of_handler(self, handler: HandlerSpec) -> Iterator[str]:
        attempts = [each for each in self._ledger.of_kind(Kind.ATTEMPT) if each.handler == handler.name]
        begun = [each for each in self._ledger.begun(Kind.ATTEMPT) if each.handler == handler.name]
        if attempts:
            yield f"{handler.name} was called {how_often(len(attempts))}:"
            yield from (f"  {each}" for each in attempts[-MOST_TOPICS:])
        elif begun:
            yield f"{handler.name} was called and has not returned; let it end with {SETTLE}"
        else:
            yield from self._missed(handler)

    def _missed(self, handler: HandlerSpec) -> Iterator[str]:
        published: dict[str, list[Record]] = {}
        for record in self._ledger.of_kind(Kind.PUBLISH):
            published.setdefault(str(record.topic), []).append(record)
        if not published:
            yield "nothing was published"
        near = sorted(published, key=lambda topic: -SequenceMatcher(None, topic, handler.topic).ratio())
        for topic in near[:MOST_TOPICS]:
            if binding_matches(handler.topic, topic):
                yield f"{topic!r} was published and matches; {self._on_the_way(handler.name, published[topic])}"
            else:
                wider = widened(handler.topic, topic)
                advice = f"; {wider!r} would" if wider is not None else ""
                yield f"binding {handler.topic!r} does not match {topic!r}{advice}"
        if len(near) > MOST_TOPICS:
            yield f"and {len(near) - MOST_TOPICS} more topics were published"

    def _on_the_way(self, handler: str, published: Sequence[Record]) -> str:
        ids = {record.message_id for record in published}
        for record in self._ledger.of_kind(Kind.CONFIRM, Kind.SETTLE):
            if record.message_id not in ids:
                continue
            if record.kind == Kind.CONFIRM and record.outcome != "confirmed":
                return f"but the broker did not take it: {record.outcome}"
            if record.kind == Kind.SETTLE and record.handler == handler:
                return f"but it was settled before a handler saw it: {record.outcome}, {record.reason}"
        if all(record.outcome == "delayed" for record in published):
            return f"it is delayed, so let time pass with {ADVANCE}"
        return f"let it arrive with {SETTLE}"


def _is_of(record: Record, topic: str | None) -> bool:
    return topic is None or binding_matches(topic, record.topic or "")
