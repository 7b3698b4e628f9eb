"""What operators see of the outbox, and what they can do about what the broker does not take."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jararaca import AIOSQAConfig
from jararaca.adapters.sql.outbox import SqlOutbox
from jararaca.adapters.sql.tables import metadata
from jararaca.cli.commands import app
from jararaca.errors import InvalidOption, MissingTable
from jararaca.persistence.config import create_engine, create_session
from jararaca.ports.broker import Envelope
from jararaca.ports.outbox import Claim, Failure, Letter

SOURCE = """
from jararaca import *
app = Microservice(
    name="shop",
    interceptors=[
        MessageBusPublisherInterceptor(AIOPikaConnectionFactory("amqp://nowhere/"), delivery="outbox"),
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///{path}")),
    ],
)
bare = Microservice(name="bare")
"""
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Command = Callable[..., list[str]]


async def fill(path: Path, tables: bool = True) -> None:
    """Three messages: one waits, two are parked."""
    config = AIOSQAConfig("default", f"sqlite+aiosqlite:///{path}")
    engine = create_engine(config)
    if tables:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        async with create_session(config, engine) as session, session.begin():
            outbox = SqlOutbox("default", "shop.default", session=lambda: session, engine=lambda: engine)
            letters = [Letter(Envelope(b"s3cret", message_id=f"id-{n}"), f"order.{n}", key="ada") for n in (1, 2, 3)]
            await outbox.stage(letters, NOW, None)
        await outbox.claim(Claim("relay", NOW + timedelta(seconds=30)), NOW, 3)
        await outbox.failed("relay", [Failure(n, "PublishRefused: the queue is full", None, 4) for n in (1, 2)], NOW)
    await engine.dispose()


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run a subcommand, and read the lines that it prints; the last one is its exit code."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "shop_outbox.py").write_text(SOURCE.format(path=tmp_path / "shop.db"))
    asyncio.run(fill(tmp_path / "shop.db"))

    def run(verb: str, *arguments: str, target: str = "shop_outbox:app") -> list[str]:
        words: Sequence[str] = ("outbox", verb, target, *arguments, "--app-dir", str(tmp_path))
        result = CliRunner().invoke(app, words, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return [*result.output.splitlines(), str(result.return_value)]

    yield run
    sys.modules.pop("shop_outbox", None)


def test_the_list_shows_what_waits_and_what_is_parked_without_payloads(outbox: Command) -> None:
    assert outbox("list") == [
        "outbox of the connection 'default': 1 waiting, 2 parked",
        "  1  order.1 id-1, key 'ada', staged 2026-03-01 12:00:00 UTC, parked, 4 attempts: PublishRefused: the queue "
        "is full",
        "  2  order.2 id-2, key 'ada', staged 2026-03-01 12:00:00 UTC, parked, 4 attempts: PublishRefused: the queue "
        "is full",
        "  3  order.3 id-3, key 'ada', staged 2026-03-01 12:00:00 UTC, claimed by a relay",
        "0",
    ]


def test_a_long_list_says_how_much_more_there_is(outbox: Command) -> None:
    assert outbox("list", "--limit", "1")[2:] == ["and 2 more; --limit shows them", "0"]


def test_what_is_parked_can_be_sent_again(outbox: Command) -> None:
    assert outbox("retry", "1") == ["1 message will be sent again", "0"]
    assert outbox("list")[0] == "outbox of the connection 'default': 2 waiting, 1 parked"
    assert outbox("retry", "--all") == ["1 message will be sent again", "0"]


def test_what_is_parked_can_be_dropped(outbox: Command) -> None:
    assert outbox("drop", "2") == ["1 message dropped", "0"]
    assert outbox("drop", "--all") == ["1 message dropped", "0"]
    assert outbox("list")[0] == "outbox of the connection 'default': 1 waiting, 0 parked"


NOT_PARKED = (
    "see jararaca outbox list. A row that waits there is sent by the relay; one that is not there was sent or dropped."
)


@pytest.mark.parametrize(("verb", "done"), [("retry", "will be sent again"), ("drop", "dropped")])
def test_rows_that_are_not_parked_are_named_with_where_to_look(outbox: Command, verb: str, done: str) -> None:
    assert outbox(verb, "99") == [
        f"0 messages {done}",
        f"row 99 is not parked, and nothing was done with it: {NOT_PARKED}",
        "1",
    ]
    assert outbox(verb, "2", "99", "3", "3") == [
        f"1 message {done}",
        f"rows 3, 99 are not parked, and nothing was done with them: {NOT_PARKED}",
        "1",
    ]


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
def test_what_to_retry_has_to_be_said_once(outbox: Command, arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidOption, match="jararaca outbox retry needs the numbers of rows"):
        outbox("retry", *arguments)


def test_an_application_without_an_outbox_is_told_how_to_get_one(outbox: Command) -> None:
    with pytest.raises(InvalidOption, match=r"shop_outbox:bare has no outbox. Give a connection one"):
        outbox("list", target="shop_outbox:bare")


def test_a_database_without_the_tables_is_named(outbox: Command, tmp_path: Path) -> None:
    (tmp_path / "shop.db").unlink()

    with pytest.raises(MissingTable, match="the database 'default' has no table jararaca_inbox"):
        outbox("list")
