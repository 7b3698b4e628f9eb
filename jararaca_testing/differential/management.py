"""What AMQP does not tell of a RabbitMQ: its bindings, asked of the management plugin over HTTP."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from jararaca.ports.broker import Binding, decimal_parts


class Management:
    """The HTTP API of RabbitMQ's management plugin at `url`, such as `http://guest:guest@127.0.0.1:15672`."""

    def __init__(self, url: str, *, vhost: str = "/") -> None:
        self._client = httpx.Client(base_url=url, trust_env=False)
        self._path = f"/api/bindings/{quote(vhost, safe='')}"

    def bindings(self, prefix: str) -> Iterator[Binding]:
        """Every binding of an exchange whose name begins like this.

        Raises:
            httpx.HTTPError: the plugin does not answer, or refuses.
        """
        response = self._client.get(self._path)
        response.raise_for_status()
        return (_binding(told) for told in response.json() if told["source"].startswith(prefix))

    def __enter__(self) -> "Management":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()


def _binding(told: dict[str, Any]) -> Binding:
    return Binding(
        told["source"],
        told["destination"],
        routing_key=told["routing_key"],
        destination_type=told["destination_type"],
        arguments=told["arguments"],
    )


def as_told(value: Any) -> Any:
    """An argument of a binding as the plugin shows it: JSON has fewer types than AMQP. What was told stays as it is."""
    match value:
        case None:
            return "undefined"
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return f"Not UTF-8, base64 is: {b64encode(value).decode()}"
        case datetime():
            return int(value.timestamp())
        case Decimal():
            return float("{}.{}".format(*decimal_parts(value) or ()))  # the plugin takes the scale for the whole part
        case Mapping():
            return {name: as_told(each) for name, each in value.items()}
        case list() | tuple():
            return [as_told(each) for each in value]
    return value
