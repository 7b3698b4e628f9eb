"""What passes the driver by, and what does not."""

import asyncio
from collections.abc import Iterator

import pytest
from yarl import URL

from jararaca.adapters.rabbitmq.frames import BODY, HEARTBEAT_FRAME, METHOD, frame
from jararaca.adapters.rabbitmq.wire import Wire, WireFactory

OTHER = frame(METHOD, 7, b"\x00\x14\x00\x0b\x00\x00\x00\x00")
MINE = frame(BODY, 3, b"mine")


class ShiftedLoop(asyncio.SelectorEventLoop):
    """A loop whose time can be moved forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class RecordingTransport(asyncio.Transport):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


class Ends:
    """Counts how often it is called."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def loop() -> Iterator[ShiftedLoop]:
    loop = ShiftedLoop()
    yield loop
    loop.close()


@pytest.fixture
def transport() -> RecordingTransport:
    return RecordingTransport()


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def wire(loop: ShiftedLoop, transport: RecordingTransport, ends: Ends) -> Iterator[Wire]:
    wire = Wire(loop, on_end=ends)
    wire.connection_made(transport)
    yield wire
    transport.closing = True


@pytest.fixture
def taken(wire: Wire) -> list[bytes]:
    """The payloads that channel 3 gets."""
    payloads: list[bytes] = []

    def take(_kind: int, buffer: bytes, start: int, end: int) -> bool:
        payloads.append(buffer[start:end])
        return True

    wire.sinks[3] = take
    return payloads


def passed(loop: asyncio.AbstractEventLoop, wire: Wire) -> bytes:
    """What the driver has been given."""
    wire.reader.feed_eof()
    return loop.run_until_complete(wire.reader.read())


def run_once(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_frames_of_our_channels_pass_the_driver_by(loop: ShiftedLoop, wire: Wire, taken: list[bytes]) -> None:
    wire.data_received(OTHER + MINE + OTHER + MINE)
    assert (taken, passed(loop, wire)) == ([b"mine", b"mine"], OTHER + OTHER)


def test_frames_may_arrive_in_any_pieces(loop: ShiftedLoop, wire: Wire, taken: list[bytes]) -> None:
    for byte in OTHER + MINE + OTHER + MINE:
        wire.data_received(bytes((byte,)))
    assert (taken, passed(loop, wire)) == ([b"mine", b"mine"], OTHER + OTHER)


def test_a_frame_that_the_sink_leaves_goes_to_the_driver(loop: ShiftedLoop, wire: Wire) -> None:
    wire.sinks[3] = lambda *_: False
    wire.data_received(MINE)
    assert passed(loop, wire) == MINE


def test_a_busy_consumer_looks_alive_to_the_driver(loop: ShiftedLoop, wire: Wire, taken: list[bytes]) -> None:
    """The server sends no heartbeats while it sends messages, and the driver does not see those."""
    wire.data_received(MINE)
    loop.ahead = 2.0
    wire.data_received(MINE)
    wire.data_received(MINE)
    assert (len(taken), passed(loop, wire)) == (3, HEARTBEAT_FRAME)


def test_what_is_not_amqp_goes_to_the_driver_as_it_is(loop: ShiftedLoop, wire: Wire) -> None:
    """The driver has the words to complain."""
    wire.data_received(b"HTTP/1.1 400 Bad")
    wire.data_received(b" Request")
    assert passed(loop, wire) == b"HTTP/1.1 400 Bad Request"


def test_one_turn_of_the_loop_is_one_write(loop: ShiftedLoop, wire: Wire, transport: RecordingTransport) -> None:
    for data in (b"a", b"b", b"c"):
        wire.write(data)
    run_once(loop)
    wire.write(b"d")
    run_once(loop)
    assert transport.writes == [b"abc", b"d"]


def test_nothing_is_written_to_a_closing_transport(
    loop: ShiftedLoop, wire: Wire, transport: RecordingTransport
) -> None:
    wire.write(b"a")
    transport.closing = True
    run_once(loop)
    assert transport.writes == []


def test_the_end_is_told_once(wire: Wire, ends: Ends) -> None:
    wire.end()
    wire.connection_lost(None)
    assert ends.count == 1


def test_a_connection_opens_on_uvloop() -> None:
    """uvicorn runs on it where it is installed, and its transports derive from none of asyncio's."""
    uvloop = pytest.importorskip("uvloop")

    async def talk() -> bytes:
        listener = await asyncio.start_server(answer, "127.0.0.1", 0)
        address = URL.build(scheme="amqp", host="127.0.0.1", port=listener.sockets[0].getsockname()[1])
        async with asyncio.timeout(10):
            reader, writer = await WireFactory(on_end=Ends()).create(address)
            writer.write(MINE)
            received = await reader.read()
        writer.close()
        listener.close()
        return received

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(MINE))
        writer.write(OTHER)
        writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(talk()) == OTHER
