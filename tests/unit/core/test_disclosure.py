"""What an exception was given is found in whatever spelling it quotes it."""

import json

import pytest

from jararaca.core.disclosure import MOST, NOTHING, Given, given_to, note_given, without_passwords

SECRET = "s3cret-enough"


@pytest.mark.parametrize(
    "given",
    [
        Given(json.dumps({"a": [{"b": SECRET}]}).encode()),
        Given(json.dumps({SECRET: 1}).encode()),
        Given(f"owner={SECRET}&x=1".encode()),
        Given(SECRET.encode()),
        Given(words=[f"Bearer {SECRET}"]),
        Given(words=[f"lang=de; session={SECRET}"]),
        Given(words=[f"token={SECRET}&x=1"]),
        Given(secrets={SECRET}),
    ],
)
def test_a_value_is_hidden_wherever_it_was_given(given: Given) -> None:
    assert given.hidden_in(f"no {SECRET} here") == "no *** here"


@pytest.mark.parametrize("value", ['with "quotes" 1', "with\nlines and more", "grüße-aus-köln-1"])
@pytest.mark.parametrize("quoted", [repr, json.dumps, str])
def test_so_it_is_in_each_way_to_quote_it(value: str, quoted: object) -> None:
    assert callable(quoted)
    given = Given(json.dumps({"a": value}).encode())

    assert given.hidden_in(quoted(value)).strip("'\"") == "***"


def test_a_number_counts_by_its_digits() -> None:
    assert Given(b'{"card": 4111111111111111, "n": 42}').hidden_in("4111111111111111 of 42") == "*** of 42"


def test_the_longest_value_is_hidden_first() -> None:
    assert Given(words=["12345678", "1234567890"]).hidden_in("1234567890") == "***"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_any_body_can_be_looked_through(body: bytes) -> None:
    assert Given(body).hidden_in("nothing of it") == "nothing of it"


def test_what_is_too_large_hides_the_whole_text() -> None:
    assert "is not shown" in Given(b"x" * (MOST + 1)).hidden_in(SECRET)


def test_urls_lose_their_passwords() -> None:
    text = "at amqp://bob:pw@host/ and https://host/a:b@c and postgresql+asyncpg://:p%40w@db/x"

    assert (
        without_passwords(text) == "at amqp://bob:***@host/ and https://host/a:b@c and postgresql+asyncpg://:***@db/x"
    )


class Closed(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def test_the_first_note_stays_and_who_takes_none_has_none() -> None:
    error, first = ValueError(), Given(b"1")
    note_given(error, first)
    note_given(error, Given(b"2"))
    note_given(closed := Closed(), first)

    assert given_to(error) is first
    assert given_to(closed) is NOTHING
