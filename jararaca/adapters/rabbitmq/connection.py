"""One connection to RabbitMQ: opening it with errors that say what to do, its channels, and noticing its end."""

import asyncio
import ssl
from collections.abc import Callable

from aiormq.abc import AbstractConnection
from aiormq.exceptions import AMQPError, AuthenticationError, ProbableAuthenticationError
from yarl import URL

from jararaca.adapters.rabbitmq.channel import Channel, given_up
from jararaca.adapters.rabbitmq.wire import Wire, WiredConnection, WireFactory
from jararaca.errors import BrokerUnavailable, ConfigurationError, JararacaError, LoginRefused

_LOGIN_CODES = frozenset({403, 530})


def parse_url(url: str) -> URL:
    """The URL, checked.

    Raises:
        ConfigurationError: it is not one of a broker. The text never shows it: it may hold a password.
    """
    try:
        parsed = URL(url)
        valid = parsed.scheme in {"amqp", "amqps"} and bool(parsed.host)
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(
            "the broker URL is not valid. Write it as amqp://user:password@host:5672/vhost (amqps:// for TLS)."
        )
    return parsed


def masked(url: URL) -> str:
    """The URL for people: without password and options."""
    shown = url.with_query(None)
    return str(shown.with_password("***") if shown.password is not None else shown)


def _is_of_tls(error: BaseException) -> bool:
    """Whether both sides could not agree on TLS, which waiting does not mend; a line that was cut meanwhile it may."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:  # a driver's contexts may go round in a circle
        if isinstance(link, ssl.SSLError):
            return not isinstance(link, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        seen.append(link)
        link = link.__cause__ or link.__context__
    return False


class Connection:
    """An open connection and its channels; `lost` once it ended, whoever ended it."""

    def __init__(self, address: str, *, timeout: float, on_lost: Callable[[], None]) -> None:
        self.address = address
        self.frame_max = 4096  # the least that AMQP allows; the server's own limit once open
        self.server = ""  # product and version, as the server introduces itself
        self._timeout = timeout
        self._on_lost = on_lost
        self._channels: set[Channel] = set()
        self._factory = WireFactory(on_end=self._end)
        self._outer: WiredConnection | None = None

    @property
    def lost(self) -> bool:
        return self._factory.wire is None or self._factory.wire.ended

    @property
    def blocked(self) -> bool:
        return self._factory.wire is not None and self._factory.wire.blocked

    async def open(self, url: URL, *, heartbeat: int, name: str) -> None:
        """Open it, once.

        Raises:
            BrokerUnavailable: nobody answers at the address.
            LoginRefused: the server answered, and refused TLS, the user, password or virtual host.
        """
        options = {"heartbeat": str(heartbeat), "name": name}
        self._outer = WiredConnection(url.update_query(options), transport_factory=self._factory)
        try:
            async with asyncio.timeout(self._timeout):
                await self._outer.connect()
        except (AMQPError, OSError, RuntimeError, asyncio.CancelledError) as error:
            await self._outer.close()
            if isinstance(error, asyncio.CancelledError) and given_up():
                raise
            raise self._refused(error) from error
        driver = self._driver()[1]
        self.frame_max = driver.connection_tune.frame_max or 131_072
        introduced = driver.server_properties
        self.server = " ".join(str(introduced[key]) for key in ("product", "version") if key in introduced)

    def _refused(self, error: BaseException) -> JararacaError:
        refusal = self._factory.wire.refusal if self._factory.wire is not None else None
        detail = f"{refusal.code} {refusal.text}" if refusal is not None else str(error) or type(error).__name__
        if isinstance(error, TimeoutError):
            detail = f"no answer within {self._timeout:g} s"
        detail = detail.rstrip(".")
        if _is_of_tls(error):
            return LoginRefused(
                f"TLS with the broker at {self.address} failed: {detail}. Use amqp:// where it speaks none, or name "
                "whom to trust: ?cafile=... in the URL."
            )
        login = isinstance(error, AuthenticationError | ProbableAuthenticationError) or (
            refusal is not None and refusal.code in _LOGIN_CODES and "limit" not in refusal.text
        )
        if login:
            return LoginRefused(
                f"the broker at {self.address} refused the login: {detail}. "
                "Correct the user, password or virtual host in its URL."
            )
        return BrokerUnavailable(f"no broker can be reached at {self.address}: {detail}. Start it or correct its URL.")

    def _end(self) -> None:
        error = self.failure()
        channels, self._channels = self._channels, set()
        for channel in channels:
            channel.end(error)
        self._on_lost()

    def failure(self) -> BrokerUnavailable:
        """Why nothing can be sent now."""
        wire = self._factory.wire
        said = f" ({wire.refusal.code} {wire.refusal.text})" if wire is not None and wire.refusal is not None else ""
        return BrokerUnavailable(f"the connection to the broker at {self.address} was lost{said}. Connect again.")

    async def open_channel(self, *, confirms: bool = False) -> Channel:
        """Open a channel; with `confirms`, the server confirms each publish on it."""
        wire, driver = self._driver()
        try:
            async with asyncio.timeout(self._timeout):
                requests = await driver.channel(publisher_confirms=confirms)
        except TimeoutError:
            raise BrokerUnavailable(
                f"the broker at {self.address} opened no channel within {self._timeout:g} s. See whether it is blocked."
            ) from None
        except (AMQPError, OSError, RuntimeError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and given_up():
                raise
            raise self.failure() from error
        channel = Channel(wire, requests, timeout=self._timeout)
        self._channels = {known for known in self._channels if known.open} | {channel}
        return channel

    def _driver(self) -> tuple[Wire, AbstractConnection]:
        wire, outer = self._factory.wire, self._outer
        if wire is None or wire.ended or outer is None or outer.transport is None:
            raise self.failure()
        return wire, outer.transport.connection

    async def flush(self) -> None:
        """Return once everything queued has been written."""
        wire = self._driver()[0]
        try:
            await wire.drain()
        except OSError as error:
            raise self.failure() from error

    def abort(self) -> None:
        """Drop the socket without a goodbye; no effect when closed."""
        if self._factory.wire is not None:
            self._factory.wire.abort()

    async def close(self) -> None:
        """Write what is queued and close, within the timeout; no effect when closed."""
        wire, outer = self._factory.wire, self._outer
        if wire is not None:
            wire.push()
            wire.end()
        if outer is None:
            return
        try:
            async with asyncio.timeout(self._timeout):
                await outer.close()
        except TimeoutError:
            if wire is not None:
                wire.abort()
