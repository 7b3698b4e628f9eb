"""Workers on RabbitMQ that are told to stop, cut short, or killed: what becomes of their messages."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel

from jararaca_testing.contracts import proves

pytestmark = pytest.mark.needs_servers

APP = """
import asyncio, os, signal

from jararaca import *
from jararaca.core.stopping import wait_for_shutdown
from pydantic import BaseModel

class Order(BaseModel):
    id: int
    wish: str = ""

@MessageBusController()
class C:
    @IncomingHandler("order.placed", name="C.handle")
    async def handle(self, message: Message[Order]) -> None:
        order = message.payload()
        print(f"begin {order.id}, attempt {message.attempt}, {'again' if message.redelivered else 'new'}", flush=True)
        if order.wish == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if order.wish == "wait":
            await wait_for_shutdown()
            await asyncio.sleep(0.5)
        if order.wish == "hang":
            await wait_for_shutdown()
            print("stopping", flush=True)
            await asyncio.Event().wait()
        while order.wish == "stubborn":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                print("no", flush=True)
        print(f"end {order.id}", flush=True)

app = Microservice(name=os.environ["NAME"], controllers=[C], shutdown_grace=float(os.environ["GRACE"]))
"""


@pytest.fixture
def work(tmp_path: Path, start: Callable[..., Any], rabbit: Any) -> Callable[..., Any]:
    """Start a worker of the application above; keywords are further variables."""

    def begin(grace: float = 25.0, **environment: str) -> Any:
        (tmp_path / "app.py").write_text(APP)
        own = {"NAME": rabbit.name, "JARARACA_EXCHANGE": rabbit.exchange, "JARARACA_BROKER_URL": rabbit.url}
        return start("jararaca", "worker", "app:app", environment={**own, "GRACE": str(grace), **environment})

    return begin


def place(rabbit: Any, *numbers: int, wish: str = "") -> None:
    async def send(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(rabbit.exchange)
        for number in numbers:
            body = f'{{"id": {number}, "wish": "{wish}"}}'.encode()
            await exchange.publish(Message(body, message_id=f"m-{number}", delivery_mode=2), "order.placed")

    rabbit.do(send)


def left(rabbit: Any, queue: str = "C.handle") -> list[tuple[str | None, bool, dict[str, Any]]]:
    """Id, whether it was handed out before, and headers of each message that is ready; they are taken out."""

    async def take(channel: AbstractChannel) -> list[tuple[str | None, bool, dict[str, Any]]]:
        found = []
        source = await channel.get_queue(f"{rabbit.name}.{queue}")
        while (message := await source.get(no_ack=True, fail=False)) is not None:
            found.append((message.message_id, bool(message.redelivered), dict(message.headers)))
        return found

    taken: list[tuple[str | None, bool, dict[str, Any]]] = rabbit.do(take)
    return taken


@proves("F-8")
def test_a_worker_that_is_told_to_stop_finishes_ten_and_gives_twenty_back(
    work: Callable[..., Any], rabbit: Any
) -> None:
    worker = work(JARARACA_CONCURRENCY="10", JARARACA_PREFETCH="30")
    worker.until("consuming")
    place(rabbit, *range(40), wish="wait")
    worker.until("begin", times=10)

    worker.ask(signal.SIGTERM)

    assert worker.end() == 0
    assert len([line for line in worker.lines if line.startswith("end")]) == 10
    messages = left(rabbit)
    assert len(messages) == 30
    assert sum(again for _id, again, _headers in messages) == 20


@proves("F-9")
@pytest.mark.parametrize("twice", [False, True])
def test_a_worker_whose_time_is_over_gives_back_what_runs_and_says_so(
    work: Callable[..., Any], rabbit: Any, twice: bool
) -> None:
    worker = work(grace=600.0 if twice else 0.5)
    worker.until("consuming")
    place(rabbit, 1, wish="hang")
    worker.until("begin 1")

    worker.ask(signal.SIGTERM)
    if twice:
        worker.until("stopping")
        worker.ask(signal.SIGTERM)

    assert worker.end() == 124
    assert [(identity, again) for identity, again, _headers in left(rabbit)] == [("m-1", True)]
    assert "C.handle" in worker.until("attempts are cancelled by the shutdown")


@proves("F-30")
def test_a_handler_that_swallows_its_cancellation_is_abandoned_with_its_stack(
    work: Callable[..., Any], rabbit: Any
) -> None:
    worker = work(grace=0.2)
    worker.until("consuming")
    place(rabbit, 1, wish="stubborn")
    worker.until("begin 1")

    worker.ask(signal.SIGTERM)

    assert worker.end() == 124
    assert len([line for line in worker.lines if line == "no"]) >= 2
    assert "app.py:" in worker.until("attempts do not end; they are abandoned")
    assert [(identity, again) for identity, again, _headers in left(rabbit)] == [("m-1", True)]


@proves("F-20")
def test_a_message_that_kills_its_workers_ends_among_the_dead_letters(work: Callable[..., Any], rabbit: Any) -> None:
    """Four workers die of it with a limit of three; the fifth one has nothing to do, and lives."""
    victims = []
    for number in range(4):
        victims.append(work(JARARACA_DELIVERY_LIMIT="3"))
        if number == 0:
            victims[-1].until("consuming")
            place(rabbit, 1, wish="die")
        assert victims[-1].end() == -signal.SIGKILL

    survivor = work(JARARACA_DELIVERY_LIMIT="3")
    survivor.until("consuming")
    place(rabbit, 2)
    survivor.until("end 2")
    survivor.ask(signal.SIGTERM)

    assert survivor.end() == 0
    assert [victim.until("begin 1").split(", ")[1:] for victim in victims] == [
        ["attempt 1", "new"],
        *[["attempt 1", "again"]] * 3,
    ]
    ((identity, _again, headers),) = left(rabbit, "C.handle.dlq")
    assert (identity, headers["x-death"][0]["reason"]) == ("m-1", "delivery_limit")
