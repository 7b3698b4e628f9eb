"""What an application listens to: handlers found on its controllers, validated before anything starts."""

import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, get_args

from pydantic import PydanticUserError

from jararaca.core.keeping import Kept
from jararaca.core.metadata import class_facts, ingredients, method_facts
from jararaca.core.microservice import Microservice
from jararaca.errors import InvalidHandler, InvalidTopic
from jararaca.messagebus.circuit import CircuitBreaker
from jararaca.messagebus.codec import complete_adapter
from jararaca.messagebus.config import CONSUMER_TIMEOUT, MessageBusConfig
from jararaca.messagebus.decorators import BusControllerFact, HandlerFact, MissingId
from jararaca.messagebus.messages import Message
from jararaca.messagebus.quantities import ADVICE, is_number, is_whole
from jararaca.messagebus.retry import RetryPolicy
from jararaca.messagebus.topics import check_pattern

SHORTEST_WAIT = 0.125
"""Seconds before a message that was put back is seen again: never a hot loop."""

WAIT_AFTER_EXCEPTION = 1.0
"""Seconds before a message comes back that failed under `nack_on_exception`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,149}")

_SHAPE = "It should look like: async def {method}(self, message: Message[YourModel]) -> None"


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """One handler: what it listens to, what it is given, and what becomes of its messages.

    `name` is its identity on servers, `topic` a binding pattern, `model` the T of its `Message[T]`, `timeout` and
    `concurrency` override the worker's (seconds; attempts at a time in one process).
    """

    name: str
    topic: str
    controller: type
    method: str
    model: Any
    timeout: float | None = None
    exception_handler: Callable[..., Any] | None = None
    nack_on_exception: bool = False
    auto_ack: bool = True
    retry: RetryPolicy | None = None
    concurrency: int | None = None
    ordered: bool = False
    idempotent: bool = False
    circuit_breaker: CircuitBreaker | None = None
    missing_id: MissingId = "allow"

    @property
    def where(self) -> str:
        """`Class.method`, as error messages name it."""
        return f"{self.controller.__name__}.{self.method}"

    @property
    def longest_wait(self) -> float:
        """Seconds; no copy of its messages waits longer, unless a handler names a delay itself."""
        if self.retry is not None:
            return max(self.retry.longest_delay, SHORTEST_WAIT)
        return WAIT_AFTER_EXCEPTION if self.nack_on_exception else SHORTEST_WAIT


def attempts_of(handlers: Iterable[HandlerSpec], config: MessageBusConfig) -> int:
    """How many attempts a worker of these handlers runs at a time."""
    return sum(handler.concurrency or config.concurrency for handler in handlers)


def collect_handlers(declaration: Microservice) -> tuple[HandlerSpec, ...]:
    """Every handler of every controller, in the order of declaration.

    Raises:
        InvalidHandler: a signature that cannot be called with a message, an option that cannot work, two handlers of
            one name, or a class that lacks `@MessageBusController()`.
        InvalidTopic: a topic that cannot be bound.
    """
    found: dict[str, HandlerSpec] = {}
    for controller in dict.fromkeys(declaration.controllers):
        for handler in _kept_handlers_of(controller):
            other = found.get(handler.name)
            if other is not None:
                _refuse(
                    handler.where,
                    f"its name {handler.name!r} is also the name of {other.where}, and queues are named after it",
                    'Give one of them another: @IncomingHandler(..., name="...")',
                )
            found[handler.name] = handler
    return tuple(found.values())


_kept: Kept[tuple[HandlerSpec, ...]] = Kept()


def _kept_handlers_of(controller: type) -> tuple[HandlerSpec, ...]:
    if not method_facts(controller, HandlerFact):
        return ()
    made_of = [*class_facts(controller, BusControllerFact), *ingredients(controller, HandlerFact)]
    return _kept.get(controller, made_of, lambda: tuple(_handlers_of(controller)))


def _handlers_of(controller: type) -> Iterator[HandlerSpec]:
    listens = bool(class_facts(controller, BusControllerFact))
    for method, fact in method_facts(controller, HandlerFact):
        where = f"{controller.__name__}.{method}"
        if not listens:
            _refuse(
                where,
                "its class is no message bus controller",
                f"Put @MessageBusController() on {where[: -len(method) - 1]}.",
            )
        yield HandlerSpec(
            name=_name(fact.name or where, where),
            topic=_topic(fact.topic, where),
            controller=controller,
            method=method,
            model=_model(controller, method, where),
            timeout=_timeout(fact.timeout, where),
            exception_handler=_exception_handler(fact.exception_handler, where),
            nack_on_exception=fact.nack_on_exception,
            auto_ack=fact.auto_ack,
            retry=_retry(fact.retry, where),
            concurrency=_concurrency(fact.concurrency, where),
            ordered=fact.ordered,
            idempotent=fact.idempotent,
            missing_id=_missing_id(fact, where),
            circuit_breaker=_circuit_breaker(fact.circuit_breaker, where),
        )


def _model(controller: type, method: str, where: str) -> Any:
    function = getattr(controller, method)
    shape = _SHAPE.format(method=method)
    if not inspect.iscoroutinefunction(function):
        _refuse(where, "it is not a coroutine function", shape)
    if isinstance(inspect.getattr_static(controller, method), (staticmethod, classmethod)):
        _refuse(where, "it is a static or class method", shape)
    required = [each for each in _parameters(function)[1:] if each.default is each.empty]
    if len(required) != 1 or required[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        names = ", ".join(each.name for each in required) or "none"
        _refuse(where, f"it needs exactly one parameter besides self, the message, and has: {names}", shape)
    annotation = _annotation(function, required[0].name, where)
    if annotation is Message or typing.get_origin(annotation) is not Message:
        _refuse(where, f"parameter {required[0].name!r} is not annotated with Message[YourModel]", shape)
    (model,) = typing.get_args(annotation)
    _check_model(model, where, shape)
    return model


def _check_model(model: Any, where: str, shape: str) -> None:
    for variable in _free_variables(model):
        _refuse(where, f"the type variable {variable} does not say what to validate the payload against", shape)
    try:
        complete_adapter(model)
    except (PydanticUserError, NameError) as error:
        _refuse(
            where,
            f"pydantic cannot validate a payload against {_shown(model)} ({_first_sentence(error)})",
            "Use a pydantic model, or whatever else it validates; what its annotations name has to exist.",
        )


def _free_variables(annotation: Any) -> Iterator[TypeVar]:
    """What is left open in a generic type."""
    if isinstance(annotation, TypeVar):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _free_variables(argument)
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        of_a_model: dict[str, Any] = getattr(annotation, "__pydantic_generic_metadata__", {})
        yield from of_a_model.get("parameters", ()) or getattr(annotation, "__parameters__", ())


def _first_sentence(error: Exception) -> str:
    return re.split(r"\. |\n", str(error))[0]


def _shown(model: Any) -> str:
    return model.__name__ if isinstance(model, type) else str(model)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each for each in inspect.signature(function).parameters.values() if each.kind not in variadic]


def _annotation(function: Callable[..., Any], parameter: str, where: str) -> Any:
    try:
        return typing.get_type_hints(inspect.unwrap(function), include_extras=True).get(parameter)
    except NameError as error:
        _refuse(
            where,
            f"its annotations name {error.name!r}, which is not found at run time",
            "Import it at the top of the module, not inside a function and not under TYPE_CHECKING.",
        )
    except Exception as error:  # noqa: BLE001 -- annotations are code of the user's; whatever they raise, they are wrong
        _refuse(
            where,
            f"its annotations cannot be evaluated ({type(error).__name__}: {error})",
            _SHAPE.format(method=function.__name__),
        )


def _name(name: object, where: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        _refuse(
            where,
            f"its name {name!r} cannot name a queue",
            "Use 1 to 150 ASCII letters, digits, '_', '.' or '-', starting with a letter or digit: name=\"...\".",
        )
    return name


def _topic(topic: str, where: str) -> str:
    try:
        check_pattern(topic)
    except InvalidTopic as error:
        raise InvalidTopic(f"{where}: {error}") from None
    return topic


def _timeout(timeout: float | None, where: str) -> float | None:
    if timeout is not None and not is_number(timeout):
        _refuse(where, f"timeout={timeout!r} is no number of seconds", ADVICE)
    if timeout is not None and not timeout > 0:
        _refuse(where, f"timeout={timeout} would end every attempt before it starts", "Use seconds above 0.")
    if timeout is not None and timeout >= CONSUMER_TIMEOUT:
        _refuse(
            where,
            f"timeout={timeout} is not below the {CONSUMER_TIMEOUT:g} s after which RabbitMQ gives its message to "
            "somebody else",
            "Split the work into several messages.",
        )
    return timeout


def _concurrency(concurrency: int | None, where: str) -> int | None:
    if concurrency is not None and not is_whole(concurrency):
        _refuse(where, f"concurrency={concurrency!r} is no whole number", "Use 1 or more.")
    if concurrency is not None and concurrency < 1:
        _refuse(where, f"concurrency={concurrency} lets no attempt run", "Use 1 or more.")
    return concurrency


def _retry(retry: object, where: str) -> RetryPolicy | None:
    if retry is not None and not isinstance(retry, RetryPolicy):
        _refuse(where, f"retry={retry!r} is no RetryPolicy", "Use retry=RetryPolicy(max_attempts=...).")
    return retry


def _missing_id(fact: HandlerFact, where: str) -> MissingId:
    if fact.missing_id is None:
        return "reject" if fact.idempotent else "allow"
    if fact.missing_id not in get_args(MissingId):
        _refuse(where, f"missing_id={fact.missing_id!r} is no policy", 'Use "reject", "hash" or "allow".')
    return fact.missing_id


def _circuit_breaker(breaker: object, where: str) -> CircuitBreaker | None:
    if breaker is not None and not isinstance(breaker, CircuitBreaker):
        advice = "Use circuit_breaker=CircuitBreaker(failure_threshold=...)."
        _refuse(where, f"circuit_breaker={breaker!r} is no CircuitBreaker", advice)
    return breaker


def _exception_handler(handler: Callable[..., Any] | None, where: str) -> Callable[..., Any] | None:
    if handler is None:
        return None
    try:
        inspect.signature(handler).bind(Exception(), object())
    except (TypeError, ValueError) as error:
        _refuse(
            where,
            f"its exception_handler cannot be called with (error, message): {error}",
            "Give it a function of two parameters: async def announce(error: Exception, message: Message[Any]) -> None",
        )
    return handler


def _refuse(where: str, wrong: str, remedy: str) -> NoReturn:
    raise InvalidHandler(f"{where} cannot handle messages: {wrong}. {remedy}")
