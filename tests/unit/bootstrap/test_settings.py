"""What the environment says, and over what it is put."""

from dataclasses import fields

import pytest

from jararaca.bootstrap.settings import Settings, read_settings
from jararaca.errors import ConfigurationError
from jararaca.messagebus.config import MessageBusConfig

TWINS = [
    ("exchange", "shop.events", "shop.events"),
    ("concurrency", "3", 3),
    ("prefetch", "7", 7),
    ("handler_timeout", "2.5", 2.5),
    ("delivery_limit", "4", 4),
    ("max_message_bytes", "1000", 1000),
    ("queue_type", "classic", "classic"),
    ("topology", "passive", "passive"),
    ("max_hops", "9", 9),
    ("outbox_attempts", "3", 3),
    ("inbox_retention", "3600", 3600.0),
]


@pytest.fixture(autouse=True)
def nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"JARARACA_{name.upper()}", raising=False)


def test_every_field_of_the_bus_configuration_has_a_twin() -> None:
    assert {field.name for field in fields(MessageBusConfig)} == {"url", *(name for name, _, _ in TWINS)}


@pytest.mark.parametrize(("name", "value", "meant"), TWINS)
def test_a_variable_wins_over_its_declared_field(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, meant: object
) -> None:
    monkeypatch.setenv(f"JARARACA_{name.upper()}", value)

    config = read_settings().bus_config(MessageBusConfig(url="memory://declared"))

    assert getattr(config, name) == meant
    assert config.url == "memory://declared"


def test_what_nobody_says_is_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARARACA_PREFETCH", "")  # as a compose file leaves it when there is nothing to pass on
    declared = MessageBusConfig(url="memory://", prefetch=3, queue_type="classic")

    assert read_settings(broker_url=None).bus_config(declared) == declared
    assert read_settings().bus_config() == MessageBusConfig()


def test_an_option_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARARACA_BROKER_URL", "amqp://variable/")

    assert read_settings().bus_config().url == "amqp://variable/"
    assert read_settings(broker_url="amqp://option/").bus_config().url == "amqp://option/"


def test_all_that_is_wrong_is_told_at_once_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARARACA_PREFETCH", "70000")
    monkeypatch.setenv("JARARACA_HANDLER_TIMEOUT", "hunter2")

    with pytest.raises(ConfigurationError) as raised:
        read_settings()

    assert str(raised.value) == (
        "the environment cannot be used: JARARACA_PREFETCH: Input should be less than or equal to 65535; "
        "JARARACA_HANDLER_TIMEOUT: Input should be a valid number, unable to parse string as a number. Set or unset "
        "them."
    )


def test_an_address_with_a_password_is_not_shown_by_accident() -> None:
    settings = read_settings(broker_url="amqp://guest:hunter2@localhost/")

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(settings.bus_config())
