"""`assert_idempotent`: what a second delivery may do, and what it may not."""

from uuid import NAMESPACE_URL, uuid5

import pytest
from pydantic import BaseModel
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    use_publisher,
    use_session,
    use_ws_manager,
)
from jararaca_testing import NotIdempotent, RunningApplication, TestDatabases, assert_idempotent

pytestmark = pytest.mark.jararaca(allow=["unroutable"])


class Payment(BaseModel):
    order: int


class Receipt(BaseEntity):
    __tablename__ = "receipts_of_idempotence"

    order: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    times: Mapped[int]


class Entry(BaseEntity):
    __tablename__ = "entries_of_idempotence"

    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[int]


@MessageBusController()
class Payments:
    @IncomingHandler("pay.once")
    async def once(self, message: Message[Payment]) -> None:
        """Knows what it has done, and says so under the same id."""
        order = message.payload().order
        if await use_session().get(Receipt, order) is None:
            use_session().add(Receipt(order=order, times=1))
        identity = uuid5(NAMESPACE_URL, f"paid/{order}")
        await use_publisher().publish(message.payload(), "paid", message_id=identity)

    @IncomingHandler("pay.twice")
    async def twice(self, message: Message[Payment]) -> None:
        use_session().add(Entry(order=message.payload().order))

    @IncomingHandler("pay.changing")
    async def changing(self, message: Message[Payment]) -> None:
        order = message.payload().order
        receipt = await use_session().get(Receipt, order)
        await use_session().merge(Receipt(order=order, times=1 if receipt is None else receipt.times + 1))

    @IncomingHandler("pay.loudly")
    async def loudly(self, message: Message[Payment]) -> None:
        await use_publisher().publish(message.payload(), "paid")

    @IncomingHandler("pay.shown")
    async def shown(self, message: Message[Payment]) -> None:
        await use_ws_manager().broadcast(message.payload())


@pytest.fixture
def jararaca_microservice() -> Microservice:
    database = AIOSQAConfig("default", "sqlite+aiosqlite:///idempotence.sqlite3")
    return Microservice(controllers=[Payments], interceptors=[AIOSqlAlchemySessionInterceptor(database)])


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all()


async def test_a_handler_that_knows_what_it_has_done_passes(jararaca_app: RunningApplication) -> None:
    await assert_idempotent(jararaca_app, Payment(order=1), "pay.once")

    jararaca_app.bus.handled("once").times(2)


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("pay.twice", r"default.entries_of_idempotence has another row: \{'id': 2, 'order': 1"),
        ("pay.changing", r"has another row: \{'order': 1, 'times': 2.*\n.*has no longer: \{'order': 1, 'times': 1"),
        ("pay.loudly", r"published 'paid' again, under another message id: Payment\(order=1\)"),
        ("pay.shown", r"sent a frame again"),
    ],
)
async def test_what_happens_twice_is_named(jararaca_app: RunningApplication, topic: str, said: str) -> None:
    with pytest.raises(NotIdempotent, match=said) as raised:
        await assert_idempotent(jararaca_app, Payment(order=1), topic)

    assert f"delivered twice on {topic!r}, does more than once" in str(raised.value)


async def test_topics_may_be_allowed_to_repeat(jararaca_app: RunningApplication) -> None:
    await assert_idempotent(jararaca_app, Payment(order=1), "pay.loudly", may_repeat=["paid.#"])


async def test_only_the_tables_that_are_asked_for_are_looked_at(jararaca_app: RunningApplication) -> None:
    from sqlalchemy import MetaData

    await assert_idempotent(jararaca_app, Payment(order=1), "pay.twice", metadata=[MetaData()])
