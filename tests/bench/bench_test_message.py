"""A test that publishes a message, lets it be handled and asserts that it was: the harness, and FastStream's own."""

from measuring import chosen
from suites import run_suite

HARNESS = """
    from pydantic import BaseModel
    from jararaca import IncomingHandler, Message, MessageBusController, Microservice

    class Order(BaseModel):
        id: int

    @MessageBusController()
    class Orders:
        @IncomingHandler("order.placed")
        async def place(self, message: Message[Order]) -> None:
            assert message.payload().id >= 0

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(name="shop", controllers=[Orders])
"""

HARNESS_TEST = """
    async def test_it(jararaca_app, bus, number):
        await bus.publish(Order(id=number), "order.placed")
        await jararaca_app.settle()
        bus.handled(Orders.place, id=number).one()
"""

FASTSTREAM = """
    import asyncio
    from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue, TestRabbitBroker
    from pydantic import BaseModel

    class Order(BaseModel):
        id: int

    broker = RabbitBroker()
    events = RabbitExchange("events", type=ExchangeType.TOPIC)

    @broker.subscriber(RabbitQueue("orders", routing_key="order.placed"), events)
    async def place(order: Order) -> None:
        assert order.id >= 0
"""

FASTSTREAM_TEST = """
    @pytest.mark.asyncio
    async def test_it(number):
        async with TestRabbitBroker(broker) as br:
            await br.publish(Order(id=number), "order.placed", events)
            place.mock.assert_called_once_with({"id": number})
"""


def harness() -> None:
    run_suite(HARNESS_TEST, header=HARNESS)


def faststream() -> None:
    run_suite(FASTSTREAM_TEST, header=FASTSTREAM)


if __name__ == "__main__":
    chosen({"harness": harness, "TestRabbitBroker": faststream})()
