"""What counts as a secret, and where one is found once it was told: in messages, extras, exceptions and steps."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from jararaca import AIOPikaConnectionFactory, AIOSQAConfig
from jararaca.core.disclosure import is_telling
from jararaca.core.steps import Kind, Step
from jararaca_testing.gates.secrets import FACTS, Logs, canaries_of, declared_in

SECRET = "hunter2-hunter2"
CANARIES = {SECRET: "Keys.gateway"}


class Inner(BaseModel):
    token: SecretStr


class Keys(BaseModel):
    gateway: SecretStr
    raw: SecretBytes = SecretBytes(b"bytes-are-secret-too")
    inner: Inner = Inner(token=SecretStr("inner-token-1"))
    name: str = "no-secret-at-all"


@dataclass
class Plain:
    keys: Keys
    url: str = "redis://:pass%2Fword-1@cache:6379/0"


@pytest.fixture
def logs() -> Iterator[Logs]:
    logs = Logs()
    with logs.listening():
        yield logs


def told(logs: Logs) -> list[str]:
    return [finding.what for finding in logs.findings(CANARIES)]


def test_secrets_of_models_dataclasses_and_urls_are_canaries() -> None:
    found = canaries_of([Plain(Keys(gateway=SecretStr(SECRET))), "text", 7, None])

    assert found == {
        SECRET: "Plain.keys.gateway",
        "bytes-are-secret-too": "Plain.keys.raw",
        "inner-token-1": "Plain.keys.inner.token",
        "pass%2Fword-1": "the password of Plain.url",
        "pass/word-1": "the password of Plain.url",
    }


def test_what_an_interceptor_was_given_is_looked_into() -> None:
    class Interceptor:
        def __init__(self) -> None:
            self.database = AIOSQAConfig("default", "postgresql+asyncpg://app:database-word-1@db/shop")
            self.broker = AIOPikaConnectionFactory("amqp://app:broker-word-1@rabbit/")

    assert set(canaries_of(declared_in(Interceptor()))) == {"database-word-1", "broker-word-1"}


@pytest.mark.parametrize("url", ["postgresql://localhost/x", "a@b", "http://[broken@host://", "mail: a@b.c"])
def test_what_has_no_password_has_no_secret(url: str) -> None:
    assert canaries_of([url]) == {}


@pytest.mark.parametrize(
    ("secret", "telling"),
    [
        ("", False),
        ("guest", False),
        ("pass-1", False),
        ("password", False),
        ("postgres", False),
        ("password1", True),
        ("s3cr3t-x", True),
        ("correcthorsebattery", True),
    ],
)
def test_what_may_stand_anywhere_by_chance_is_no_canary(secret: str, telling: bool) -> None:
    assert is_telling(secret) is telling


def test_a_secret_is_found_in_the_message_with_the_line_and_never_shown(logs: Logs) -> None:
    logging.getLogger("shop").warning("the key is %s", SECRET)
    logging.getLogger("shop").warning("all is well")

    (finding,) = logs.findings(CANARIES)
    assert finding.what.startswith("the logger 'shop' at ")
    assert finding.what.endswith("says Keys.gateway")
    assert "test_gates_secrets.py:" in finding.what
    assert SECRET not in repr(finding)


def test_a_secret_is_found_in_extras_and_in_exceptions_and_what_caused_them(logs: Logs) -> None:
    logging.getLogger("a").warning("connecting", extra={"options": {"password": SECRET}})
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            raise RuntimeError("not now") from error
    except RuntimeError:
        logging.getLogger("b").exception("it failed")

    assert [what.split("'")[1] for what in told(logs)] == ["a", "b"]


def test_a_record_whose_arguments_do_not_fit_is_read_as_it_is(logs: Logs) -> None:
    logs.emit(logging.LogRecord("shop", 30, __file__, 1, f"{SECRET} %s %s", ("one",), None))

    assert len(told(logs)) == 1


def test_each_question_answers_for_what_came_since_the_last_one(logs: Logs) -> None:
    logging.getLogger("shop").warning(SECRET)

    assert [len(told(logs)), len(told(logs))] == [1, 0]


def test_nothing_is_heard_once_nobody_listens_any_more() -> None:
    logs = Logs()
    with logs.listening():
        pass

    logging.getLogger("shop").warning(SECRET)

    assert told(logs) == []


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_the_facts_of_steps_that_name_foreign_things_are_looked_at(logs: Logs, kind: Kind) -> None:
    facts: dict[str, Any] = {"url": f"amqp://app:{SECRET}@rabbit/", "attempt": 1, "ready": True, "error": None}
    logs.on_step(Step(kind, "after", None, None, None, facts))

    assert told(logs) == [f"the step {kind} says Keys.gateway"]
