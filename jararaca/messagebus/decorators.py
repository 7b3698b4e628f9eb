"""What a user writes on controllers and their methods to receive messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from jararaca.core.metadata import attach, checked_text
from jararaca.messagebus.circuit import CircuitBreaker
from jararaca.messagebus.retry import RetryPolicy

MissingId = Literal["reject", "hash", "allow"]
"""What becomes of a message without an id."""

C = TypeVar("C", bound=type)
M = TypeVar("M", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class BusControllerFact:
    """Left on a class by `MessageBusController`."""


@dataclass(frozen=True, slots=True)
class HandlerFact:
    """Left on a method by `IncomingHandler`; judged when the handlers of an application are collected."""

    topic: str
    timeout: float | None
    exception_handler: Callable[..., Any] | None
    nack_on_exception: bool
    auto_ack: bool
    name: str | None
    retry: RetryPolicy | None
    concurrency: int | None
    ordered: bool
    idempotent: bool
    circuit_breaker: CircuitBreaker | None
    missing_id: MissingId | None


def MessageBusController() -> Callable[[C], C]:  # noqa: N802 -- decorators read as the nouns they make of a class
    """Let the `IncomingHandler` methods of a class receive messages. Stacks with the other controller decorators."""
    return lambda cls: attach(cls, BusControllerFact())


def IncomingHandler(  # noqa: N802 -- decorators read as the nouns they make of a method
    topic: str,
    timeout: float | None = None,
    exception_handler: Callable[..., Any] | None = None,
    nack_on_exception: bool = False,
    auto_ack: bool = True,
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    concurrency: int | None = None,
    ordered: bool = False,
    idempotent: bool = False,
    circuit_breaker: CircuitBreaker | None = None,
    missing_id: MissingId | None = None,
) -> Callable[[M], M]:
    """Receive every message whose topic matches, on `async def m(self, message: Message[Model]) -> None`.

    Each handler gets its own copy of a message; the replicas of one application compete for it.

    Args:
        topic: a binding pattern of words between dots; `*` is one word, `#` zero or more.
        timeout: seconds until an attempt that has not begun to commit is cancelled and fails with `HandlerTimeout`;
            None: the worker's.
        exception_handler: called with `(error, message)` once per failed attempt, after the rollback, in a unit of
            work of its own: it may publish and send frames, and does not change what becomes of the message.
        nack_on_exception: without a retry policy, bring a failed message back after a second; else dead-letter it.
        auto_ack: take a return without a decision for success; if False, it is dead-lettered as `unsettled`.
        name: the stable identity of the handler, `Class.method` by default; its queue is named after it.
        retry: how failures are retried; without one they are dead-lettered.
        concurrency: attempts at a time in one process; None: the worker's.
        ordered: within one process, one message per ordering key at a time, in the broker's order; a retry comes after
            those that did not wait, and other processes take their turns.
        idempotent: acknowledge a message that this handler has handled before, known by its message id, without calling
            it again; its effects happen once. Needs `MessageBusPublisherInterceptor(delivery="outbox")`.
        circuit_breaker: when to pause it because too much fails; None: never.
        missing_id: of a message without an id: `reject` dead-letters it, `hash` derives one from its content, `allow`
            handles it without, and never takes it for a duplicate; None: `reject` if idempotent, else `allow`.

    Raises:
        InvalidOption: the topic is no text. The rest is judged when the handlers of an application are collected.
    """
    checked_text(topic, decorator="IncomingHandler", what="a topic such as 'order.placed'")
    options = (name, retry, concurrency, ordered, idempotent, circuit_breaker, missing_id)
    fact = HandlerFact(topic, timeout, exception_handler, nack_on_exception, auto_ack, *options)
    return lambda method: attach(method, fact)
