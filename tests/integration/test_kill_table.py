"""A worker that is killed at each gate of a message that it books: what became of it, and how often it was booked."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca.adapters.sql.tables import metadata
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.needs_servers

APP = """
import asyncio, os

from jararaca import *
from jararaca.core.context import use_unit_of_work
from pydantic import BaseModel
from sqlalchemy import text

class Order(BaseModel):
    id: int

GATE = os.environ.get("GATE")

async def pause(gate):
    if gate == GATE:
        print("at the gate", flush=True)
        await asyncio.Event().wait()

async def after_commit():
    await pause("after commit")

@MessageBusController()
class C:
    @IncomingHandler("order.placed", idempotent=True)
    async def handle(self, message: Message[Order]) -> None:
        number = message.payload().id
        if number > 1:
            await pause("after ack")
        await pause("before the first statement")
        await use_session().execute(text("INSERT INTO booked VALUES (:n)"), {"n": number})
        await pause("within the transaction")
        use_unit_of_work().after_commit(after_commit)
        print(f"booked {number}", flush=True)

database = AIOSQAConfig("default", os.environ["DATABASE"])
app = Microservice(
    name=os.environ["NAME"],
    controllers=[C],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(database),
        MessageBusPublisherInterceptor(AIOPikaConnectionFactory(os.environ["JARARACA_BROKER_URL"]), delivery="outbox"),
    ],
)
"""


class Books:
    """The tables of the application, and how often each order is booked."""

    def __init__(self, url: str) -> None:
        self.url = url
        asyncio.run(self._create())

    async def _create(self) -> None:
        engine = create_async_engine(self.url)
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await connection.execute(text("CREATE TABLE booked (number integer)"))
        await engine.dispose()

    def rows(self) -> list[int]:
        async def read() -> list[int]:
            engine = create_async_engine(self.url)
            async with engine.connect() as connection:
                found = list((await connection.scalars(text("SELECT number FROM booked ORDER BY number"))).all())
            await engine.dispose()
            return found

        return asyncio.run(read())


def place(rabbit: Any, *numbers: int) -> None:
    async def send(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(rabbit.exchange)
        for number in numbers:
            body = f'{{"id": {number}}}'.encode()
            await exchange.publish(Message(body, message_id=f"m-{number}", delivery_mode=2), "order.placed")

    rabbit.do(send)


@proves("F-7")
@pytest.mark.parametrize(
    ("gate", "before", "booked_again"),
    [
        ("before the first statement", [], True),
        ("within the transaction", [], True),
        ("after commit", [1], False),
        ("after ack", [1], False),
    ],
)
def test_a_worker_that_is_killed_at_any_gate_has_its_message_booked_once(
    tmp_path: Path,
    start: Callable[..., Any],
    rabbit: Any,
    database_url: str,
    gate: str,
    before: list[int],
    booked_again: bool,
) -> None:
    books = Books(database_url)
    (tmp_path / "app.py").write_text(APP)
    environment = {
        "NAME": rabbit.name,
        "DATABASE": database_url,
        "JARARACA_EXCHANGE": rabbit.exchange,
        "JARARACA_BROKER_URL": rabbit.url,
        "JARARACA_CONCURRENCY": "1",
    }
    victim = start("jararaca", "worker", "app:app", environment={**environment, "GATE": gate})
    victim.until("consuming")
    place(rabbit, 1, 2)
    victim.until("at the gate")

    left = books.rows()
    victim.ask(signal.SIGKILL)
    assert victim.end() == -signal.SIGKILL
    heir = start("jararaca", "worker", "app:app", environment=environment)
    heir.until("booked 2")
    place(rabbit, 3)
    heir.until("booked 3")
    heir.ask(signal.SIGTERM)

    assert heir.end() == 0
    assert left == before
    assert ("booked 1" in heir.output) is booked_again
    assert books.rows() == [1, 2, 3]
