"""Of an input that is wrong, the place and the kind of the problem are told, and nothing that came from outside."""

import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from jararaca.messagebus.redaction import names_in, paths, text_of, without_values

SECRET = "alice@example.com"


class Card(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["card"] = "card"
    pin: int = Field(alias="cardPin")


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: int = Field(0, validation_alias=AliasChoices("sum", AliasPath("total", 0)))


class Payment(BaseModel):
    by: Annotated[Card | Cash, Field(discriminator="kind")] | None = None
    limits: dict[str, int] = {}
    levels: dict[int, list[int]] = {}
    note: int | list[str] = 0
    previous: "Payment | None" = None


class Titled(BaseModel):
    model_config = ConfigDict(title="A titled model")

    pin: int


def error_of(call: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (f'{{"limits": {{"{SECRET}": "x"}}}}', "limits.*: int_parsing"),
        ('{"levels": {"5550100": [1, "x"]}}', "levels.*.1: int_parsing"),
        ('{"levels": {"secret": []}}', "levels.*.key: int_parsing"),
        ('{"by": {"kind": "card", "cardPin": "secret"}}', "by.card.cardPin: int_parsing"),
        (f'{{"by": {{"kind": "card", "cardPin": 1, "{SECRET}": 1}}}}', "by.card.*: extra_forbidden"),
        ('{"by": {"kind": "secret"}}', "by: union_tag_invalid"),
        ('{"by": {"kind": "cash", "sum": "secret"}}', "by.cash.sum: int_parsing"),
        ('{"note": "secret"}', "note.int: int_parsing; note.list[str]: list_type"),
        (f'{{"previous": {{"limits": {{"{SECRET}": {{}}}}}}}}', "previous.limits.*: int_type"),
        ('["secret"]', "payload: model_type"),
    ],
)
def test_a_place_is_named_by_the_words_of_the_model_and_by_nothing_else(payload: str, told: str) -> None:
    error = error_of(lambda: Payment.model_validate_json(payload))
    assert paths(error, names_in(Payment), positions=True).replace("[key]", "key") == told


def test_at_most_twenty_problems_are_told() -> None:
    error = error_of(lambda: TypeAdapter(list[int]).validate_python(["x"] * 30))
    assert paths(error, names_in(list[int]), positions=True).count("int_parsing") == 20


def test_a_model_that_is_not_complete_has_no_names() -> None:
    class Incomplete(BaseModel):
        later: "Nowhere"  # type: ignore[name-defined] # noqa: F821

    assert "later" not in names_in(Incomplete)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: Card.model_validate({"cardPin": SECRET}), "cardPin: int_parsing"),
        (lambda: Titled.model_validate({"pin": SECRET}), "pin: int_parsing"),
        (lambda: Payment.model_validate({"limits": {SECRET: "x"}}), "limits.*: int_parsing"),
        (lambda: Payment.model_validate({"levels": {5550100: "x"}}), "levels.*: list_type"),
        (lambda: TypeAdapter(dict[str, int]).validate_python({SECRET: "x"}), "*: int_parsing"),
    ],
)
def test_of_an_error_that_comes_from_anywhere_the_models_of_its_title_tell_the_names(call: Any, told: str) -> None:
    assert text_of(error_of(call)) == told


def told_in_a_log(error: BaseException) -> str:
    """What a handler of logs writes of it."""
    shown = without_values(error)
    return logging.Formatter().formatException((type(shown), shown, shown.__traceback__))


def from_a_validation(wrapped: Callable[[str], Exception]) -> Exception:
    """An exception that a validation led to."""
    cause = error_of(lambda: Card.model_validate({"cardPin": SECRET}))
    error = wrapped(f"invalid card: {cause}")
    error.__cause__ = cause
    return error


def test_an_exception_without_validation_is_logged_as_it_is() -> None:
    error = OSError("disk full")
    assert without_values(error) is error


def test_a_validation_error_is_logged_with_its_traceback_and_without_its_input() -> None:
    log = told_in_a_log(error_of(lambda: Card.model_validate({"cardPin": SECRET})))

    assert SECRET not in log
    assert "ValidationError: cardPin: int_parsing" in log
    assert "Card.model_validate" in log


@pytest.mark.parametrize("wrapped", [OSError, KeyError, lambda text: ExceptionGroup(text, [OSError(text)])])
def test_neither_is_what_a_validation_led_to(wrapped: Callable[[str], Exception]) -> None:
    log = told_in_a_log(from_a_validation(wrapped))

    assert SECRET not in log
    assert "invalid card: cardPin: int_parsing" in log
    assert "the direct cause" in log


def test_a_validation_error_among_several_errors_is_not_quoted_either() -> None:
    group = ExceptionGroup("two problems", [OSError("disk full"), from_a_validation(RuntimeError)])
    assert SECRET not in told_in_a_log(group)
    assert text_of(group) == "two problems (2 sub-exceptions)"
