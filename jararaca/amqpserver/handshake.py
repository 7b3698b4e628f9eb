"""From the first method to an open connection: login, tuning, virtual host."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from pamqp import commands

from jararaca.adapters.rabbitmq.tables import DamagedTable, read_table
from jararaca.amqpserver.codec import encode_method
from jararaca.amqpserver.refusals import login_refused, no_vhost
from jararaca.amqpserver.wire import SMALLEST_FRAME_MAX
from jararaca.errors import JararacaError

PREAMBLE = b"AMQP\x00\x00\x09\x01"
OLDER_PREAMBLES = frozenset({b"AMQP\x01\x01\x00\x09", b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01"})
"""How clients of AMQP 0-9 and 0-8 begin; RabbitMQ talks to them all the same."""

CAPABILITIES = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
)


class HungUp(JararacaError):
    """What a client said before its connection was open gets no answer, as from RabbitMQ: the socket closes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server offers at the start: RabbitMQ's own values. `heartbeat` is in seconds, 0 is none."""

    channel_max: int = 2047
    frame_max: int = 131_072
    heartbeat: int = 60


@dataclass(slots=True)
class Handshake:
    """One client's way to an open connection. `stage` is what is awaited: start, tune, open; then running.

    Args:
        users: passwords by name.
        vhosts: the names of those that exist.
    """

    terms: Terms
    users: Mapping[str, str] = field(repr=False)
    vhosts: Collection[str]
    stage: str = "starting"
    user: str = ""
    vhost: str = ""
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    agreed: Terms = field(default_factory=Terms)

    def greeting(self) -> bytes:
        return encode_method(
            0,
            commands.Connection.Start,
            version_major=0,
            version_minor=9,
            server_properties={
                "product": "Jararaca",
                "version": version("jararaca"),
                "platform": "Python",
                "information": "For development and tests: nothing is durable.",
                "capabilities": dict.fromkeys(CAPABILITIES, True),
            },
            mechanisms=b"AMQPLAIN PLAIN",
            locales=b"en_US",
        )

    def answer(self, method: Any) -> bytes:
        """What to send to a method of the client; nothing for some.

        Raises:
            ConnectionClosed: refused, and the client is told.
            HungUp: refused, and the client is told nothing.
        """
        match self.stage, method:
            case "starting", commands.Connection.StartOk():
                self._log_in(method)
                self.stage = "tuning"
                offered = self.terms
                return encode_method(
                    0,
                    commands.Connection.Tune,
                    channel_max=offered.channel_max,
                    frame_max=offered.frame_max,
                    heartbeat=offered.heartbeat,
                )
            case "tuning", commands.Connection.TuneOk():
                self._tune(method)
                self.stage = "opening"
                return b""
            case "opening", commands.Connection.Open(virtual_host=vhost):
                if vhost not in self.vhosts:
                    raise no_vhost(vhost, method.index)
                self.vhost, self.stage = vhost, "running"
                return encode_method(0, commands.Connection.OpenOk, known_hosts="")
        raise HungUp(f"{method.name} came while the connection was {self.stage}.")

    def _log_in(self, method: Any) -> None:
        capabilities = method.client_properties.get("capabilities")
        self.capabilities = capabilities if isinstance(capabilities, dict) else {}
        match method.mechanism:
            case "PLAIN":
                user, password = _plain(method.response)
            case "AMQPLAIN":
                user, password = _amqplain(method.response)
            case mechanism:
                raise HungUp(f"login mechanism {mechanism!r:.40} is not supported. Use PLAIN or AMQPLAIN.")
        known = self.users.get(user.decode("utf-8", "surrogateescape"))
        if known is None or not hmac.compare_digest(known.encode(), password):
            if not self.capabilities.get("authentication_failure_close"):
                raise HungUp("a login was refused: user or password is wrong.")
            raise login_refused(method.mechanism)
        self.user = user.decode()

    def _tune(self, wanted: Any) -> None:
        for name, least in (("frame_max", SMALLEST_FRAME_MAX), ("channel_max", 1)):
            value, offered = getattr(wanted, name), getattr(self.terms, name)
            if value and value < least:
                raise HungUp(f"negotiated {name} = {value} is lower than the minimum allowed value ({least}).")
            if value == 0 or value > offered:
                raise HungUp(f"negotiated {name} = {value} is higher than the maximum allowed value ({offered}).")
        self.agreed = Terms(wanted.channel_max, wanted.frame_max, wanted.heartbeat)


def _plain(response: bytes) -> tuple[bytes, bytes]:
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise HungUp("the response to PLAIN is malformed.")
    return parts[1], parts[2]


def _amqplain(response: bytes) -> tuple[bytes, bytes]:
    try:
        table, _end = read_table(len(response).to_bytes(4, "big") + response, 0)
        user, password = table["LOGIN"], table["PASSWORD"]
    except (DamagedTable, KeyError) as error:
        raise HungUp("the response to AMQPLAIN is no table with LOGIN and PASSWORD.") from error
    if not isinstance(user, str) or not isinstance(password, str):
        raise HungUp("LOGIN and PASSWORD of AMQPLAIN are no texts.")
    return user.encode(), password.encode()
