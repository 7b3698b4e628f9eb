"""What can be known without starting anything."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jararaca.cli import check
from jararaca.errors import MissingProvider, ScopeViolation
from jararaca_testing.contracts import proves

HEAD = """
from fastapi import WebSocket
from pydantic import BaseModel
from jararaca import *

class Order(BaseModel):
    id: int

class Session: ...

"""
WHOLE = """
@MessageBusController()
@RestController("/orders")
class Orders:
    @Get("/{id}")
    async def get(self, id: int) -> None: ...

    @Get("/", {"include_in_schema": False})
    async def hidden(self) -> None: ...

    @IncomingHandler("order.placed")
    async def bill(self, message: Message[Order]) -> None: ...

    @ScheduledAction("30 6 * * *", tz="Asia/Tokyo")
    async def remind(self) -> None: ...

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None: ...

app = Microservice(name="shop", controllers=[Orders])
"""


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Check the application in a module; afterwards it was never imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(source: str) -> int:
        (tmp_path / "shop_checked.py").write_text(HEAD + source)
        return check.run("shop_checked:app", app_dir=str(tmp_path))

    yield run
    sys.modules.pop("shop_checked", None)


def test_every_way_into_the_application_is_listed(
    checked: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(WHOLE) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "shop can work",
        "  HTTP       GET /orders/{id}",
        "  websocket  Orders.feed",
        "  message    order.placed to Orders.bill",
        "Orders.remind fires at '30 6 * * *', next",
    ]


@proves("F-88")
def test_the_next_five_ticks_are_shown_in_utc(
    checked: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(WHOLE) == 0

    ticks = capsys.readouterr().out.splitlines()[5:]
    assert len(ticks) == len(set(ticks)) == 5
    assert {tick.partition(" 21:30:00")[2] for tick in ticks} == {" UTC"}


@proves("F-88")
def test_nothing_that_looks_wrong_is_passed_over(
    checked: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(WHOLE.replace("30 6 * * *", "0 6 * * * *")) == 1

    assert "suspicious: Orders.remind: '0 6 * * * *' fires at every second of each" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "error", "sentence"),
    [
        (
            "class C:\n    def __init__(self, name: str): ...\napp = Microservice(controllers=[C])",
            MissingProvider,
            "C.__init__(name) needs str",
        ),
        (
            "class C:\n    def __init__(self, session: Session): ...\n    @WebSocketEndpoint('/feed')\n"
            "    async def feed(self, websocket: WebSocket) -> None: ...\n"
            "app = Microservice([ProviderSpec(Session, use_class=Session, scope='uow')], [C])",
            ScopeViolation,
            "C.feed is a websocket endpoint, but its controller lives for one unit of work",
        ),
    ],
)
def test_what_cannot_work_is_raised(
    checked: Callable[[str], int], source: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as raised:
        checked(source)

    assert sentence in str(raised.value)


# -- with its servers

LIVE = """
from jararaca import *

app = Microservice(name="shop", interceptors=[{interceptors}])
"""


@pytest.mark.parametrize(("topology", "code"), [("declare", 1), ("passive", 4)])
def test_what_a_server_lacks_is_a_finding_if_the_next_start_makes_it(
    said: Callable[..., Any], topology: str, code: int
) -> None:
    here = {"JARARACA_TOPOLOGY": topology, "JARARACA_BROKER_URL": "memory://"}
    ended = said("check", "app:app", "--live", source=LIVE.format(interceptors=""), environment=here)

    assert ended.code == code
    assert ended.out.splitlines()[0] == "shop can work"
    assert "broker default: the exchange 'jararaca.events' does not exist on the broker" in ended.out


def test_a_server_that_is_away_ends_it_with_3_whatever_else_is_wrong(said: Callable[..., Any]) -> None:
    """The text of a driver is cut to a line, and shows no password."""
    config = "AIOSQAConfig('default', 'postgresql+asyncpg://shop:s3cret@255.255.255.255/shop')"
    source = LIVE.format(interceptors=f"AIOSqlAlchemySessionInterceptor({config})")

    ended = said("check", "app:app", "--live", source=source, environment={"JARARACA_BROKER_URL": "memory://"})

    assert ended.code == 3
    assert "database default: " in ended.out
    assert "s3cret" not in ended.out + ended.error


def test_without_live_no_server_is_looked_at(said: Callable[..., Any]) -> None:
    here = {"JARARACA_BROKER_URL": "amqp://255.255.255.255/"}
    assert said("check", "app:app", source=LIVE.format(interceptors=""), environment=here).code == 0
