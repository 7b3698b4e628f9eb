"""Messages byte for byte: what a publisher wrote, its consumers read, and the broker's own numbers have 64 bits."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pamqp import commands
from speaking import BODY, HEADER, METHOD, Speaker, raw

TABLE = (
    b"\x01bb\x05" b"\x01ss\x00\x07" b"\x01iI\x00\x00\x00\x09" b"\x01ll\x00\x00\x00\x00\x00\x00\x00\x0b"
    b"\x01ff?\x00\x00\x00" b"\x01SS\x00\x00\x00\x01x" b"\x01xx\x00\x00\x00\x01y" b"\x01uu\x00\x01" b"\x01BB\x09"
    b"\x01DD\x01\x00\x00\x00\x05" b"\x01vV" b"\x01tt\x01" b"\x01FF\x00\x00\x00\x04\x01ns\x01"
)  # fmt: skip
"""One field of each type, the smallest of many."""

SORTED = (
    b"\x01BB\x09" b"\x01DD\x01\x00\x00\x00\x05" b"\x01FF\x00\x00\x00\x05\x01ns\x00\x01" b"\x01SS\x00\x00\x00\x01x"
    b"\x01bb\x05" b"\x01ff?\x00\x00\x00" b"\x01iI\x00\x00\x00\x09" b"\x01ll\x00\x00\x00\x00\x00\x00\x00\x0b"
    b"\x01ss\x00\x07" b"\x01tt\x01" b"\x01uu\x00\x01" b"\x01vV" b"\x01xx\x00\x00\x00\x01y"
)  # fmt: skip
TABLE = TABLE.replace(b"\x00\x00\x00\x04\x01ns\x01", b"\x00\x00\x00\x05\x01ns\x00\x01")
QUORUM: Any = {"x-queue-type": "quorum", "x-delivery-limit": 1}


def long(name: bytes, value: int) -> bytes:
    return bytes([len(name)]) + name + b"l" + value.to_bytes(8, "big")


def text(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + b"S" + struct.pack(">I", len(value)) + value


def header(flags: int, *properties: bytes, table: bytes | None = None) -> bytes:
    parts = [b"" if table is None else struct.pack(">I", len(table)) + table, *properties]
    return struct.pack(">HHQH", 60, 0, 1, flags | (0 if table is None else 0x2000)) + b"".join(parts)


@pytest.fixture
def client(either: str, name: str) -> Iterator[Speaker]:
    """An open channel; the queues of this test go with it."""
    with Speaker(either) as client:
        client.open()
        yield client
        for queue in (name, f"{name}.dead"):
            client.ask(commands.Queue.Delete(queue=queue))


def published(client: Speaker, queue: str, head: bytes) -> None:
    """Publish one byte with these properties, and wait until it is there."""
    client.ask(commands.Confirm.Select())
    method = struct.pack(">I", commands.Basic.Publish.index) + b"\x00\x00\x00"
    name = bytes([len(queue)]) + queue.encode() + b"\x00"
    assert client.ask(raw(METHOD, 1, method + name), raw(HEADER, 1, head), raw(BODY, 1, b"z")).name == "Basic.Ack"


def received(client: Speaker, queue: str) -> bytes:
    """The header frame of the next message, as it came."""
    while True:
        client.say(commands.Basic.Get(queue=queue))
        if client.raw_frame()[:4] == struct.pack(">I", commands.Basic.GetEmpty.index):
            continue
        head = client.raw_frame()
        assert client.raw_frame() == b"z"
        return head


@pytest.mark.parametrize(
    "head",
    [
        header(0),
        header(0, table=TABLE),
        header(0x1800, b"\x01\xff"),
        header(0x8044, b"\x02\xff\xfe", b"\xff" * 8, b"\x07cluster"),
    ],
    ids=["nothing", "types", "numbers", "no-text-no-calendar"],
)
def test_what_the_broker_does_not_touch_arrives_as_it_was(client: Speaker, name: str, head: bytes) -> None:
    client.ask(commands.Queue.Declare(queue=name))
    published(client, name, head)

    assert received(client, name) == head


def test_what_the_broker_adds_changes_no_type(client: Speaker, name: str) -> None:
    """RMQ-57, RMQ-51: counts are long, names sorted, and a delivery mode that was not set stays so."""
    dead = f"{name}.dead"
    client.ask(commands.Queue.Declare(queue=dead))
    arguments = QUORUM | {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    client.ask(commands.Queue.Declare(queue=name, durable=True, arguments=arguments))
    published(client, name, header(0x0900, b"\x03", b"\x0560000", table=TABLE))

    heads = []
    for tag in (1, 2):
        heads.append(received(client, name))
        client.say(commands.Basic.Nack(tag, requeue=True))
    last = received(client, dead)

    assert heads == [
        header(0x0900, b"\x03", b"\x0560000", table=SORTED + long(b"x-delivery-count", count)) for count in (0, 1)
    ]
    assert last.startswith(header(0x0800, table=b"")[:14])
    assert last[18 : 18 + len(SORTED)] == SORTED
    assert last.endswith(text(b"x-first-death-reason", b"delivery_limit") + b"\x03")
    for entry in (long(b"count", 1), text(b"original-expiration", b"60000"), text(b"queue", name.encode())):
        assert entry in last


def test_blind_copies_are_taken_out_and_nothing_else(client: Speaker, name: str) -> None:
    """RMQ-07."""
    client.ask(commands.Queue.Declare(queue=name))
    client.ask(commands.Queue.Declare(queue=f"{name}.dead"))
    keys = b"A" + struct.pack(">I", 10 + len(name)) + b"S" + struct.pack(">I", 5 + len(name)) + f"{name}.dead".encode()
    published(client, name, header(0, table=b"\x01ss\x00\x07" + b"\x03BCC" + keys))

    assert received(client, f"{name}.dead") == header(0, table=b"\x01ss\x00\x07")
