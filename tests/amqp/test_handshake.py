"""From the first byte to an open connection: what the server offers, takes, and refuses as RabbitMQ does."""

import logging
from typing import Any

import pytest
from pamqp import commands, encode
from pamqp.heartbeat import Heartbeat
from speaking import METHOD, PREAMBLE, Speaker, raw, shown

CAPABILITIES = {
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
}
REFUSED = "ACCESS_REFUSED - Login was refused using authentication mechanism {}. For details see the broker logfile."


def amqplain(**fields: Any) -> bytes:
    return encode.field_table(fields)[4:]


def test_the_server_offers_what_rabbitmq_offers(either: str) -> None:
    with Speaker(either) as client:
        start = client.greet()
        tune = client.ask(client.start_ok("PLAIN"), channel=0)

    properties: Any = start.server_properties
    assert (start.version_major, start.version_minor) == (0, 9)
    assert {name for name, offered in properties["capabilities"].items() if offered} == CAPABILITIES
    assert sorted(str(start.mechanisms).split()) == ["AMQPLAIN", "PLAIN"]
    assert start.locales == "en_US"
    assert (tune.channel_max, tune.frame_max, tune.heartbeat) == (2047, 131_072, 60)


def test_the_server_says_what_it_is(url: str) -> None:
    with Speaker(url) as client:
        properties: Any = client.greet().server_properties

    assert properties["product"] == "Jararaca"
    assert properties["information"] == "For development and tests: nothing is durable."


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n\r\n", b"AMQP\x00\x01\x00\x00"])
def test_another_protocol_is_answered_with_the_version_that_is_spoken(either: str, start: bytes) -> None:
    with Speaker(either) as client:
        assert shown(client.ask(start)) == ("header", 0, 9, 1)
        assert client.hear() is None


def test_a_first_word_may_come_in_pieces(either: str) -> None:
    with Speaker(either) as client:
        for byte in PREAMBLE:
            client.say(bytes([byte]))

        assert isinstance(client.hear(), commands.Connection.Start)


def test_clients_of_older_versions_are_spoken_to(either: str) -> None:
    with Speaker(either) as client:
        assert isinstance(client.ask(b"AMQP\x01\x01\x00\x09"), commands.Connection.Start)


@pytest.mark.parametrize("mechanism", ["PLAIN", "AMQPLAIN"])
def test_a_login_by_either_mechanism(either: str, mechanism: str) -> None:
    response = {"PLAIN": None, "AMQPLAIN": amqplain(LOGIN="guest", PASSWORD="guest")}[mechanism]
    with Speaker(either) as client:
        assert isinstance(client.log_in(mechanism=mechanism, response=response), commands.Connection.Tune)


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("PLAIN", b"\0guest\0wrong"),
        ("PLAIN", b"\0nobody\0guest"),
        ("AMQPLAIN", amqplain(LOGIN="guest", PASSWORD="wrong")),
    ],
)
def test_a_wrong_login_is_told_to_who_can_hear_it(either: str, mechanism: str, response: bytes) -> None:
    with Speaker(either) as client:
        answer = client.log_in(mechanism=mechanism, response=response, authentication_failure_close=True)

        assert shown(answer) == ("Connection.Close", 403, REFUSED.format(mechanism), 0, 0)
        client.say(commands.Connection.CloseOk(), channel=0)
        assert client.hear() is None


START_OK = commands.Connection.StartOk.index.to_bytes(4, "big")
HUNG_UP_AT_LOGIN: dict[str, tuple[str, bytes]] = {
    "a wrong password": ("PLAIN", b"\0guest\0wrong"),
    "a mechanism that is not offered": ("EXTERNAL", b""),
    "a malformed response": ("PLAIN", b"guest"),
    "no table": ("AMQPLAIN", b"guest"),
    "no password": ("AMQPLAIN", amqplain(LOGIN="guest")),
    "a password that is no text": ("AMQPLAIN", amqplain(LOGIN="guest", PASSWORD=5)),
}


@pytest.mark.parametrize("why", HUNG_UP_AT_LOGIN)
def test_a_login_that_cannot_be_told_about_is_hung_up_on(either: str, why: str) -> None:
    mechanism, response = HUNG_UP_AT_LOGIN[why]
    with Speaker(either) as client:
        assert client.log_in(mechanism=mechanism, response=response) is None


def test_why_a_client_was_hung_up_on_is_in_the_log(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It names the cause, and no password."""
    with caplog.at_level(logging.WARNING, "jararaca.amqpserver"), Speaker(url) as client:
        client.log_in(response=b"\0guest\0swordfish")

    [record] = caplog.records
    assert vars(record)["why"] == "a login was refused: user or password is wrong."
    assert "swordfish" not in str(vars(record))


@pytest.mark.parametrize(
    "tuned",
    [{"frame_max": 1000}, {"frame_max": 1_000_000}, {"frame_max": 0}, {"channel_max": 65_000}, {"channel_max": 0}],
)
def test_terms_beyond_what_was_offered_are_hung_up_on(either: str, tuned: dict[str, int]) -> None:
    with Speaker(either) as client:
        client.tune(client.log_in(), **tuned)

        assert client.ask(commands.Connection.Open("/"), channel=0) is None


EARLY: dict[str, Any] = {
    "an open before the login": lambda client: (client.greet(), client.say(commands.Connection.Open("/"), channel=0)),
    "a login twice": lambda client: (client.log_in(), client.say(client.start_ok("PLAIN"))),
    "a long frame before the login": lambda client: (client.greet(), client.say(raw(METHOD, 0, b"x" * 10_000))),
}


@pytest.mark.parametrize("what", EARLY)
def test_who_does_not_wait_for_its_turn_is_hung_up_on(either: str, what: str) -> None:
    with Speaker(either) as client:
        EARLY[what](client)

        assert client.hear() is None


def test_a_channel_before_the_connection_is_open(either: str) -> None:
    with Speaker(either) as client:
        client.tune(client.log_in())

        answer = client.ask(commands.Channel.Open())

        text = "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,1,48>>"
        assert shown(answer) == ("Connection.Close", 505, text, 0, 0)


def test_a_virtual_host_that_does_not_exist(either: str) -> None:
    with Speaker(either) as client:
        client.tune(client.log_in())

        answer = client.ask(commands.Connection.Open("socket-nowhere"), channel=0)

        assert shown(answer) == ("Connection.Close", 530, "NOT_ALLOWED - vhost socket-nowhere not found", 10, 40)


def test_a_close_is_answered_before_the_connection_is_open(url: str) -> None:
    with Speaker(url) as client:
        client.log_in()

        assert isinstance(client.ask(commands.Connection.Close(200, "", 0, 0), channel=0), commands.Connection.CloseOk)
        assert client.hear() is None


def test_a_secret_may_be_renewed_and_access_asked_for(either: str) -> None:
    """What some clients say and no server of today does anything about."""
    with Speaker(either) as client:
        client.open()

        assert isinstance(
            client.ask(commands.Connection.UpdateSecret("new", "why"), channel=0), commands.Connection.UpdateSecretOk
        )
        client.say(raw(METHOD, 1, bytes.fromhex("001e000a") + b"\x01/\x1f"))
        assert client.exactly(14) == raw(METHOD, 1, bytes.fromhex("001e000b0001"))


@pytest.mark.needs_servers  # in real time; tests/unit/amqpserver has them in virtual time
def test_heartbeats_come_while_nothing_else_does(either: str) -> None:
    with Speaker(either) as client:
        client.open(heartbeat=1)

        channel, heard = next(client.frames())

    assert channel == 0
    assert isinstance(heard, Heartbeat)


@pytest.mark.needs_servers
def test_who_is_silent_for_two_heartbeats_is_hung_up_on(either: str) -> None:
    with Speaker(either) as client:
        client.open(heartbeat=1)

        assert all(isinstance(heard, Heartbeat) for _channel, heard in client.frames())
