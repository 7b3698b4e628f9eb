"""The page of a failing test, in a browser."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from browser import Tab
from browser import tab as tab

from jararaca_testing.records import Record
from jararaca_testing.report.page import Heading, page_of
from jararaca_testing.report.wording import Wording

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "comparing", "report.story"):
    importlib.import_module(f"jararaca_testing.{module}")

pytestmark = pytest.mark.needs_chromium

ARTIFACTS = Path(__file__).parents[2] / ".artifacts"

SHOP = """
    import pytest
    from pydantic import BaseModel
    from starlette.websockets import WebSocket
    from jararaca import (
        IncomingHandler, Message, MessageBusController, Microservice, Post, RestController, ScheduledAction,
        WebSocketEndpoint, use_publisher, use_ws_manager,
    )
    from jararaca.messagebus.retry import RetryPolicy

    class GatewayTimeout(Exception): ...

    class Item(BaseModel):
        sku: str
        quantity: int

    class Order(BaseModel):
        id: int
        customer: str = "<img src=x onerror=window.owned=true>"
        card_token: str = "tok_visa"
        items: list[Item] = [Item(sku="teapot", quantity=1), Item(sku="cup", quantity=6)]

    @MessageBusController()
    @RestController("/orders")
    class Orders:
        @Post(options={"status_code": 201})
        async def place(self, order: Order) -> None:
            await use_publisher().publish(order, topic="order.placed")

        @ScheduledAction("*/10 * * * *")
        async def remind(self) -> None:
            await use_publisher().publish(Order(id=0), topic="order.reminded")

        @WebSocketEndpoint("/feed")
        async def feed(self, websocket: WebSocket) -> None:
            await websocket.accept()
            await use_ws_manager().add_websocket(websocket)
            async for _text in websocket.iter_text():
                pass

        @IncomingHandler("order.placed", name="billing.charge", retry=RetryPolicy(max_attempts=3, first_delay=60))
        async def charge(self, message: Message[Order]) -> None:
            if message.payload().id % 2 or message.attempt == 1:
                raise GatewayTimeout("no answer from https://shop:hunter2@payments.example/charge within 5 s")
            await use_publisher().publish(message.payload(), topic="order.paid")

        @IncomingHandler("order.*", name="mail.send")
        async def send(self, message: Message[Order]) -> None:
            await use_ws_manager().broadcast(message.payload())

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(name="shop", controllers=[Orders])

    async def test_an_order_that_cannot_be_paid_is_announced_to_its_customer(http, bus, clock, ws):
        bus.expect_errors(GatewayTimeout)
        async with ws.connect("/orders/feed") as feed:
            for number in range(1, 11):
                await http.post("/orders", json={"id": number})
            await http.get("/ordres")
            await clock.advance(minutes=21)
        await bus.publish(Order(id=9), "refund.asked")
        bus.published("order.refunded").one()
"""

OVERLAPS = """(() => {
    const marks = [...document.querySelectorAll(".name, .time, .label, .card, .gap span, .tools > *, .top > *")]
        .filter(each => each.textContent.trim() && each.checkVisibility() && !each.querySelector(".tools"))
        .filter(each => !each.matches(".tools"));
    const boxes = marks.map(each => [each.textContent.trim(), each.getBoundingClientRect()]);
    const found = [];
    boxes.forEach(([one, a], index) => {
        if (a.left < 0 || a.right > innerWidth) found.push(["outside", one]);
        for (const [other, b] of boxes.slice(index + 1)) {
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (wide > 0.5 && high > 0.5) found.push([one, other]);
        }
    });
    return found;
})()"""
READY = "document.querySelector('.row[tabindex=\"0\"]')"
FOCUSED = "document.activeElement.dataset.event ?? null"
EVENTS = "[...document.querySelectorAll('template')].map(each => each.id.slice(1))"
ROWS = "document.querySelectorAll('.row').length"


@pytest.fixture
def story(pytester: pytest.Pytester) -> Path:
    """The page of a test with a hundred events."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(test_shop=SHOP)
    pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "--jararaca-report=pages")
    (page,) = (pytester.path / "pages").iterdir()
    return page


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A page with a thousand events of as many participants as there is room for, all with long names."""
    handlers = [f"fulfilment.{number}.reserve_items_in_the_nearest_warehouse" for number in range(9)]
    listeners: list[Any] = [_Listener(name, f"order.{number}") for number, name in enumerate(handlers)]
    records = []
    for seq in range(1, 1_000, 2):
        number = seq % 9
        error = ConnectionError("x" * 5_000) if number == 4 else None
        outcome = "ok" if error is None else "error"
        topic = f"order.{number}"
        payload = {"note": "A long note. " * 100}
        records.append(Record(seq, "publish", seq / 10, topic=topic, payload=payload, message_id=f"m{seq}", ended=seq))
        records.append(
            Record(
                seq + 1,
                "attempt",
                seq / 10,
                seq,
                topic,
                payload,
                message_id=f"m{seq}",
                handler=handlers[number],
                attempt=seq,
                outcome=outcome,
                error=error,
                ended=seq + 1,
                until=seq / 10,
            )
        )
    heading = Heading(f"tests/test_shop.py::TestCrowd::test_{'with_a_very_long_name_' * 8}", "memory")
    page = tmp_path / "crowd.html"
    page.write_text(page_of(heading, records, Wording(listeners)))
    return page


class _Listener:
    def __init__(self, name: str, topic: str) -> None:
        self.name = name
        self.topic = topic


def opened(tab: Tab, page: Path, width: int = 1280, scheme: str = "light") -> None:
    tab.show(width, scheme)
    tab.open(page.as_uri())
    tab.until(READY)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hundred_events_fit_the_window_and_nothing_overlaps(tab: Tab, story: Path, scheme: str) -> None:
    opened(tab, story, scheme=scheme)

    assert tab.value(f"{EVENTS}.length") >= 100
    assert tab.value(OVERLAPS) == []
    assert tab.value("document.documentElement.scrollWidth") == 1280
    tab.screenshot(ARTIFACTS / f"report-page-{scheme}.png")

    tab.value("const failed = document.querySelector('.row.box.error'); failed.click(); scrollBy(0, 200)")
    assert tab.value(OVERLAPS.replace(", .tools > *, .top > *", "")) == []
    assert tab.value("document.documentElement.scrollWidth") == 1280
    assert tab.problems == []
    tab.screenshot(ARTIFACTS / f"report-page-{scheme}-open.png")


def test_every_event_is_reached_and_opened_by_keyboard(tab: Tab, story: Path) -> None:
    opened(tab, story)
    while tab.value(FOCUSED) is None:
        tab.press("Tab")

    reached = [tab.value(FOCUSED)]
    for _row in range(tab.value(ROWS) - 1):
        tab.press("ArrowDown")
        reached.append(tab.value(FOCUSED))
        assert tab.value(
            "(box => box.top >= 0 && box.bottom <= innerHeight)(document.activeElement.getBoundingClientRect())"
        )

    assert set(reached) == set(tab.value(EVENTS))
    tab.press("Home")
    assert tab.value(FOCUSED) == reached[0]
    tab.press("n")
    assert tab.value("document.activeElement.matches('.error')") is True

    tab.press("Enter")

    detail = tab.value("document.getElementById('panel').innerText")
    assert "GatewayTimeout: no answer from https://shop:***@payments.example/charge within 5 s" in detail
    assert '"card_token": "***"' in detail
    assert tab.value("window.owned ?? null") is None
    tab.press("Escape")
    assert tab.value("document.getElementById('panel').hidden") is True
    assert tab.value("document.activeElement.matches('.row.error')") is True


def test_causes_and_effects_lead_from_one_event_to_another(tab: Tab, story: Path) -> None:
    opened(tab, story)

    tab.value("document.querySelector('.row.box.error').click(); document.querySelector('#detail .jump').click()")

    assert tab.value("document.querySelector('#detail h2').innerText").startswith("publish order.placed")
    assert tab.value("document.activeElement.dataset.event") == tab.value("location.hash.slice(1)")


def test_events_are_filtered_by_their_words(tab: Tab, story: Path) -> None:
    opened(tab, story)

    tab.press("/")
    for letter in "order.paid":
        tab.press(letter)

    shown = tab.value("rows.filter(isShown).map(each => each.querySelector('.label').innerText)")
    assert shown == ["order.paid"] * 5
    assert tab.value("document.getElementById('found').value").startswith("5 of ")
    tab.press("Escape")
    assert tab.value("rows.every(isShown)") is True


def test_a_thousand_events_of_a_crowd_with_long_names_fit_as_well(tab: Tab, crowd: Path) -> None:
    opened(tab, crowd)

    assert tab.value(f"{EVENTS}.length") == 1_000
    assert tab.value(OVERLAPS) == []
    assert tab.value("document.documentElement.scrollWidth") == 1280
    tab.press("Tab", 3)
    tab.press("End")
    tab.press("Enter")
    assert tab.value("document.querySelector('#detail .number').innerText") == "#1000"
    tab.screenshot(ARTIFACTS / "report-page-crowd.png")


@pytest.mark.parametrize("width", [700, 390])
def test_a_narrow_window_is_no_reason_to_scroll_sideways(tab: Tab, story: Path, width: int) -> None:
    opened(tab, story, width)

    tab.value("rows[3].click()")

    assert tab.value("document.documentElement.scrollWidth") == width
