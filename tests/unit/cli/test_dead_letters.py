"""What `jararaca dlq` prints and writes; the dead letters are those of a running application."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca.bootstrap.assembly import Assembly, assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.cli import dead_letters
from jararaca.cli.commands import app as commands
from jararaca.errors import ChannelClosed, InvalidOption
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.ports.broker import Envelope, Queue
from jararaca.ports.inventory import Inventory
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves

HANDLER = "Orders.charge"


class Order(BaseModel):
    id: int
    card: str = "4111"


class GatewayDown(Exception):
    pass


@MessageBusController()
class Orders:
    @IncomingHandler("order.placed")
    async def charge(self, message: Message[Order]) -> None:
        message.payload()
        raise GatewayDown('it said "later"')


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(name="shop", controllers=[Orders])


class Commands:
    """The commands, over the connection of the application under test."""

    def __init__(self, app: RunningApplication, bus: Bus, printed: pytest.CaptureFixture[str]) -> None:
        self.app = app
        self.bus = bus
        self._printed = printed
        bus.expect_errors(GatewayDown)
        bus.expect_leftover(kind="dead-letter")

    @property
    def connection(self) -> BusConnection:
        connection = self.app.environment.resource(BusKey("default"))
        assert isinstance(connection, BusConnection)
        return connection

    async def give_up(self, *numbers: int) -> None:
        for number in numbers:
            await self.bus.publish(Order(id=number), "order.placed", message_id=f"m-{number}")
            await self.app.settle()

    async def __call__(self, command: dead_letters.Command) -> list[str]:
        """Run one, and return the lines that it printed."""
        self._printed.readouterr()
        await command(self.connection, self.app.handlers)
        await self.app.settle()
        return self._printed.readouterr().out.splitlines()


@pytest.fixture
def run(jararaca_app: RunningApplication, bus: Bus, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(jararaca_app, bus, capsys)


async def test_the_list_counts_for_each_handler(run: Commands) -> None:
    await run.give_up(1, 2)

    title, row = await run(dead_letters.listing())

    assert title.startswith("dead letters at memory://")
    assert row.split() == [HANDLER, "2"]


@pytest.mark.virtual_only
async def test_a_dead_letter_is_shown_without_its_payload_unless_asked_for(run: Commands) -> None:
    await run.give_up(1)

    lines = await run(dead_letters.showing(HANDLER, limit=20, body=False, file=None))
    with_body = await run(dead_letters.showing(HANDLER, limit=20, body=True, file=None))

    assert [" ".join(line.split()) for line in lines] == [
        "m-1",
        "topic order.placed",
        "reason error",
        f'error {__name__}.GatewayDown: it said "later"',
        "attempts 1",
        "first failed 2026-01-01T00:00:00+00:00",
        "last failed 2026-01-01T00:00:00+00:00",
    ]
    assert with_body[:7] == lines
    assert " ".join(with_body[7].split()) == r'body "{\"id\":1,\"card\":\"4111\"}"'


async def test_that_there_are_none_is_said(run: Commands) -> None:
    assert await run(dead_letters.showing(HANDLER, limit=1, body=False, file=None)) == [
        f"{HANDLER} has no dead letters"
    ]


async def test_what_was_sent_back_and_dropped_is_counted(run: Commands) -> None:
    await run.give_up(1, 2, 3)

    assert await run(dead_letters.dropping(HANDLER, ["m-2"], every=False)) == [
        f"1 dead letter of {HANDLER} dropped, 2 left"
    ]
    assert await run(dead_letters.requeueing(HANDLER, [], every=True)) == [f"2 messages sent back to {HANDLER}, 0 left"]


@pytest.mark.parametrize(("ids", "every"), [([], False), (["m-1"], True)])
@pytest.mark.parametrize("command", [dead_letters.requeueing, dead_letters.dropping])
def test_which_are_meant_has_to_be_said_in_one_way(command: Any, ids: list[str], every: bool) -> None:
    with pytest.raises(InvalidOption, match=r"say which dead letters are meant: --id, .*, or --all\."):
        command(HANDLER, ids, every=every)


async def test_a_handler_that_is_none_is_told_which_there_are(run: Commands) -> None:
    with pytest.raises(InvalidOption, match=rf"'Orders\.pay' is no message handler .* are: {HANDLER}\."):
        await run(dead_letters.dropping("Orders.pay", [], every=True))
    with pytest.raises(InvalidOption, match=r"Its handlers are: none\."):
        await dead_letters.dropping("Orders.pay", [], every=True)(run.connection, ())


async def test_dead_letters_become_a_test(run: Commands, tmp_path: Path) -> None:
    await run.give_up(1, 2)
    file = tmp_path / "test_replay.py"

    said = await run(dead_letters.showing(HANDLER, limit=20, body=False, file=file))

    assert said == [f"{file} replays 2 dead letters of {HANDLER}: pytest {file}"]
    source = file.read_text()
    compile(source, str(file), "exec")
    assert "async def test_1_m_1(jararaca_app, bus):" in source
    assert f"error: {__name__}.GatewayDown: it said 'later'" in source
    assert r"""b'{"id":2,"card":"4111"}'""" in source
    assert "import" not in source


async def test_headers_of_every_kind_come_into_the_test(run: Commands, tmp_path: Path) -> None:
    from datetime import UTC, datetime
    from decimal import Decimal

    headers = {"since": datetime(2026, 1, 2, tzinfo=UTC), "price": Decimal("1.5"), "many": [1, {"a": b"\x00"}]}
    await run.connection.copy(Envelope(b"{}", headers=headers), run.connection.dlq_of(run.app.handlers[0]))
    file = tmp_path / "test_replay.py"

    await run(dead_letters.showing(HANDLER, limit=1, body=False, file=file))

    source = file.read_text()
    assert "import datetime\nfrom decimal import Decimal\n" in source
    found: dict[str, Any] = {}
    exec(compile(source, str(file), "exec"), found)
    assert "test_1_without_id" in found


async def test_a_file_is_never_overwritten_and_one_that_cannot_be_written_is_named(
    run: Commands, tmp_path: Path
) -> None:
    await run.give_up(1)
    file = tmp_path / "test_replay.py"
    file.write_text("mine")

    with pytest.raises(InvalidOption, match=r"test_replay\.py: the file exists\. Name another one"):
        await run(dead_letters.showing(HANDLER, limit=1, body=False, file=file))
    with pytest.raises(InvalidOption, match="cannot be written: No such file or directory"):
        await run(dead_letters.showing(HANDLER, limit=1, body=False, file=tmp_path / "none" / "test_x.py"))

    assert file.read_text() == "mine"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An application on the broker in this process, to be named on the command line."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("JARARACA_APP_DIR", str(tmp_path))
    (tmp_path / "shop_dlq.py").write_text(
        f"from {__name__} import Orders\nfrom jararaca import Microservice\n"
        "app = Microservice(name='shop', controllers=[Orders])\n"
    )
    yield "shop_dlq:app"
    sys.modules.pop("shop_dlq", None)


NOT_YET = f"{HANDLER}: no such queue yet: the application has not been started on this broker"


@proves("F-37")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list"], f"{HANDLER}  no such queue yet: the application has not been started on this broker"),
        (["show", HANDLER], NOT_YET),
        (["requeue", HANDLER, "--all"], NOT_YET),
        (["drop", HANDLER, "--all"], NOT_YET),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_application_that_was_never_started_has_no_dead_letters_yet(
    module: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    verb, *rest = arguments

    code = commands(["dlq", verb, module, *rest, "--url", "memory://"], standalone_mode=False)

    assert code == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["requeue", "drop"])
def test_an_id_that_cannot_be_there_yet_is_told_as_any_other(module: str, verb: str) -> None:
    with pytest.raises(InvalidOption, match="has no dead letter with the message id 'm-1'"):
        commands(["dlq", verb, module, HANDLER, "--id", "m-1", "--url", "memory://"], standalone_mode=False)


# -- what a command finds on the broker, and leaves there


@pytest.fixture
def assembly() -> Assembly:
    declaration = Microservice(name="shop", controllers=[Orders])
    return assemble(declaration, embedded_ports(), MessageBusConfig(url="memory://"), needs_broker=True)


@proves("F-37")
@pytest.mark.asyncio
async def test_who_looks_declares_nothing(assembly: Assembly) -> None:
    async with assembly.bus(10.0) as connection:
        await dead_letters.listing()(connection, assembly.handlers)
        await dead_letters.showing(HANDLER, limit=1, body=False, file=None)(connection, assembly.handlers)
        await dead_letters.dropping(HANDLER, [], every=True)(connection, assembly.handlers)
        await dead_letters.requeueing(HANDLER, [], every=True)(connection, assembly.handlers)

        assert isinstance(connection.broker, Inventory)
        assert await connection.broker.list_queues() == []
        with pytest.raises(ChannelClosed, match="no exchange"):
            await connection.broker.inspect_exchange(connection.names.exchange)


@proves("F-37")
@pytest.mark.asyncio
async def test_dead_letters_are_looked_after_beside_queues_that_are_others(
    assembly: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    """Just when nothing starts one wants to look."""
    async with assembly.bus(10.0) as connection:
        for name in (queue := connection.queue_of(assembly.handlers[0]), f"{queue}.dlq"):
            await connection.broker.declare_queue(Queue(name, arguments={"x-max-length": 7}))
        for number in range(3):
            await connection.copy(Envelope(b"{}", message_id=f"m-{number}"), f"{queue}.dlq")

        await dead_letters.listing()(connection, assembly.handlers)
        await dead_letters.requeueing(HANDLER, ["m-1"], every=False)(connection, assembly.handlers)
        await dead_letters.dropping(HANDLER, [], every=True)(connection, assembly.handlers)

        assert (await connection.broker.inspect_queue(queue)).ready == 1
    said = capsys.readouterr().out
    assert f"{HANDLER}  3" in said
    assert f"2 dead letters of {HANDLER} dropped, 0 left" in said
