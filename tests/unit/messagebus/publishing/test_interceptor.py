"""An application that lists a broker: its connection lives as long as it does."""

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from jararaca.core.application import Application
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import InvalidOption, LoginRefused, NotConfigured
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusKey
from jararaca.messagebus.decorators import IncomingHandler, MessageBusController
from jararaca.messagebus.interceptor import AIOPikaConnectionFactory, MessageBusPublisherInterceptor
from jararaca.messagebus.messages import Message
from jararaca.messagebus.publisher import use_publisher

if TYPE_CHECKING:
    from tests.unit.messagebus.publishing.conftest import Rig

pytestmark = pytest.mark.asyncio

URL = "amqp://user:s3cret@broker/"


class Order(BaseModel):
    id: int


@MessageBusController()
class Billing:
    @IncomingHandler("order.placed")
    async def charge(self, message: Message[Order]) -> None: ...


def application(rig: "Rig", *interceptors: MessageBusPublisherInterceptor, **options: Any) -> Application:
    found = interceptors or (MessageBusPublisherInterceptor(AIOPikaConnectionFactory(URL)),)
    running = Application(Microservice(controllers=[Billing], interceptors=found, **options), rig.ports)
    rig.stops.insert(0, running.stop)
    return running


async def publish(running: Application, connection_name: str = "default") -> None:
    token = enter(running.execution(Trigger("manual", "test")))
    try:
        await use_publisher(connection_name).publish(Order(id=1), "order.placed")
    finally:
        leave(token)


async def test_a_running_application_publishes_to_queues_that_no_worker_has_seen(rig: "Rig") -> None:
    running = application(rig)
    await running.start()
    assert running.environment.readiness() == {"broker default": True}
    await publish(running)
    assert len(await rig.received("app.Billing.charge")) == 1


async def test_a_stopped_application_has_no_connection_left(rig: "Rig") -> None:
    running = application(rig)
    await running.start()
    connection = running.environment.resource(BusKey("default"))
    await running.stop()
    assert connection is not None
    assert not connection.ready
    assert running.environment.readiness() == {}
    with pytest.raises(NotConfigured):
        await publish(running)


async def test_an_application_may_start_stop_and_start_again(rig: "Rig") -> None:
    running = application(rig)
    await running.start()
    assert await running.stop()
    await running.start()
    await publish(running)


async def test_an_application_whose_broker_is_away_starts_and_is_not_ready(rig: "Rig") -> None:
    rig.vhost.stop()
    running = application(rig)
    await running.start()
    assert running.environment.readiness() == {"broker default": False}
    rig.vhost.start()
    await publish(running)
    assert running.environment.readiness() == {"broker default": True}


async def test_an_application_that_the_broker_refuses_does_not_start(rig: "Rig") -> None:
    rig.failures.append(LoginRefused("wrong password"))
    running = application(rig)
    with pytest.raises(LoginRefused):
        await running.start()
    assert running.environment.resource(BusKey("default")) is None


async def test_only_the_default_connection_declares_the_queues_of_handlers(rig: "Rig") -> None:
    running = application(
        rig, MessageBusPublisherInterceptor(AIOPikaConnectionFactory(URL, exchange="audit"), connection_name="audit")
    )
    await running.start()
    assert rig.vhost.depths() == {}
    await publish(running, "audit")


async def test_two_connections_of_one_name_are_refused(rig: "Rig") -> None:
    one, other = (MessageBusPublisherInterceptor(AIOPikaConnectionFactory(URL)) for _ in range(2))
    with pytest.raises(InvalidOption, match="two broker connections are called 'default'"):
        await application(rig, one, other).start()


async def test_what_the_factory_says_reaches_the_connection(rig: "Rig") -> None:
    factory = AIOPikaConnectionFactory(URL, exchange="mine", publish_timeout=1.5, heartbeat=9)
    running = application(rig, MessageBusPublisherInterceptor(factory))
    await running.start()
    connection = running.environment.resource(BusKey("default"))
    assert connection is not None
    assert (connection.names.exchange, connection.publish_timeout) == ("mine", 1.5)
    assert [(url, heartbeat) for url, heartbeat, _name in rig.asked] == [(URL, 9)]


async def test_a_configuration_that_the_application_provides_is_taken(rig: "Rig") -> None:
    config = MessageBusConfig(url="amqp://elsewhere/", queue_type="classic")
    running = application(rig, providers=[ProviderSpec(MessageBusConfig, use_value=config)])
    await running.start()
    connection = running.environment.resource(BusKey("default"))
    assert connection is not None
    assert connection.config is config
    assert [url for url, _heartbeat, _name in rig.asked] == ["amqp://elsewhere/"]


async def test_the_url_of_the_configuration_is_for_the_default_connection_alone(rig: "Rig") -> None:
    running = application(
        rig,
        MessageBusPublisherInterceptor(AIOPikaConnectionFactory(URL), connection_name="audit"),
        providers=[ProviderSpec(MessageBusConfig, use_value=MessageBusConfig(url="amqp://elsewhere/"))],
    )
    await running.start()
    assert [url for url, _heartbeat, _name in rig.asked] == [URL]


@pytest.mark.parametrize("option", [{"publish_timeout": 0}, {"heartbeat": 0}, {"heartbeat": 65_536}])
async def test_a_factory_refuses_what_cannot_work(option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(InvalidOption, match=rf"AIOPikaConnectionFactory\({name}="):
        AIOPikaConnectionFactory(URL, **option)


async def test_showing_a_factory_shows_no_password() -> None:
    assert "s3cret" not in repr(AIOPikaConnectionFactory(URL))
