"""What people see of values: no secrets, and the same text in every run."""

import enum
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from jararaca_testing.showing import is_secret, plain, shown, without_secrets


class Card(BaseModel):
    number: str = Field(repr=False)
    cvc_token: str
    owner: str = "Ada"


class Account(BaseModel):
    name: str
    password: str
    card: Card | None = None
    pin: SecretStr = SecretStr("1234")


@dataclass
class Login:
    user: str
    api_key: str
    trace: str = field(default="hidden", repr=False)


class Colour(enum.Enum):
    RED = "red"


Point = namedtuple("Point", "x y")
ACCOUNT = Account(name="ada", password="hunter2", card=Card(number="4242", cvc_token="t-1"))


@pytest.mark.parametrize(
    "name",
    ["password", "user_password", "Authorization", "x-api-key", "apikey", "Set-Cookie", "access_token", "clientSecret",
     "credentials", "private_key", "passphrase"],
)  # fmt: skip
def test_names_that_sound_like_secrets_are(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["id", "passenger", "compass", "key", "content-type", "author", "tokyo"])
def test_other_names_are_not(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ACCOUNT, "Account(name='ada', password=***, card=Card(cvc_token=***, owner='Ada'), pin=SecretStr('*****'))"),
        (Login("ada", "k-1"), "Login(user='ada', api_key=***)"),
        ({"id": 1, "inner": {"Cookie": "a=b"}, "token": None}, "{'id': 1, 'inner': {'Cookie': ***}, 'token': None}"),
        ([Point(1, 2), (3,), ()], "[Point(x=1, y=2), (3,), ()]"),
        ({"b", "a"}, "{'a', 'b'}"),
        (frozenset({2, 1}), "frozenset({1, 2})"),
        (set(), "set()"),
        ("amqp://ada:hunter2@host/", "'amqp://ada:***@host/'"),
        (b"bytes", "b'bytes'"),
        (Colour.RED, "<Colour.RED: 'red'>"),
    ],
)  # fmt: skip
def test_values_look_as_their_repr_does_without_secrets(value: Any, text: str) -> None:
    assert shown(value).replace("**********", "*****") == text


def test_addresses_are_left_out() -> None:
    assert shown(object()) == "<object object at 0x...>"
    assert shown([object()]) == "[<object object at 0x...>]"


def test_what_cannot_be_shown_says_so() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("not me")

    assert shown([Shy()]) == "<list that cannot be shown: RuntimeError>"


def test_of_a_long_value_the_beginning_is_shown() -> None:
    assert shown("x" * 100, limit=10) == "'xxxxxx..."
    assert len(shown(list(range(1000)), limit=50)) == 50


def test_what_contains_itself_comes_to_an_end() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless

    assert shown(endless).endswith("...}}}}}}}}}}}}}}}}}}}}}")
    assert plain(endless)["again"]["again"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no answer from redis://:hunter2@host:1/0", "no answer from redis://:***@host:1/0"),
        ("login failed: user=ada password=hunter2, retry", "login failed: user=ada password=***, retry"),
        ('{"id": 1, "api_key": "k\\"1", "a": 2', '{"id": 1, "api_key": ***, "a": 2'),
        ("{'token': 'x y', 'n': 1}", "{'token': ***, 'n': 1}"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("https://host/?access_token=abc&page=2", "https://host/?access_token=***&page=2"),
        ("a basic idea", "a basic ***"),
        ("unexpected token: '<'", "unexpected token: '<'"),
        ("<Gateway object at 0x7f1234567890>", "<Gateway object at 0x...>"),
        ("wallet 0xdeadbeef", "wallet 0xdeadbeef"),
    ],
)
def test_text_that_others_wrote_loses_what_looks_like_a_secret(text: str, expected: str) -> None:
    """Rather a harmless word too many than a secret."""
    assert without_secrets(text) == expected


def test_a_page_gets_what_json_can_say() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    value = {
        "account": ACCOUNT,
        "when": [moment, Decimal("1.50"), UUID(int=1), Colour.RED],
        "raw": b"\xffa",
        "flags": (True, None, 1.5),
        "other": object(),
    }

    assert plain(value) == {
        "account": {"name": "ada", "password": "***", "card": {"cvc_token": "***", "owner": "Ada"}, "pin": "***"},
        "when": [str(moment), "1.50", str(UUID(int=1)), "red"],
        "raw": "\\xffa",
        "flags": [True, None, 1.5],
        "other": "<object object at 0x...>",
    }
