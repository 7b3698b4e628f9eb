"""Gives an application its websocket manager."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.microservice import Microservice
from jararaca.errors import InvalidOption
from jararaca.ports.fanout import Fanout
from jararaca.presentation.websocket.manager import MANAGER, WebSocketManager
from jararaca.presentation.websocket.relay import Channels, FrameRelay, OnGap

RELAY = "websocket relay"


class WebSocketBackend(Protocol):
    """Carries frames between instances: a fan-out and the two channels it is used on."""

    broadcast_pubsub_channel: str
    send_pubsub_channel: str

    def fanout(self, container: Container) -> Fanout:
        """The fan-out itself, made when the application starts."""
        ...


class WebSocketInterceptor:
    """Connects the websockets of all instances of an application.

    Args:
        backend: such as `RedisWebSocketConnectionBackend`; without one, frames stay in this process.
        on_gap: told when frames of other instances were missed, so that clients can be asked to load anew.
    """

    def __init__(self, backend: WebSocketBackend | None = None, *, on_gap: OnGap | None = None) -> None:
        self.backend = backend
        self._on_gap = on_gap

    def check(self, app: Microservice, container: Container) -> None:  # noqa: ARG002
        """Find a second one.

        Raises:
            InvalidOption: there is one.
        """
        if sum(isinstance(each, WebSocketInterceptor) for each in app.interceptors) > 1:
            raise InvalidOption("an application has one WebSocketInterceptor, and two are declared. Leave one out.")

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:  # noqa: ARG002
        """Offer the manager, and send frames to the other instances while the application runs."""
        environment: Environment = container.get_by_type(Environment)
        relay = self._relay(environment, container)
        manager = WebSocketManager(environment, relay)
        withdrawals = [environment.offer(MANAGER, manager), environment.offer(RELAY, relay)]
        relay.start()
        try:
            yield
        finally:
            await relay.stop()
            for withdraw in withdrawals:
                withdraw()

    def _relay(self, environment: Environment, container: Container) -> FrameRelay:
        backend = None if environment.ports.embedded else self.backend
        if backend is None:
            fanout = environment.ports.fanout()
            channels = Channels(environment.owned("broadcast"), environment.owned("send"))
        else:
            fanout = backend.fanout(container)
            channels = Channels(
                environment.shared(backend.broadcast_pubsub_channel),
                environment.shared(backend.send_pubsub_channel),
            )
        return FrameRelay(environment, fanout, channels, heartbeats=backend is not None, on_gap=self._on_gap)
