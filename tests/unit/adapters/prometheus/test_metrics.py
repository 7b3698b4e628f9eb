"""What is counted while an application runs, and where it can be read."""

import asyncio
import logging
import urllib.error
import urllib.request

import pytest
from fastapi import WebSocket
from httpx import AsyncClient
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

import jararaca
from jararaca import (
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    PrometheusInterceptor,
    RestController,
    ScheduledAction,
    WebSocketEndpoint,
    use_publisher,
    use_ws_manager,
)
from jararaca.adapters.prometheus.metrics import MetricsObserver
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import system_ports
from jararaca.core.context import use_clock
from jararaca.errors import InvalidOption
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing import Bus, Cron, RunningApplication, VirtualClock, WebSocketClient
from jararaca_testing.contracts import proves


class Order(BaseModel):
    id: int


class GatewayDown(Exception):
    pass


@MessageBusController()
@RestController("/orders")
class Orders:
    @Post(options={"status_code": 201})
    async def place(self, order: Order) -> None:
        await use_publisher().publish(order, topic="order.placed")
        await use_ws_manager().broadcast(b"placed")

    @Get("/{number}")
    async def get(self, number: int) -> Order:
        await use_clock().sleep(2.0)
        if number < 0:
            raise GatewayDown
        return Order(id=number)

    @IncomingHandler("order.placed", retry=RetryPolicy(max_attempts=2, first_delay=60))
    async def charge(self, message: Message[Order]) -> None:
        await use_clock().sleep(3.0)
        if message.payload().id < 0:
            raise GatewayDown

    @ScheduledAction("0 6 * * *")
    async def remind(self) -> None: ...

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def jararaca_microservice(registry: CollectorRegistry) -> Microservice:
    return Microservice(name="shop", controllers=[Orders], interceptors=[PrometheusInterceptor(registry=registry)])


class Metrics:
    """The samples of a registry, read as a server would."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(f"jararaca_{name}", {"app": "shop", **labels})


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


@pytest.mark.virtual_only
async def test_requests_are_counted_by_route_and_status_and_timed(http: AsyncClient, metrics: Metrics) -> None:
    await http.get("/orders/1")
    await http.get("/orders/2")
    with pytest.raises(GatewayDown):
        await http.get("/orders/-1")

    assert metrics("requests_total", route="GET /orders/{number}", status="200") == 2
    assert metrics("requests_total", route="GET /orders/{number}", status="500") == 1
    assert metrics("request_seconds_count", route="GET /orders/{number}") == 3
    assert metrics("request_seconds_sum", route="GET /orders/{number}") == 6.0


@pytest.mark.virtual_only
async def test_a_message_is_followed_to_its_end(
    jararaca_app: RunningApplication, http: AsyncClient, bus: Bus, metrics: Metrics
) -> None:
    await http.post("/orders", json={"id": 1})
    await jararaca_app.settle()

    assert metrics("publishes_total", connection="default", outcome="confirmed") == 1
    assert metrics("deliveries_total", handler="Orders.charge", redelivered="no") == 1
    assert metrics("attempts_total", handler="Orders.charge", outcome="ok") == 1
    assert metrics("attempt_seconds_sum", handler="Orders.charge") == 3.0
    assert metrics("settlements_total", handler="Orders.charge", verb="ack") == 1
    assert metrics("transactions_total", outcome="committed") == 2
    assert metrics("frames_total", kind="broadcast") == 1
    assert metrics("dead_letters_total", handler="Orders.charge", reason="retries-exhausted") is None
    assert bus.published("order.placed").count == 1


async def test_what_is_given_up_is_counted_with_the_reason(
    jararaca_app: RunningApplication, bus: Bus, clock: VirtualClock, metrics: Metrics
) -> None:
    bus.expect_errors(GatewayDown)
    bus.expect_leftover(kind="dead-letter")

    await bus.publish(Order(id=-1), "order.placed")
    await clock.advance(180)
    await jararaca_app.settle()

    assert metrics("attempts_total", handler="Orders.charge", outcome="error") == 2
    assert metrics("settlements_total", handler="Orders.charge", verb="wait") == 1
    assert metrics("dead_letters_total", handler="Orders.charge", reason="retries-exhausted") == 1
    assert metrics("transactions_total", outcome="rolled-back") == 2


@pytest.mark.virtual_only
async def test_actions_are_counted_with_their_lag(cron: Cron, clock: VirtualClock, metrics: Metrics) -> None:
    await clock.advance(86_400)

    assert cron.fired(Orders.remind).count == 1
    assert metrics("ticks_total", action="Orders.remind", outcome="ok") == 1
    assert metrics("tick_lag_seconds_bucket", action="Orders.remind", le="0.005") == 1


async def test_open_websockets_are_counted(
    ws: WebSocketClient, jararaca_app: RunningApplication, metrics: Metrics
) -> None:
    async with ws.connect("/orders/feed") as client:
        assert metrics("connections", route="WS /orders/feed") == 1
        await client.send_text("done")
        await jararaca_app.settle()
    assert metrics("connections", route="WS /orders/feed") == 0


async def test_whether_the_broker_is_there_is_seen(jararaca_app: RunningApplication, metrics: Metrics) -> None:
    assert metrics("ready", dependency="broker default") == 1
    connection = jararaca_app.environment.resource(BusKey("default"))
    assert isinstance(connection, BusConnection)

    await connection.broker.close()
    await jararaca_app.clock.sleep(0)

    assert metrics("ready", dependency="broker default") == 0
    await connection.until_ready(60)
    assert metrics("ready", dependency="broker default") == 1


async def test_nothing_is_counted_once_the_application_has_ended(
    jararaca_app: RunningApplication, http: AsyncClient, metrics: Metrics
) -> None:
    await http.get("/orders/1")
    await jararaca_app.stop()

    assert not any(isinstance(each, MetricsObserver) for each in jararaca_app.environment.steps.observers)
    assert metrics("requests_total", route="GET /orders/{number}", status="200") == 1


def test_a_port_shows_the_metrics_as_long_as_the_application_runs(
    registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """For processes that serve nothing else."""
    caplog.set_level(logging.INFO, "jararaca.adapters")
    interceptor = PrometheusInterceptor(registry=registry, port=0)
    declaration = Microservice(name="shop", controllers=[Orders], interceptors=[interceptor])

    async def run() -> tuple[str, str]:
        config = MessageBusConfig(url="memory://")
        application = assemble(declaration, system_ports(), config, needs_broker=True).application
        await application.start()
        (shown,) = [vars(record) for record in caplog.records if record.message == "metrics are shown"]
        url: str = shown["url"]
        try:
            return url, await asyncio.to_thread(read, url)
        finally:
            await application.stop()

    def read(url: str) -> str:
        with urllib.request.urlopen(url) as response:
            shown: bytes = response.read()
            return shown.decode()

    url, shown = asyncio.run(run())

    assert "# TYPE jararaca_attempt_seconds histogram" in shown
    with pytest.raises(urllib.error.URLError):
        read(url)


def test_applications_of_one_process_share_a_registry(registry: CollectorRegistry) -> None:
    from jararaca.adapters.prometheus.instruments import instruments_of

    assert instruments_of(registry) is instruments_of(registry)
    assert instruments_of(CollectorRegistry()) is not instruments_of(registry)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(InvalidOption, match=rf"port={port}\) cannot work\. Use 0 to 65535"):
        PrometheusInterceptor(port=port)
    assert jararaca.PrometheusInterceptor is PrometheusInterceptor


@proves("F-3")
async def test_consumers_are_shown_as_they_should_be_and_as_they_are(
    jararaca_app: RunningApplication, metrics: Metrics
) -> None:
    await jararaca_app.settle()

    assert metrics("consumers_wanted", handler="Orders.charge") == 1
    assert metrics("consumers_actual", handler="Orders.charge") == 1
