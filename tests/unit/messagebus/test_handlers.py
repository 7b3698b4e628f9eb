"""Handlers are found on controllers and judged before anything starts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from jararaca.core.microservice import Microservice
from jararaca.errors import InvalidHandler, InvalidOption, InvalidTopic
from jararaca.messagebus.decorators import IncomingHandler, MessageBusController
from jararaca.messagebus.handlers import HandlerSpec, collect_handlers
from jararaca.messagebus.messages import Message
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing.contracts import proves

T = TypeVar("T")
U = TypeVar("U")


class Order(BaseModel):
    id: int


class Page(BaseModel, Generic[T]):
    items: list[T]


@MessageBusController()
class Billing:
    @IncomingHandler("order.placed")
    async def charge(self, message: Message[Order]) -> None: ...

    @IncomingHandler("order.#", 5.0, print, True, False, name="audit", retry=RetryPolicy(), concurrency=2, ordered=True)
    async def log(self, message: "Message[Page[Order]]", note: str = "") -> None: ...

    async def helper(self, whatever: int) -> None: ...


class SpecialBilling(Billing):
    async def charge(self, message: Message[Order]) -> None: ...


def collected(*controllers: type) -> tuple[HandlerSpec, ...]:
    return collect_handlers(Microservice(controllers=controllers))


def test_a_handler_is_named_after_its_class_and_method() -> None:
    charge = collected(Billing)[0]
    assert charge == HandlerSpec(
        name="Billing.charge", topic="order.placed", controller=Billing, method="charge", model=Order
    )


def test_every_option_of_the_decorator_reaches_the_handler() -> None:
    assert collected(Billing)[1] == HandlerSpec(
        name="audit",
        topic="order.#",
        controller=Billing,
        method="log",
        model=Page[Order],
        timeout=5.0,
        exception_handler=print,
        nack_on_exception=True,
        auto_ack=False,
        retry=RetryPolicy(),
        concurrency=2,
        ordered=True,
    )


def test_a_subclass_listens_to_what_its_base_listens_to() -> None:
    """Overriding a body keeps the topic; the name, and so the queue, is the subclass's own."""
    assert [handler.name for handler in collected(SpecialBilling)] == ["SpecialBilling.charge", "audit"]


def test_a_controller_that_is_listed_twice_listens_once() -> None:
    assert len(collected(Billing, Billing)) == 2


def test_two_handlers_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidHandler, match=r"SpecialBilling\.log .* 'audit' is also the name of Billing\.log"):
        collected(Billing, SpecialBilling)


def test_a_class_that_is_no_bus_controller_is_refused() -> None:
    """Its handlers would silently never be called."""

    class Forgotten:
        @IncomingHandler("t")
        async def m(self, message: Message[Order]) -> None: ...

    with pytest.raises(InvalidHandler, match=r"Forgotten\.m .*Put @MessageBusController\(\) on Forgotten"):
        collected(Forgotten)


async def _no_message(self: Any) -> None: ...
async def _two(self: Any, message: Message[Order], other: int) -> None: ...
async def _keyword(self: Any, *, message: Message[Order]) -> None: ...
async def _bare(self: Any, message: Message) -> None: ...  # type: ignore[type-arg]
async def _model(self: Any, message: Order) -> None: ...
async def _unannotated(self, message): ...  # type: ignore[no-untyped-def]
async def _variable(self: Any, message: Message[T]) -> None: ...
async def _generator(self: Any, message: Message[Order]) -> Any:
    yield


class Unfinished(BaseModel):
    later: "Later"  # type: ignore[name-defined] # noqa: F821


class Plain:
    pass


@dataclass
class Row(Generic[T]):
    data: T


async def _not_a_model(self: Any, message: Message[Plain]) -> None: ...
async def _unfinished(self: Any, message: Message[Unfinished]) -> None: ...
async def _nested_unfinished(self: Any, message: Message[list[Unfinished | None]]) -> None: ...
async def _open_model(self: Any, message: Message[Page[T]]) -> None: ...
async def _open_model_of_another(self: Any, message: Message[Page[U]]) -> None: ...
async def _open_list(self: Any, message: Message[list[Page[T]] | None]) -> None: ...
async def _open_dataclass(self: Any, message: "Message[Row[T]]") -> None: ...
async def _missing_of_a_module(self: Any, message: "Message[pytest.Missing]") -> None: ...  # type: ignore[name-defined]
async def _no_expression(self: Any, message: "Message[") -> None: ...  # type: ignore[valid-type] # noqa: F722
async def _unknown(self: Any, message: "Message[Nowhere]") -> None: ...  # type: ignore[name-defined] # noqa: F821
def _synchronous(self: Any, message: Message[Order]) -> None: ...


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        (_no_message, "exactly one parameter besides self, the message, and has: none"),
        (_two, "exactly one parameter besides self, the message, and has: message, other"),
        (_keyword, "exactly one parameter besides self"),
        (_bare, r"'message' is not annotated with Message\[YourModel\]"),
        (_model, "'message' is not annotated"),
        (_unannotated, "'message' is not annotated"),
        (_variable, "the type variable ~T"),
        (_open_model, "the type variable ~T"),
        (_open_model_of_another, "the type variable ~U"),
        (_open_list, "the type variable ~T"),
        (_open_dataclass, "the type variable ~T"),
        (_not_a_model, r"pydantic cannot validate a payload against Plain \(Unable to generate"),
        (_unfinished, r"pydantic cannot validate a payload against Unfinished \(name 'Later' is not defined\)"),
        (_nested_unfinished, r"against list\[.*Unfinished \| None\] \(name 'Later' is not defined\)"),
        (_missing_of_a_module, r"its annotations cannot be evaluated \(AttributeError: .*'Missing'"),
        (_no_expression, r"its annotations cannot be evaluated \(SyntaxError: "),
        (_generator, "not a coroutine function"),
        (_synchronous, "not a coroutine function"),
        (_unknown, "'Nowhere', which is not found at run time"),
    ],
)
def test_a_signature_that_cannot_take_a_message_is_refused(method: Callable[..., Any], wrong: str) -> None:
    """The text names the method, what is wrong, and how it should look."""
    controller = MessageBusController()(type("Orders", (), {"m": IncomingHandler("t")(method)}))
    with pytest.raises(InvalidHandler, match=rf"^Orders\.m cannot handle messages: .*{wrong}"):
        collected(controller)


def test_a_static_method_is_refused() -> None:
    @MessageBusController()
    class Orders:
        @staticmethod
        @IncomingHandler("t")
        async def m(controller: Any, message: Message[Order]) -> None: ...

    with pytest.raises(InvalidHandler, match="static or class method"):
        collected(Orders)


@proves("F-31")
@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"timeout": 0}, "timeout=0 would end every attempt"),
        ({"timeout": 1800}, "timeout=1800 is not below the 1800 s"),
        ({"concurrency": 0}, "concurrency=0 lets no attempt run"),
        ({"timeout": "5"}, "timeout='5' is no number of seconds"),
        ({"timeout": timedelta(seconds=5)}, r"is no number of seconds. .*total_seconds\(\)"),
        ({"concurrency": "3"}, "concurrency='3' is no whole number"),
        ({"retry": "yes"}, "retry='yes' is no RetryPolicy"),
        ({"missing_id": "guess"}, "missing_id='guess' is no policy"),
        ({"circuit_breaker": 5}, "circuit_breaker=5 is no CircuitBreaker"),
        ({"name": 5}, "its name 5 cannot name a queue"),
        ({"name": "a queue"}, "'a queue' cannot name a queue"),
        ({"name": "x" * 151}, "cannot name a queue"),
        ({"exception_handler": lambda error: None}, r"cannot be called with \(error, message\)"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], wrong: str) -> None:
    @MessageBusController()
    class Orders:
        @IncomingHandler("t", **options)
        async def m(self, message: Message[Order]) -> None: ...

    with pytest.raises(InvalidHandler, match=rf"Orders\.m .*{wrong}"):
        collected(Orders)


@pytest.mark.parametrize("topic", ["", "order.pla*", "x" * 256])
def test_a_topic_that_cannot_be_bound_is_refused(topic: str) -> None:
    @MessageBusController()
    class Orders:
        @IncomingHandler(topic)
        async def m(self, message: Message[Order]) -> None: ...

    with pytest.raises(InvalidTopic, match=r"Orders\.m: cannot listen to"):
        collected(Orders)


def test_a_payload_may_be_any_type_that_pydantic_validates() -> None:
    @MessageBusController()
    class Orders:
        @IncomingHandler("t")
        async def m(self, message: Message[Annotated[Order, "kept"] | dict[str, int]]) -> None: ...

    assert collected(Orders)[0].model == Annotated[Order, "kept"] | dict[str, int]


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 0.125),
        ({"nack_on_exception": True}, 1.0),
        ({"retry": RetryPolicy(max_attempts=4, first_delay=1.0, factor=3.0, max_delay=5.0)}, 5.0),
        ({"retry": RetryPolicy(), "nack_on_exception": True}, 8.0),
        ({"retry": RetryPolicy(max_attempts=1)}, 0.125),
    ],
)
def test_a_handler_says_how_long_its_messages_may_wait(options: dict[str, Any], seconds: float) -> None:
    @MessageBusController()
    class Orders:
        @IncomingHandler("t", **options)
        async def m(self, message: Message[Order]) -> None: ...

    assert collected(Orders)[0].longest_wait == seconds


def test_a_decorator_without_parentheses_is_refused_where_it_is_written() -> None:
    class Bare:
        async def take(self, message: Message[Order]) -> None: ...

    with pytest.raises(InvalidOption) as raised:
        IncomingHandler(Bare.take)  # type: ignore[arg-type]

    assert str(raised.value) == (
        "@IncomingHandler on Bare.take needs a topic such as 'order.placed'. Write the decorator with parentheses."
    )


def test_a_topic_is_a_text() -> None:
    with pytest.raises(InvalidOption, match="the first argument is a topic such as"):
        IncomingHandler(5)  # type: ignore[arg-type]
