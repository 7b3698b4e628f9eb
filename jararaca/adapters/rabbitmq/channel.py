"""One AMQP channel: its messages are ours, its requests and replies the driver's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPError

from jararaca.adapters.rabbitmq.frames import (
    CHANNEL_CLOSE,
    HEADER,
    METHOD,
    METHOD_ID,
    WITH_CONTENT,
    read_close,
)
from jararaca.adapters.rabbitmq.properties import body_size_of
from jararaca.adapters.rabbitmq.wire import Wire
from jararaca.errors import BrokerUnavailable, ChannelClosed, JararacaError

T = TypeVar("T")


def given_up() -> bool:
    """Whether the running task is being cancelled. If not, a `CancelledError` comes from inside the driver."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Channel:
    """An open channel, until it `ended`.

    `on_content(method, arguments, header, body)` gets each whole message; `on_method(method, arguments)` every other
    method and answers whether it took it; `on_end(error)` is called once when the server or the network ended it.
    """

    def __init__(self, wire: Wire, requests: AbstractChannel, *, timeout: float) -> None:
        self.number = requests.number
        self.requests = requests
        self.error: JararacaError | None = None
        self.open = True
        self.on_content: Callable[[int, bytes, bytes, bytes], None] = lambda *_: None
        self.on_method: Callable[[int, bytes], bool] = lambda *_: False
        self.on_end: Callable[[JararacaError], None] = lambda _: None
        self._wire = wire
        self._timeout = timeout
        self._method: tuple[int, bytes] | None = None
        self._header = b""
        self._missing = 0
        self._body: list[bytes] = []
        wire.sinks[self.number] = self._receive

    def write(self, frames: bytes) -> None:
        self._wire.write(frames)

    def _receive(self, kind: int, buffer: bytes, start: int, end: int) -> bool:
        if kind == METHOD:
            return self._receive_method(METHOD_ID.unpack_from(buffer, start)[0], buffer[start + 4 : end])
        if self._method is None:
            return False
        if kind == HEADER:
            self._header = buffer[start:end]
            self._missing = body_size_of(self._header)
        else:
            self._body.append(buffer[start:end])
            self._missing -= end - start
        if self._missing == 0:
            self._complete(*self._method)
        return True

    def _receive_method(self, method: int, arguments: bytes) -> bool:
        if method in WITH_CONTENT:
            self._method = (method, arguments)
            return True
        if method == CHANNEL_CLOSE:
            # At once: what is written after the driver has answered would cost the whole connection.
            refusal = read_close(arguments)
            self.end(ChannelClosed(refusal.code, refusal.text))
            return False
        return self.on_method(method, arguments)

    def _complete(self, method: int, arguments: bytes) -> None:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._method, self._body = None, []
        if self.open:
            self.on_content(method, arguments, self._header, body)

    def end(self, error: JararacaError) -> None:
        """The server or the network ended the channel: nothing may be written to it any more."""
        if self.open:
            self.open, self.error = False, error
            self.on_end(error)

    async def call(self, request: Awaitable[T]) -> T:
        """Await a request of the driver on this channel.

        Raises:
            ChannelClosed: the server refused.
            BrokerUnavailable: the connection was lost, or there was no answer in time.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await request
        except TimeoutError:
            error = BrokerUnavailable(
                f"the broker did not answer within {self._timeout:g} s. See whether it is overloaded or blocked."
            )
            self.end(error)
            raise error from None
        except asyncio.CancelledError:
            # The driver closes the channel of a cancelled request; it also cancels requests when it loses a channel.
            if given_up():
                self.end(BrokerUnavailable("the channel was given up because a request on it was cancelled."))
                raise
            raise self._failure() from None
        except (AMQPError, RuntimeError, OSError) as error:
            raise self._failure() from error

    def _failure(self) -> JararacaError:
        lost = BrokerUnavailable("the channel is closed, or its connection was lost. Connect or consume again.")
        self.end(lost)
        return self.error or lost

    async def close(self) -> None:
        """Give the channel back: what is unacked on it returns to its queue."""
        if not self.open:
            return
        self.open = False
        self._wire.push()
        try:
            async with asyncio.timeout(self._timeout):
                await self.requests.close()
        except (AMQPError, RuntimeError, OSError):
            pass  # it is gone, which is what was asked for
        finally:
            # The number may belong to a new channel already.
            if self._wire.sinks.get(self.number) == self._receive:
                del self._wire.sinks[self.number]
