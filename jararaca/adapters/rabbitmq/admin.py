"""Declaring, binding, counting and deleting over a channel of its own, renewed after each refusal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from aiormq.abc import AbstractChannel

from jararaca.adapters.rabbitmq.channel import Channel
from jararaca.errors import UnencodableValue
from jararaca.ports.broker import Binding, Exchange, Queue, QueueInfo

T = TypeVar("T")


class Admin:
    """One request at a time: a refused one must not take others on the same channel with it."""

    def __init__(self, open_channel: Callable[[], Awaitable[Channel]]) -> None:
        self._open_channel = open_channel
        self._one_at_a_time = asyncio.Lock()
        self._channel: Channel | None = None

    async def _call(self, request: Callable[[AbstractChannel], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            if self._channel is None or not self._channel.open:
                self._channel = await self._open_channel()
            try:
                return await self._channel.call(request(self._channel.requests))
            except (TypeError, ValueError) as error:
                raise UnencodableValue(
                    f"AMQP cannot carry this request: {error}. Change the name or arguments."
                ) from error

    async def declare_exchange(self, exchange: Exchange) -> None:
        await self._call(
            lambda channel: channel.exchange_declare(
                exchange.name,
                exchange_type=exchange.type,
                durable=exchange.durable,
                auto_delete=exchange.auto_delete,
                internal=exchange.internal,
                arguments=_plain_table(exchange.arguments),
            )
        )

    async def declare_queue(self, queue: Queue) -> QueueInfo:
        reply = await self._call(
            lambda channel: channel.queue_declare(
                queue.name,
                durable=queue.durable,
                exclusive=queue.exclusive,
                auto_delete=queue.auto_delete,
                arguments=_plain_table(queue.arguments),
            )
        )
        return QueueInfo(reply.queue or queue.name, reply.message_count or 0, reply.consumer_count or 0)

    async def inspect_exchange(self, name: str) -> None:
        await self._call(lambda channel: channel.exchange_declare(name, passive=True))

    async def inspect_queue(self, name: str) -> QueueInfo:
        reply = await self._call(lambda channel: channel.queue_declare(name, passive=True))
        return QueueInfo(name, reply.message_count or 0, reply.consumer_count or 0)

    async def bind(self, binding: Binding) -> None:
        route, arguments = binding.routing_key, _plain_table(binding.arguments)
        if binding.destination_type == "queue":
            await self._call(
                lambda channel: channel.queue_bind(binding.destination, binding.source, route, arguments=arguments)
            )
        else:
            await self._call(
                lambda channel: channel.exchange_bind(binding.destination, binding.source, route, arguments=arguments)
            )

    async def unbind(self, binding: Binding) -> None:
        route, arguments = binding.routing_key, _plain_table(binding.arguments)
        if binding.destination_type == "queue":
            await self._call(
                lambda channel: channel.queue_unbind(binding.destination, binding.source, route, arguments=arguments)
            )
        else:
            await self._call(
                lambda channel: channel.exchange_unbind(binding.destination, binding.source, route, arguments=arguments)
            )

    async def purge(self, queue: str) -> int:
        return (await self._call(lambda channel: channel.queue_purge(queue))).message_count or 0

    async def delete_queue(self, name: str) -> int:
        # Never with if-unused or if-empty: a quorum queue answers those by closing the connection (540).
        return (await self._call(lambda channel: channel.queue_delete(name))).message_count or 0

    async def delete_exchange(self, name: str) -> None:
        await self._call(lambda channel: channel.exchange_delete(name))


def _plain_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """The driver's codec takes exact types: dict, list and bytearray."""
    return {key: _plain(value) for key, value in table.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain_table(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return bytearray(value) if isinstance(value, bytes) else value
