"""What has to be declared for an outbox, and what happens at the start if its tables are not there."""

import sys
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
)
from jararaca.adapters.sql.tables import metadata
from jararaca.bootstrap.assembly import Assembly, assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.cli.exit_codes import MISMATCH, exit_code_of
from jararaca.errors import InvalidHandler, InvalidOption, MissingExtra, MissingTable
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.staging import Delivery
from jararaca_testing.contracts import proves


class Order(BaseModel):
    id: int


@MessageBusController()
class Orders:
    @IncomingHandler("order.placed", idempotent=True)
    async def bill(self, message: Message[Order]) -> None: ...


def bus(delivery: Delivery = "outbox", outbox: str = "default") -> MessageBusPublisherInterceptor:
    return MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"), delivery=delivery, outbox=outbox)


def database(name: str = "default", path: Path = Path("shop.db")) -> AIOSqlAlchemySessionInterceptor:
    return AIOSqlAlchemySessionInterceptor(AIOSQAConfig(name, f"sqlite+aiosqlite:///{path}"))


def assembled(*interceptors: object, controllers: tuple[type, ...] = ()) -> Assembly:
    declaration = Microservice(controllers=controllers, interceptors=interceptors)
    return assemble(declaration, embedded_ports(), MessageBusConfig(url="memory://"), needs_broker=True)


def test_there_are_two_deliveries() -> None:
    with pytest.raises(InvalidOption, match=r"delivery='inbox'.* cannot work. Use 'after_commit' or 'outbox'"):
        bus("inbox")  # type: ignore[arg-type] # what is wrong with it


@pytest.mark.parametrize(("declared", "said"), [((), "None is declared."), (("audit",), "Declared are: audit.")])
def test_the_database_of_an_outbox_has_to_be_declared(declared: tuple[str, ...], said: str) -> None:
    assembly = assembled(bus(), *map(database, declared))

    with pytest.raises(InvalidOption, match=f"wait in the database 'default', and no database is called so. {said}"):
        assembly.application.validate()


@pytest.mark.parametrize("interceptors", [(), (bus("after_commit"), database())])
def test_an_idempotent_handler_requires_an_outbox(interceptors: tuple[object, ...]) -> None:
    """Otherwise: commit, failed publish, requeue, duplicate."""
    assembly = assembled(*interceptors, controllers=(Orders,))

    with pytest.raises(InvalidHandler, match=r"Orders.bill is idempotent, and this requires an outbox for what its"):
        assembly.application.validate()


def test_with_an_outbox_it_is_valid() -> None:
    assembled(bus(outbox="audit"), database("audit"), controllers=(Orders,)).application.validate()


def test_an_outbox_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jararaca.persistence.interceptor", None)

    with pytest.raises(MissingExtra, match=r'an outbox needs an extra: pip install "jararaca\[sqlalchemy\]"'):
        assembled(bus(), database()).application.validate()


@proves("F-56")
@pytest.mark.asyncio
async def test_an_application_without_the_tables_does_not_start(tmp_path: Path) -> None:
    """What is missing is said before anything could be published."""
    application = assembled(bus(), database(path=tmp_path / "shop.db")).application

    with pytest.raises(MissingTable, match="has no table jararaca_inbox and no table jararaca_outbox") as raised:
        await application.start()

    assert exit_code_of(raised.value) == MISMATCH


@proves("F-55")
@pytest.mark.asyncio
async def test_an_application_whose_database_is_away_starts_and_is_not_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is waited for in the background."""
    path = tmp_path / "later" / "shop.db"
    application = assembled(bus(), database(path=path)).application
    await application.start()
    assert application.environment.readiness()["outbox default"] is False
    assert "the database of the outbox is away; it is waited for" in caplog.messages
    away = next(each for each in caplog.records if each.message == "a database is away; it is waited for")
    assert vars(away)["reason"] == "unable to open database file"

    path.parent.mkdir()
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    while not application.environment.readiness()["outbox default"]:
        await application.environment.clock.sleep(0.05)

    await application.stop()
