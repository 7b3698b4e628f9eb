"""Taking messages: a running consumer with a channel of its own, and single messages on demand."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from jararaca.adapters.rabbitmq.channel import Channel
from jararaca.adapters.rabbitmq.delivery import RabbitMQDelivery
from jararaca.adapters.rabbitmq.frames import CANCEL, DELIVER, GET_EMPTY, GET_OK, get_frame, read_deliver, read_get_ok
from jararaca.errors import BrokerUnavailable, JararacaError
from jararaca.ports.broker import Delivery

_TAG = "jararaca"  # consumer tags are unique per channel, and each consumer has its own


class RabbitMQSubscription:
    """A `Subscription`. `on_delivery` is called in a turn of the loop of its own, in the order of arrival."""

    def __init__(self, channel: Channel, on_delivery: Callable[[Delivery], None]) -> None:
        self.cancelled = asyncio.Event()
        self.lost = asyncio.Event()
        self._channel = channel
        self._on_delivery = on_delivery
        self._call_soon = asyncio.get_running_loop().call_soon
        channel.on_content, channel.on_method, channel.on_end = self._deliver, self._method, self._ended

    async def start(self, queue: str, *, prefetch: int, priority: int) -> None:
        requests = self._channel.requests
        arguments: dict[str, Any] = {"x-priority": priority} if priority else {}
        await self._channel.call(requests.basic_qos(prefetch_count=prefetch))
        await self._channel.call(requests.basic_consume(queue, _never_called, consumer_tag=_TAG, arguments=arguments))

    def _deliver(self, method: int, arguments: bytes, header: bytes, body: bytes) -> None:
        if method == DELIVER:
            delivery = RabbitMQDelivery(self._channel, read_deliver(arguments), header, body)
            self._call_soon(self._on_delivery, delivery)

    def _method(self, method: int, _arguments: bytes) -> bool:
        if method == CANCEL:
            self.cancelled.set()
        return False

    def _ended(self, _error: JararacaError) -> None:
        self.lost.set()

    async def cancel(self) -> None:
        if self._channel.open and not self.cancelled.is_set():
            await self._channel.call(self._channel.requests.basic_cancel(_TAG))
            self.cancelled.set()

    async def close(self) -> None:
        if not self.lost.is_set():
            self.cancelled.set()
        await self._channel.close()


async def _never_called(_message: object) -> None:
    """The driver wants a callback; deliveries never reach it (see `wire`)."""


class Getter:
    """Takes single messages over one channel, which lives on so that they can be settled."""

    def __init__(self, channel: Channel, *, timeout: float) -> None:
        self.channel = channel
        self._timeout = timeout
        self._waiting: deque[asyncio.Future[Delivery | None]] = deque()
        channel.on_content, channel.on_method, channel.on_end = self._content, self._method, self._ended

    async def get(self, queue: str) -> Delivery | None:
        """One message, or None."""
        answer: asyncio.Future[Delivery | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self.channel.write(get_frame(self.channel.number, queue))
        try:
            async with asyncio.timeout(self._timeout):
                return await answer
        except TimeoutError:
            raise BrokerUnavailable(
                f"the broker gave no message and no refusal within {self._timeout:g} s. See whether it is overloaded."
            ) from None

    def _content(self, method: int, arguments: bytes, header: bytes, body: bytes) -> None:
        if method == GET_OK:
            delivery = RabbitMQDelivery(self.channel, read_get_ok(arguments), header, body)
            answer = self._waiting.popleft()
            if answer.done():
                delivery.nack(requeue=True)  # whoever asked has given up
            else:
                answer.set_result(delivery)

    def _method(self, method: int, _arguments: bytes) -> bool:
        if method == GET_EMPTY:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(None)
        return method == GET_EMPTY

    def _ended(self, error: JararacaError) -> None:
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(error)
