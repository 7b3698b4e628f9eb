"""What a virtual loop asks of the operating system: nothing, before it waits for somebody outside."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what /proc lists")


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(hang_limit=5.0)
    yield loop
    loop.close()  # of no effect a second time


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def nap() -> None:
    await asyncio.sleep(3600)  # noqa: TID251 # on a virtual loop


def test_a_loop_whose_time_is_virtual_opens_no_file() -> None:
    before = open_files()
    run = Run(lambda: VirtualLoop(patience=7200.0))

    run(nap())

    assert open_files() == before
    run.close()
    assert open_files() == before


def test_what_it_opened_to_wait_for_a_thread_is_closed_with_it(loop: VirtualLoop) -> None:
    before = open_files()
    run = Run(lambda: loop)

    run(asyncio.to_thread(threading.Event().wait, 0.05))

    assert open_files() > before
    run.close()
    assert open_files() == before


def test_its_own_pipe_is_nobodys_open_file(loop: VirtualLoop) -> None:
    run = Run(lambda: loop)
    reader, writer = os.pipe()

    async def listen() -> tuple[list[int], list[int]]:
        await asyncio.to_thread(threading.Event().wait, 0.01)
        loop.add_reader(reader, lambda: None)
        opened = loop.files()
        loop.remove_reader(reader)
        return opened, loop.files()

    assert run(listen()) == ([reader], [])
    os.close(reader)
    os.close(writer)


def test_a_file_that_is_ready_is_seen_although_no_thread_called(loop: VirtualLoop) -> None:
    run = Run(lambda: loop)
    reader, writer = os.pipe()

    async def listen() -> bytes:
        ready = loop.create_future()
        loop.add_reader(reader, ready.set_result, None)
        os.write(writer, b"x")
        await ready
        loop.remove_reader(reader)
        return os.read(reader, 1)

    assert run(listen()) == b"x"
    os.close(reader)
    os.close(writer)
