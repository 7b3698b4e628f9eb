"""A worker on RabbitMQ, and what other programs may do to it."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel

from jararaca_testing.contracts import proves

pytestmark = pytest.mark.needs_servers

APP = """
import os

from jararaca import *
from pydantic import BaseModel

class Order(BaseModel):
    id: int

@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        print(f"handled {message.payload().id}, attempt {message.attempt}")

app = Microservice(name=os.environ["NAME"], controllers=[C])
"""


@pytest.fixture
def begin(tmp_path: Path, start: Callable[..., Any], rabbit: Any) -> Callable[..., Any]:
    """Start the worker of the application above; keywords are further variables."""

    def run(**environment: str) -> Any:
        (tmp_path / "app.py").write_text(APP)
        own = {"NAME": rabbit.name, "JARARACA_EXCHANGE": rabbit.exchange, "JARARACA_BROKER_URL": rabbit.url}
        return start("jararaca", "worker", "app:app", environment={**own, **environment})

    return run


def publish(rabbit: Any, *messages: Message) -> None:
    async def send(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(rabbit.exchange)
        for message in messages:
            await exchange.publish(message, "order.placed")

    rabbit.do(send)


def dead_letters(rabbit: Any) -> list[tuple[bytes, object]]:
    """Body and reason of each."""

    async def read(channel: AbstractChannel) -> list[tuple[bytes, object]]:
        queue = await channel.get_queue(f"{rabbit.name}.C.handle.dlq")
        found: list[tuple[bytes, object]] = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            found.append((message.body, message.headers["x-jararaca-reason"]))
        return found

    letters: list[tuple[bytes, object]] = rabbit.do(read)
    return letters


@proves("F-21")
def test_messages_that_cannot_be_read_are_put_aside_and_the_worker_lives(
    begin: Callable[..., Any], rabbit: Any
) -> None:
    worker = begin()
    worker.until("consuming")

    publish(rabbit, Message(b"{"), Message(b'{"id": "x"}'), Message(b"\xff\xfe"), Message(b'{"id": 7}'))
    worker.until("handled 7")
    worker.ask(signal.SIGTERM)

    assert worker.end() == 0
    reasons = dict(dead_letters(rabbit))
    assert reasons == dict.fromkeys([b"{", b'{"id": "x"}', b"\xff\xfe"], "invalid-payload")


@proves("F-24")
def test_hostile_headers_change_nothing(begin: Callable[..., Any], rabbit: Any) -> None:
    """Whatever another program writes into our headers: a message that can be read is handled once, as the first."""
    hostile: list[dict[str, Any]] = [
        {"x-jararaca-attempt": -(2**63)},
        {"x-jararaca-attempt": "many"},
        {"x-jararaca-not-before": "the end of time"},
        {"x-jararaca-hops": {"a": ["b", {"c": None}]}},
        {"x-jararaca-original": bytearray(5000)},
        {"traceparent": "x" * 30_000, "correlation_id": "\n\u202e"},
        {"x-death": "not a list"},
    ]
    worker = begin()
    worker.until("consuming")

    publish(
        rabbit,
        *(Message(f'{{"id": {n}}}'.encode(), headers=each) for n, each in enumerate(hostile)),
        Message(b'{"id": 99}'),
    )
    handled = [worker.until(f"handled {number}, attempt 1") for number in [*range(len(hostile)), 99]]
    worker.ask(signal.SIGTERM)

    assert worker.end() == 0
    assert len(handled) == len(set(handled)) == len(hostile) + 1
    assert dead_letters(rabbit) == []


@proves("F-32")
def test_a_queue_that_is_another_ends_the_worker_with_4(begin: Callable[..., Any], rabbit: Any) -> None:
    async def declare(channel: AbstractChannel) -> None:
        await channel.declare_queue(f"{rabbit.name}.C.handle", durable=True)

    rabbit.do(declare)
    worker = begin()

    assert worker.end() == 4
    rows = [line.split() for line in worker.lines if line.startswith(f"  queue {rabbit.name}.C.handle ")]
    assert ["queue", f"{rabbit.name}.C.handle", "x-queue-type", "not", "set", "quorum"] in rows
    assert worker.lines[-1].startswith("  3. Take another name")
    assert worker.output.count("x-queue-type") == 1
    assert "next_attempt_in" not in worker.output
    assert "Traceback" not in worker.output


@proves("F-31")
def test_a_timeout_as_long_as_the_broker_s_patience_ends_the_worker_with_2(begin: Callable[..., Any]) -> None:
    worker = begin(JARARACA_HANDLER_TIMEOUT="1800")

    assert worker.end() == 2
    assert "JARARACA_HANDLER_TIMEOUT: Input should be less than 1800" in worker.lines[-1]


@proves("F-45")
def test_a_refused_login_ends_the_worker_with_3(begin: Callable[..., Any], rabbit: Any) -> None:
    url = aio_pika.connection.make_url(rabbit.url).with_password("hunter2")

    worker = begin(JARARACA_BROKER_URL=str(url))

    assert worker.end() == 3
    assert "refused the login" in worker.lines[-1]
    assert worker.output.count("refused the login") == 1
    assert "next_attempt_in" not in worker.output
    assert "hunter2" not in worker.output
    assert "Traceback" not in worker.output


@proves("F-37")
def test_dead_letters_are_counted_shown_sent_back_and_dropped(
    begin: Callable[..., Any], start: Callable[..., Any], rabbit: Any, tmp_path: Path
) -> None:
    own = {"NAME": rabbit.name, "JARARACA_EXCHANGE": rabbit.exchange, "JARARACA_BROKER_URL": rabbit.url}

    def dlq(verb: str, *arguments: str) -> str:
        child = start("jararaca", "dlq", verb, "app:app", *arguments, environment=own)
        assert child.end() == 0, child.output
        output: str = child.output
        return output

    worker = begin()
    worker.until("consuming")
    publish(rabbit, Message(b"{", message_id="m-1"), Message(b'{"id": "x"}', message_id="m-2"), Message(b'{"id": 7}'))
    worker.until("handled 7")

    shown = dlq("show", "C.handle")
    assert "m-1" in shown
    assert "invalid-payload" in shown
    assert "1 dead letter of C.handle dropped, 1 left" in dlq("drop", "C.handle", "--id", "m-1")
    dlq("show", "C.handle", "--as-test", "test_replay.py")
    assert """b'{"id": "x"}'""" in (tmp_path / "test_replay.py").read_text()
    assert "1 message sent back to C.handle, 0 left" in dlq("requeue", "C.handle", "--all")
    worker.ask(signal.SIGTERM)
    assert worker.end() == 0
    assert dead_letters(rabbit) == [(b'{"id": "x"}', "invalid-payload")]


@proves("F-37")
def test_who_looks_at_dead_letters_declares_nothing_and_does_not_mind_what_differs(
    start: Callable[..., Any], rabbit: Any, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    own = {"NAME": rabbit.name, "JARARACA_EXCHANGE": rabbit.exchange, "JARARACA_BROKER_URL": rabbit.url}
    queue = f"{rabbit.name}.C.handle"

    def dlq(verb: str, *arguments: str) -> str:
        child = start("jararaca", "dlq", verb, "app:app", *arguments, environment=own)
        assert child.end() == 0, child.output
        output: str = child.output
        return output

    async def differs(channel: AbstractChannel) -> None:
        for name in (queue, f"{queue}.dlq"):  # which are classic, and would be quorum queues
            await channel.declare_queue(name, durable=True)
        await channel.default_exchange.publish(Message(b"{", message_id="m-1"), f"{queue}.dlq")

    assert "C.handle  no such queue yet: the application has not been started" in dlq("list")
    assert "C.handle: no such queue yet" in dlq("show", "C.handle")
    assert not rabbit.do(lambda channel: exists(channel, f"{queue}.dlq"))
    rabbit.do(differs)

    assert "C.handle  1" in dlq("list")
    assert "m-1" in dlq("show", "C.handle")
    assert "1 message sent back to C.handle, 0 left" in dlq("requeue", "C.handle", "--id", "m-1")


async def exists(channel: AbstractChannel, queue: str) -> bool:
    try:
        await channel.get_queue(queue)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return False
    return True


HOLDING = """
import logging
import os
import threading

from jararaca import *
from pydantic import BaseModel

told = threading.Event()

class Told(logging.Handler):
    def emit(self, record):
        told.set()

logging.getLogger("jararaca.system").addHandler(Told())

class Order(BaseModel):
    id: int

@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        told.wait(60)

app = Microservice(name=os.environ["NAME"], controllers=[C])
"""


@proves("F-28")
def test_a_handler_that_holds_the_event_loop_is_logged_with_its_line(
    start: Callable[..., Any], tmp_path: Path, rabbit: Any
) -> None:
    (tmp_path / "app.py").write_text(HOLDING)
    own = {"NAME": rabbit.name, "JARARACA_EXCHANGE": rabbit.exchange, "JARARACA_BROKER_URL": rabbit.url}
    worker = start("jararaca", "worker", "app:app", environment=own)
    worker.until("consuming")

    publish(rabbit, Message(b'{"id": 7}'))

    told = worker.until("a callback holds the event loop")
    assert re.search(rf"at={tmp_path / 'app.py'}:\d+ in C\.handle", told), told
    worker.until("the event loop goes on")
    worker.ask(signal.SIGTERM)
    assert worker.end() == 0
