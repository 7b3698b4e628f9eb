"""RabbitMQ's management API, which lists what AMQP cannot: queues and bindings."""

import asyncio
import json
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jararaca.errors import ConfigurationError, InventoryUnavailable
from jararaca.ports.broker import Binding
from jararaca.ports.inventory import QueueStock, application_of

_PORTS = {"amqp": ("http", 15672), "amqps": ("https", 15671)}


class ManagementInventory:
    """An `Inventory`, asked over HTTP.

    Args:
        broker_url: of the broker, whose user, password and virtual host are used.
        url: of the API, such as `http://host:15672`; a user and password in it win. None: the usual port of the
            broker's host.
        timeout: seconds for one answer.

    Raises:
        ConfigurationError: `url` is not one of HTTP. The text never shows it: it may hold a password.
    """

    def __init__(self, broker_url: str, url: str | None = None, *, timeout: float = 5.0) -> None:
        broker = urlsplit(broker_url)
        scheme, port = _PORTS.get(broker.scheme, _PORTS["amqp"])
        host = broker.hostname or "localhost"
        parts = urlsplit(url or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")
        try:
            self._port = parts.port
        except ValueError:
            parts = parts._replace(netloc="")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(
                "the URL of the management API is not valid. Write it as http://host:15672 (https:// for TLS)."
            )
        named = parts if parts.username is not None else broker
        self._user = unquote(named.username or "guest")
        self._login = f"{self._user}:{unquote(named.password or 'guest')}"
        self._vhost = quote(unquote(broker.path[1:]) or "/", safe="")
        self._host = parts.hostname
        self._path = parts.path.rstrip("/")
        self._timeout = timeout
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self.address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._path}"

    async def list_queues(self) -> list[QueueStock]:
        """Every queue of the virtual host; a broker that has just started may not have counted yet, and says 0."""
        found = await self._listed("queues", "name,messages,consumers,arguments")
        return [
            QueueStock(
                each["name"],
                each.get("messages", 0),
                each.get("consumers", 0),
                application_of(each.get("arguments") or {}),
            )
            for each in found
        ]

    async def list_bindings(self) -> list[Binding]:
        found = await self._listed("bindings", "source,destination,destination_type,routing_key,arguments")
        return [
            Binding(
                each["source"], each["destination"], each["routing_key"], each["arguments"], each["destination_type"]
            )
            for each in found
            if each["source"]
        ]

    async def disabled_features(self) -> list[str]:
        found = await self._answer("feature-flags", "name")
        return [each["name"] for each in found if each.get("state") != "enabled"]

    async def _listed(self, what: str, columns: str) -> list[dict[str, Any]]:
        return await self._answer(f"{what}/{self._vhost}?columns={columns}", columns.partition(",")[0])

    async def _answer(self, request: str, column: str) -> list[dict[str, Any]]:
        """A list of rows that have a column of that name."""
        path = f"{self._path}/api/{request}"
        try:
            status, body = await asyncio.to_thread(self._get, path)
        except (OSError, HTTPException) as error:
            raise InventoryUnavailable(
                f"nobody answers at {self.address} ({str(error) or type(error).__name__}). Turn the management API on, "
                "rabbitmq-plugins enable rabbitmq_management, or say where it is with --management-url."
            ) from error
        if status in (401, 403):
            raise InventoryUnavailable(
                f"the management API at {self.address} refuses the user {self._user!r}. Let it in, rabbitmqctl "
                f"set_user_tags {self._user} management, or name another one: --management-url http://user:password@..."
            )
        try:
            return _read(body if status == 200 else b"", column)
        except ValueError as error:
            raise InventoryUnavailable(
                f"what answers at {self.address} ({status}) is no management API of the broker's virtual host. Correct "
                "--management-url."
            ) from error

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = self._connect(self._host, self._port, timeout=self._timeout)
        try:
            token = b64encode(self._login.encode()).decode()
            connection.request("GET", path, headers={"Authorization": f"Basic {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _read(body: bytes, column: str) -> list[dict[str, Any]]:
    found = json.loads(body)
    if not isinstance(found, list) or not all(isinstance(each, dict) and column in each for each in found):
        raise ValueError("not a list of what was asked for")
    return found
