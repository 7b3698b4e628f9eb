"""Messages through the outbox, against a bare executemany and a pipelined publish of the same.

Both keep a hundred messages in one transaction on PostgreSQL and publish them, persistent and confirmed, to a topic
exchange with one queue. The outbox also removes its rows afterwards, and measuring ends when the last one is gone. The
queue itself is not durable, so that the clients are measured and not the broker's disk. In `outbox of others` nothing
is handed to the relay: it has to find all of it, as after the death of another process. There are so many that the
second in which it may not look yet does not decide.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import asyncpg  # type: ignore[import-untyped] # it has no stubs
from bench_publish import TRANSIENT, Placed, bind, delete
from measuring import Stopwatch, chosen

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    MessageBusPublisherInterceptor,
    Microservice,
    use_publisher,
)
from jararaca.adapters.sql.tables import metadata
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import system_ports
from jararaca.core.context import Trigger, current_execution
from jararaca.core.invocation import in_unit_of_work
from jararaca.messagebus.config import MessageBusConfig
from jararaca.persistence.config import create_engine
from jararaca.ports.broker import Envelope
from jararaca.ports.outbox import Letter, OutboxKey

BROKER = os.environ.get("JARARACA_TEST_AMQP_URL", "amqp://guest:guest@localhost/")
DATABASE = os.environ.get("JARARACA_TEST_DATABASE_URL", "postgresql+asyncpg://postgres@localhost/test")
MESSAGES = 100
ROUNDS = 100


@asynccontextmanager
async def schema() -> AsyncIterator[str]:
    """A schema with the tables of an outbox, for one variant."""
    name = f"bench_{uuid4().hex}"
    connection = await asyncpg.connect(DATABASE.replace("+asyncpg", ""))
    await connection.execute(f"CREATE SCHEMA {name}")
    config = AIOSQAConfig("default", DATABASE, engine_options=within(name))
    engine = create_engine(config)
    async with engine.begin() as tables:
        await tables.run_sync(metadata.create_all)
    await engine.dispose()
    try:
        yield name
    finally:
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
        await connection.close()


def within(name: str) -> dict[str, object]:
    return {"connect_args": {"server_settings": {"search_path": name}}}


async def publish() -> None:
    publisher = use_publisher()
    for number in range(MESSAGES):
        await publisher.publish(Placed(id=number), topic="bench.placed")


async def leave() -> None:
    """Leave the same as a process would whose relay has died: nobody hands it over, it has to be found and claimed."""
    environment = current_execution().environment
    now, outbox = environment.clock.now(), environment.resource(OutboxKey("default"))
    assert outbox is not None
    envelopes = [
        Envelope(Placed(id=number).model_dump_json().encode(), message_id=environment.chance.identity(), timestamp=now)
        for number in range(MESSAGES)
    ]
    await outbox.stage([Letter(each, "bench.placed") for each in envelopes], now, None)


async def ours(work: Callable[[], Awaitable[None]]) -> None:
    exchange = f"bench.{uuid4().hex}"
    async with schema() as name:
        declaration = Microservice(
            name="bench",
            interceptors=[
                AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", DATABASE, engine_options=within(name))),
                MessageBusPublisherInterceptor(AIOPikaConnectionFactory(BROKER), delivery="outbox"),
            ],
        )
        config = MessageBusConfig(url=BROKER, exchange=exchange)
        application = assemble(declaration, system_ports(), config, needs_broker=True).application
        await application.start()
        await bind(exchange, TRANSIENT)
        outbox = application.environment.resource(OutboxKey("default"))
        assert outbox is not None

        async def rounds(count: int) -> None:
            for _ in range(count):
                await in_unit_of_work(application.execution(Trigger("manual", "bench")), work)
            while (await outbox.stock()).waiting:
                await asyncio.sleep(0.005)

        await rounds(3)
        watch = Stopwatch()
        await rounds(ROUNDS)
        watch.print(MESSAGES * ROUNDS)
        await application.stop()
    await delete(exchange)


async def bare() -> None:
    exchange_name = f"bench.{uuid4().hex}"
    async with schema() as name:
        database = await asyncpg.connect(DATABASE.replace("+asyncpg", ""), server_settings={"search_path": name})
        connection = await aio_pika.connect(BROKER)
        channel = await connection.channel()
        exchange = await channel.declare_exchange(exchange_name, "topic", durable=True)
        await bind(exchange_name, TRANSIENT)

        async def publish() -> None:
            bodies = [Placed(id=number).model_dump_json().encode() for number in range(MESSAGES)]
            async with database.transaction():
                await database.executemany(INSERT, [row(body) for body in bodies])
            messages = [aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT) for body in bodies]
            await asyncio.gather(
                *(exchange.publish(each, routing_key="bench.placed", mandatory=False) for each in messages)
            )

        for _ in range(3):
            await publish()
        watch = Stopwatch()
        for _ in range(ROUNDS):
            await publish()
        watch.print(MESSAGES * ROUNDS)
        await connection.close()
        await database.close()
    await delete(exchange_name)


INSERT = (
    "INSERT INTO jararaca_outbox "
    "(sender, message_id, topic, mandatory, body, properties, staged_at, next_at, attempts) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)


def row(body: bytes) -> tuple[object, ...]:
    """What somebody would keep of a message who does this by hand."""
    now, message_id = datetime.now(UTC), str(uuid4())
    return "bench", message_id, "bench.placed", False, body, json.dumps({"message_id": message_id}), now, now, 0


if __name__ == "__main__":
    variants = {
        "outbox": lambda: ours(publish),
        "outbox of others": lambda: ours(leave),
        "executemany and publish": bare,
    }
    asyncio.run(chosen(variants)())
