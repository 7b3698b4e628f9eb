"""A test with everything: an HTTP request stores a row and publishes a message, whose handler writes to Redis, at a
frozen time; then all of it is asserted.

The peers: FastStream's TestRabbitBroker, httpx's ASGITransport, fakeredis, a SQLite transaction that is rolled back,
and freezegun, joined as a careful team would join them.
"""

from measuring import chosen
from suites import run_suite

MODELS = """
    from datetime import UTC, datetime
    from fakeredis import FakeAsyncRedis, FakeServer
    from pydantic import BaseModel
    from sqlalchemy import func, select
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    class Order(BaseModel):
        id: int
"""

HARNESS = """
    from redis.asyncio import Redis
    from jararaca import (
        AIOSQAConfig, AIOSqlAlchemySessionInterceptor, BaseEntity, IncomingHandler, Message, MessageBusController,
        Microservice, Post, ProviderSpec, RestController, use_publisher, use_session,
    )

    class OrderEntity(BaseEntity):
        __tablename__ = "bench_orders"
        id: Mapped[int] = mapped_column(primary_key=True)
        placed_at: Mapped[str]

    class Ledger:
        def __init__(self) -> None:
            self.redis = FakeAsyncRedis(server=FakeServer(), decode_responses=True)

    @MessageBusController()
    @RestController("/orders")
    class Orders:
        def __init__(self, ledger: Ledger) -> None:
            self.ledger = ledger

        @Post()
        async def place(self, order: Order) -> Order:
            use_session().add(OrderEntity(id=order.id, placed_at=datetime.now(UTC).isoformat()))
            await use_publisher().publish(order, topic="order.placed")
            return order

        @IncomingHandler("order.placed")
        async def count(self, message: Message[Order]) -> None:
            await self.ledger.redis.set("last", message.payload().id)

    @pytest.fixture
    def jararaca_microservice():
        databases = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite://"))
        return Microservice(
            name="shop", providers=[ProviderSpec(Ledger, use_class=Ledger)], controllers=[Orders],
            interceptors=[databases],
        )

    @pytest.fixture(autouse=True)
    async def tables(jararaca_db):
        await jararaca_db.create_all()
"""

HARNESS_TEST = """
    async def test_it(jararaca_app, http, bus, db, override, number):
        ledger = Ledger()
        override[Ledger] = ledger
        await http.post("/orders", json={"id": number})
        await jararaca_app.settle()
        bus.handled(Orders.count, id=number).one()
        assert await ledger.redis.get("last") == str(number)
        async with db.session() as session:
            assert (await session.scalars(select(OrderEntity.placed_at))).all() == ["2026-01-01T00:00:00+00:00"]
"""

PEERS = """
    from fastapi import FastAPI
    from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue, TestRabbitBroker
    from freezegun import freeze_time
    from httpx import ASGITransport, AsyncClient
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from sqlalchemy.pool import StaticPool
    import pytest_asyncio

    class Base(DeclarativeBase):
        pass

    class OrderEntity(Base):
        __tablename__ = "bench_orders"
        id: Mapped[int] = mapped_column(primary_key=True)
        placed_at: Mapped[str]

    class World:
        session: AsyncSession
        redis: FakeAsyncRedis

    broker = RabbitBroker()
    events = RabbitExchange("events", type=ExchangeType.TOPIC)
    app = FastAPI()
    world = World()

    @app.post("/orders")
    async def place(order: Order) -> Order:
        world.session.add(OrderEntity(id=order.id, placed_at=datetime.now(UTC).isoformat()))
        await world.session.flush()
        await broker.publish(order, "order.placed", events)
        return order

    @broker.subscriber(RabbitQueue("orders", routing_key="order.placed"), events)
    async def count(order: Order) -> None:
        await world.redis.set("last", order.id)

    @pytest_asyncio.fixture(scope="session", loop_scope="session")
    async def engine():
        engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield engine
        await engine.dispose()

    @pytest_asyncio.fixture(loop_scope="session")
    async def session(engine):
        async with engine.connect() as connection:
            transaction = await connection.begin()
            async with AsyncSession(bind=connection, join_transaction_mode="create_savepoint") as session:
                world.session = session
                yield session
            await transaction.rollback()

    @pytest.fixture
    def redis():
        world.redis = FakeAsyncRedis(server=FakeServer(), decode_responses=True)
        return world.redis
"""

PEERS_TEST = """
    @pytest.mark.asyncio(loop_scope="session")
    async def test_it(session, redis, number):
        with freeze_time("2026-01-01", real_asyncio=True):
            async with (
                TestRabbitBroker(broker), AsyncClient(transport=ASGITransport(app), base_url="http://test") as http
            ):
                await http.post("/orders", json={"id": number})
                count.mock.assert_called_once_with({"id": number})
            assert await redis.get("last") == str(number)
            assert (await session.scalars(select(OrderEntity.placed_at))).all() == ["2026-01-01T00:00:00+00:00"]
"""


def harness() -> None:
    run_suite(HARNESS_TEST, header=MODELS + HARNESS)


def peers() -> None:
    run_suite(PEERS_TEST, header=MODELS + PEERS, tests=120)


if __name__ == "__main__":
    chosen({"harness": harness, "peers joined": peers})()
