"""The `bus` fixture: what was published, handled and given up, and a way to publish from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jararaca.core.context import Trigger, enter, leave
from jararaca.core.environment import Environment
from jararaca.core.invocation import new_execution
from jararaca.core.steps import Kind
from jararaca.errors import InvalidOption
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.messagebus.headers import ORIGINAL_TOPIC
from jararaca.messagebus.publisher import use_publisher
from jararaca.ports.broker import Envelope
from jararaca_testing.asking import Models, refuse_unknown
from jararaca_testing.explaining import Explainer
from jararaca_testing.gates.leftovers import Expected, expected
from jararaca_testing.ledger import Ledger
from jararaca_testing.records import Essence, Explain, Look, Predicate, Record, Records
from jararaca_testing.routing import binding_matches, is_pattern
from jararaca_testing.verdict import Verdict

HandlerName = str | Callable[..., Any]

_PUBLISHED_FROM_OUTSIDE = Trigger("manual", "test")


class Bus:
    """Looks at messages through the ledger, above the ports: the same answers in every profile.

    Each question returns `Records`. A topic may be a pattern with `*` and `#`; a handler is the method itself, its
    name, or nothing for all of them; further keywords are fields of the payload, and one that no model of it has is an
    `InvalidOption`. What a test names and then uses, it has looked at, and is not told of as left over.
    """

    def __init__(
        self,
        environment: Environment,
        ledger: Ledger,
        handlers: Sequence[HandlerSpec],
        verdict: Verdict,
        expect_leftover: Callable[[Expected], None] = lambda _expectation: None,
    ) -> None:
        self._environment = environment
        self._ledger = ledger
        self._handlers = tuple(handlers)
        self._verdict = verdict
        self._expect_leftover = expect_leftover
        self._explainer = Explainer(ledger, handlers)
        self._models = Models(ledger, handlers)

    async def publish(self, message: Any, topic: str, *, connection_name: str = "default", **options: Any) -> str:
        """Publish from outside, over the real path; returns the message's id once the broker confirmed.

        `options` are those of `use_publisher().publish(...)`, such as `headers`, `delay` or `mandatory`.
        """
        token = enter(new_execution(self._environment, _PUBLISHED_FROM_OUTSIDE))
        try:
            return await use_publisher(connection_name).publish(message=message, topic=topic, **options)
        finally:
            leave(token)

    async def deliver(
        self,
        handler: HandlerName,
        body: bytes | str,
        *,
        topic: str | None = None,
        headers: Mapping[str, Any] | None = None,
        message_id: str | None = None,
        content_type: str | None = "application/json",
        type: str | None = None,  # noqa: A002 -- AMQP's own word
    ) -> str:
        """Put a message into the queue of one handler, whatever it is: no model checks it, and nobody else gets it.

        For what other programs may send, and for dead letters that are to be seen again. Returns the message's id.

        Args:
            body: what the handler is to parse.
            topic: under which it is to look published; that of the handler unless given.
            headers: of AMQP, ours included.
            message_id: a fresh one unless given. `content_type` and `type` are AMQP's properties.

        Raises:
            InvalidOption: there is no such handler, or several.
            UnroutableMessage: its queue is gone.
        """
        spec = self._one(handler)
        connection: BusConnection | None = self._environment.resource(BusKey("default"))
        assert connection is not None, "an application with handlers has a connection"
        identity = message_id or self._environment.chance.identity()
        envelope = Envelope(
            body.encode() if isinstance(body, str) else body,
            content_type=content_type,
            headers={**(headers or {}), ORIGINAL_TOPIC: topic or spec.topic},
            message_id=identity,
            type=type,
        )
        await connection.copy(envelope, connection.queue_of(spec))
        return identity

    def published(self, topic: str | None = None, predicate: Predicate | None = None, /, **fields: Any) -> Records:
        """Every message that was published, each time it was."""
        return self._of_topic(PUBLISHED, topic, predicate, fields)

    def handled(
        self, handler: HandlerName | None = None, predicate: Predicate | None = None, /, **fields: Any
    ) -> Records:
        """Every attempt of a handler that has ended, whatever became of it."""
        return self._of_handler(HANDLED, handler, predicate, fields)

    def failed(
        self, handler: HandlerName | None = None, predicate: Predicate | None = None, /, **fields: Any
    ) -> Records:
        """Every attempt that ended in an exception, a timeout included."""
        return self._of_handler(FAILED, handler, predicate, fields)

    def retried(
        self, handler: HandlerName | None = None, predicate: Predicate | None = None, /, **fields: Any
    ) -> Records:
        """Every attempt after which the message was sent into a wait, to come back."""
        return self._of_handler(RETRIED, handler, predicate, fields)

    def dead_lettered(self, topic: str | None = None, predicate: Predicate | None = None, /, **fields: Any) -> Records:
        """Every message that a handler or the framework gave up; `reason` says why."""
        return self._of_topic(DEAD_LETTERED, topic, predicate, fields)

    def unroutable(self, topic: str | None = None, predicate: Predicate | None = None, /, **fields: Any) -> Records:
        """Every published message that no queue took."""
        return self._of_topic(UNROUTABLE, topic, predicate, fields)

    def staged(self, topic: str | None = None, predicate: Predicate | None = None, /, **fields: Any) -> Records:
        """Every message that was committed to the outbox, whatever became of it there."""
        return self._of_topic(STAGED, topic, predicate, fields)

    def parked(self, topic: str | None = None, predicate: Predicate | None = None, /, **fields: Any) -> Records:
        """Every message that the relay of the outbox has given up; `reason` says why."""
        return self._of_topic(PARKED, topic, predicate, fields)

    def expect_errors(self, *kinds: type[BaseException]) -> None:
        """Say which exceptions handlers and actions may raise in this test, before or after they do.

        Raises:
            InvalidOption: one of them is an `AssertionError`, which always fails the test.
        """
        self._verdict.expect(*kinds)

    def expect_leftover(
        self, topic: str | None = None, /, *, handler: HandlerName | None = None, kind: str | None = None
    ) -> None:
        """Say what this test leaves behind, before or after it does. What is not said may be anything.

        Args:
            topic: of the message, or a pattern with `*` and `#`.
            handler: the method or its name, whose message or dead letter it is.
            kind: `dead-letter`, `retry` (waits for another attempt), `delayed`, `ready` (in a queue), `unroutable`,
                `staged` (in the outbox) or `parked`.

        Raises:
            InvalidOption: nothing is said, or there is no such handler or kind.
        """
        names = None if handler is None else self._names(handler)
        self._expect_leftover(expected(topic, names, kind))

    def unexpected_errors(self) -> list[Record]:
        """The failed attempts and ticks whose exception nobody announced."""
        return self._verdict.unexpected()

    def _of_topic(
        self, question: "Question", topic: str | None, predicate: Predicate | None, fields: dict[str, Any]
    ) -> Records:
        def fits(essence: Essence) -> bool:
            return question.fits(essence) and (topic is None or binding_matches(topic, essence.topic or ""))

        def explain(chosen: Sequence[Record]) -> list[str]:
            others = [] if chosen else self._explainer.other_topics(self._asked(question.fits))
            return [*others, *(self._explainer.fate(topic) if question is DEAD_LETTERED else [])]

        def models() -> list[type]:
            # what is given up was on its way to a handler, what is published may be for anybody
            is_ours = question is DEAD_LETTERED and (topic is None or is_pattern(topic))
            return self._models.of_handlers(self._names(None)) if is_ours else self._models.of_topic(topic)

        look = _overlook if topic is None else self._ledger.look
        return self._records(fits, f"{question.verb}({topic or ''})", explain, look, models).where(predicate, **fields)

    def _of_handler(
        self, question: "Question", handler: HandlerName | None, predicate: Predicate | None, fields: dict[str, Any]
    ) -> Records:
        names = self._names(handler)
        shown = "" if handler is None else ", ".join(names)

        def fits(essence: Essence) -> bool:
            return question.fits(essence) and essence.handler in names

        def explain(chosen: Sequence[Record]) -> list[str]:
            return [*([] if chosen else self._explainer.why_not_called(names)), *self._explainer.waiting(names)]

        def models() -> list[type]:
            return self._models.of_handlers(names)

        look = _overlook if handler is None else self._ledger.look
        return self._records(fits, f"{question.verb}({shown})", explain, look, models).where(predicate, **fields)

    def _records(
        self,
        fits: Callable[[Essence], bool],
        question: str,
        explain: Explain,
        look: Look,
        models: Callable[[], list[type]],
    ) -> Records:
        return Records(
            self._asked(fits),
            question=question,
            explain=explain,
            forgotten=sum(count for essence, count in self._ledger.forgotten.items() if fits(essence)),
            describe=self._explainer.describe,
            look=look,
            refuse=lambda question, fields, records: refuse_unknown(question, fields, models(), records),
        )

    def _asked(self, fits: Callable[[Essence], bool]) -> list[Record]:
        return [record for record in self._ledger if fits(record.essence)]

    def _one(self, handler: HandlerName) -> HandlerSpec:
        names = self._names(handler)
        if len(names) > 1:
            raise InvalidOption(f"{handler!r} means several message handlers: {', '.join(names)}. Name one of them.")
        return next(each for each in self._handlers if each.name == names[0])

    def _names(self, handler: HandlerName | None) -> list[str]:
        if handler is None:
            return [each.name for each in self._handlers]
        if isinstance(handler, str):
            names = [each.name for each in self._handlers if handler in (each.name, each.where, each.method)]
        else:
            function = getattr(handler, "__func__", handler)
            names = [each.name for each in self._handlers if getattr(each.controller, each.method) is function]
        if not names:
            known = ", ".join(each.name for each in self._handlers) or "none"
            asked = handler if isinstance(handler, str) else getattr(handler, "__qualname__", handler)
            raise InvalidOption(f"{asked!r} is no message handler of this application. Its handlers are: {known}.")
        return sorted(names)


def _overlook(_records: Sequence[Record]) -> None:
    """Who asks for everything has looked at nothing in particular."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a test may ask: records that fit, under the verb by which it asks."""

    verb: str
    fits: Callable[[Essence], bool]


PUBLISHED = Question("published", lambda each: each.kind == Kind.PUBLISH)
HANDLED = Question("handled", lambda each: each.kind == Kind.ATTEMPT)
FAILED = Question("failed", lambda each: each.kind == Kind.ATTEMPT and each.failed)
RETRIED = Question(
    "retried", lambda each: each.kind == Kind.SETTLE and each.outcome == "wait" and each.reason in ("retry", "nack")
)
DEAD_LETTERED = Question("dead_lettered", lambda each: each.kind == Kind.SETTLE and each.outcome == "dead-letter")
UNROUTABLE = Question("unroutable", lambda each: each.kind == Kind.CONFIRM and each.outcome == "unroutable")
STAGED = Question("staged", lambda each: each.kind == Kind.OUTBOX and each.outcome == "staged")
PARKED = Question("parked", lambda each: each.kind == Kind.OUTBOX and each.outcome == "parked")
