"""Where servers are is a secret in part: the password of a URL is shown nowhere."""

import pytest

from jararaca_testing.servers import Servers, masked, named_database


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://guest:secret@host:5672/vhost", "amqp://guest:***@host:5672/vhost"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("redis://host:6379/0?password=secret", "redis://host:6379/0"),
        ("redis://user:se?cr/et@host/0", "redis://user:***@host/0"),
        ("postgresql+asyncpg://postgres@host/test", "postgresql+asyncpg://postgres@host/test"),
        ("amqp://user:secret@[::1", "amqp://user:***@[::1"),
    ],
)
def test_a_url_is_shown_without_its_password_and_options(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_urls_do_not_show_where_the_value_is_printed() -> None:
    assert repr(Servers("amqp://:secret@host", "redis://:secret@host", "postgresql://:secret@host")) == "Servers()"


def test_an_empty_variable_names_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARARACA_TEST_DATABASE_URL", "")

    assert named_database() is None
