"""Sees what happens to the handlers, routes, websocket endpoints and cron actions of one application under test."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.behaviour import OUTCOMES, Behaviour, Behaviours, State
from jararaca_testing.harness import RunningApplication
from jararaca_testing.records import Record

ATTEMPTS = {"ok": "ok", "error": "error", "published_failed": "error", "timeout": "timeout"}
FIRINGS = {"ok": "fired", "error": "error", "published_failed": "error", "timeout": "error", "skipped": "skipped"}
HANDSHAKES = {
    "websocket.accept": "accepted",
    "websocket.close": "refused",
    "websocket.http.response.start": "refused",
}


def watch(behaviours: Behaviours, application: RunningApplication) -> Callable[[], None]:
    """Note in `behaviours` what an application declares and from now on does, until what is returned is called.

    Then it is seen what the test has looked at, among the records whose details the ledger still has.
    """
    watcher = _Watcher(behaviours, application)
    unobserve = application.environment.steps.add(watcher)
    served = application.served
    inside, served.asgi = served.asgi, _Exchanges(served.asgi, watcher.answered)

    def end() -> None:
        served.asgi = inside
        unobserve()
        watcher.look()

    return end


class _Watcher:
    def __init__(self, behaviours: Behaviours, application: RunningApplication) -> None:
        self._behaviours = behaviours
        self._name = application.environment.name
        self._ledger = application.ledger
        self._redelivered: set[str | None] = set()
        self._routes: dict[int, tuple[str, str, frozenset[str]]] = {}
        self._declare(application)

    def _declare(self, application: RunningApplication) -> None:
        for handler in application.assembly.handlers:
            for outcome in OUTCOMES["handlers"]:
                if outcome != "retry" or _retries(handler):
                    self._note("handlers", handler.name, outcome, "missing")
        for action in application.assembly.actions:
            for outcome in OUTCOMES["actions"]:
                if outcome != "skipped" or not action.fact.allow_overlap:
                    self._note("actions", action.name, outcome, "missing")
        for context in iter_route_contexts(application.asgi.routes):
            route = context.original_route
            if isinstance(route, (APIRoute, APIWebSocketRoute)) and id(route.endpoint) not in self._routes:
                self._declare_route(route, str(context.path), frozenset(context.methods or ()))

    def _declare_route(self, route: APIRoute | APIWebSocketRoute, path: str, methods: frozenset[str]) -> None:
        """The endpoint stands for all of its paths: a trailing slash is no behaviour of its own."""
        section = "routes" if isinstance(route, APIRoute) else "websockets"
        label = f"{'|'.join(sorted(methods))} {path}".lstrip()
        self._routes[id(route.endpoint)] = (section, label, methods)
        self._note(section, label, OUTCOMES[section][0], "missing")

    def _note(self, section: str, item: str, outcome: str, state: State) -> None:
        self._behaviours.note(Behaviour(self._name, section, item, outcome), state)

    def observe(self, step: Step) -> None:
        """Note what has happened; told by the application."""
        if step.phase == "before":
            return
        facts = step.facts
        if step.kind is Kind.ATTEMPT:
            if step.subject.redelivered:
                self._redelivered.add(step.execution)
                self._note("handlers", facts["handler"], "redelivery", "unseen")
            self._note_handler(facts["handler"], ATTEMPTS.get(facts["outcome"]), "unseen")
        elif step.kind is Kind.SETTLE:
            self._note_handler(facts["handler"], _settled(facts["verb"], facts["reason"]), "unseen")
        elif step.kind is Kind.TICK and facts["outcome"] in FIRINGS:
            self._note("actions", facts["action"], FIRINGS[facts["outcome"]], "covered")

    def _note_handler(self, handler: str, outcome: str | None, state: State) -> None:
        if outcome is not None:
            self._note("handlers", handler, outcome, state)

    def answered(self, scope: Scope, answer: str) -> None:
        """Note how an exchange or a handshake was answered."""
        section, label, methods = self._routes.get(id(scope.get("endpoint")), ("", "", frozenset()))
        if section and (section == "websockets" or scope["method"] in methods):
            self._note(section, label, answer, "covered" if answer == OUTCOMES[section][0] else "noted")

    def look(self) -> None:
        """Note what the test has looked at."""
        seen = self._ledger.seen
        for record in self._ledger if seen else ():
            if record.seq in seen and record.handler is not None:
                for outcome in self._shown_by(record):
                    self._note("handlers", record.handler, outcome, "covered")

    def _shown_by(self, record: Record) -> Iterator[str]:
        outcome: str | None = None
        if record.kind == Kind.ATTEMPT:
            outcome = ATTEMPTS.get(record.outcome or "")
            if record.execution in self._redelivered:
                yield "redelivery"
        elif record.kind == Kind.SETTLE:
            outcome = _settled(record.outcome, record.reason)
        if outcome is not None:
            yield outcome


def _retries(handler: HandlerSpec) -> bool:
    """Whether an exception can bring a message back by itself."""
    return handler.nack_on_exception if handler.retry is None else handler.retry.max_attempts > 1


def _settled(verb: str | None, reason: str | None) -> str | None:
    if verb == "wait":
        return "retry" if reason in ("retry", "nack") else None
    return "dead-letter" if verb == "dead-letter" else None


class _Exchanges:
    """The application as clients reach it; `answered` is told of every route that gave an answer, and which."""

    def __init__(self, app: ASGIApp, answered: Callable[[Scope, str], None]) -> None:
        self._app = app
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: str | None = None

        async def noting(message: Message) -> None:
            nonlocal answer
            answer = answer or _answer(scope["type"], message)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            answer = answer or {"http": "5xx", "websocket": "refused"}.get(scope["type"])
            raise
        finally:
            if answer is not None:
                self._answered(scope, answer)


def _answer(kind: str, message: Any) -> str | None:
    if kind == "websocket":
        return HANDSHAKES.get(message["type"])
    if message["type"] != "http.response.start":
        return None
    return "ok" if message["status"] < 400 else f"{message['status'] // 100}xx"
