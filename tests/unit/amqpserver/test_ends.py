"""How channels, connections and the server end."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from pamqp import commands
from speaking import PREAMBLE, publish, raw

from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock

Run = Callable[[Any], Any]


class Defective(VirtualHost):
    """A virtual host that somebody forgot to finish."""

    def generated_name(self, prefix: str) -> str:
        raise ZeroDivisionError(prefix)


def test_an_error_of_the_server_ends_one_connection_and_is_logged(
    run: Run, dialled: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        dialled.server.vhosts["/"] = Defective(SystemClock())
        other, line = await dialled.opened(), await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"))

        [close] = await dialled.say(line, commands.Basic.Consume(queue="q"))
        [alive] = await dialled.say(other, commands.Queue.Declare(queue="q", passive=True))

        assert (close.reply_code, close.reply_text) == (541, "INTERNAL_ERROR")
        assert isinstance(alive, commands.Queue.DeclareOk)

    with caplog.at_level(logging.ERROR, "jararaca.amqpserver"):
        run(scenario())
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_a_channel_that_both_sides_close_is_free_again(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        [refused] = await dialled.say(line, commands.Basic.Ack(5))
        assert isinstance(refused, commands.Channel.Close)

        ignored = await dialled.say(line, commands.Queue.Declare(queue="q"), publish(1, b"x", routing_key="q"))
        [closed] = await dialled.say(line, commands.Channel.Close(200, "", 0, 0))
        late = await dialled.say(line, commands.Channel.CloseOk())
        [opened] = await dialled.say(line, commands.Channel.Open())

        assert (ignored, late) == ([], [])
        assert isinstance(closed, commands.Channel.CloseOk)
        assert isinstance(opened, commands.Channel.OpenOk)

    run(scenario())


def test_what_a_channel_held_that_the_server_closes_over_a_header_is_ready_again(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"), publish(1, b"x", routing_key="q"))
        await dialled.say(line, commands.Basic.Consume(queue="q"))

        too_long = struct.pack(">HHQH", 60, 0, 1 << 30, 0)
        [close] = await dialled.say(line, commands.Basic.Publish(), raw(2, 1, too_long))

        [depth] = dialled.server.vhosts["/"].depths().values()
        assert close.reply_code == 406
        assert (depth.ready, depth.unacked, depth.consumers) == (1, 0, 0)

    run(scenario())


def test_a_close_that_nobody_asked_about_is_ignored(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()

        assert await dialled.say(line, commands.Connection.CloseOk(), channel=0) == []
        assert not line.closed

    run(scenario())


def test_what_a_closed_connection_had_unacked_is_ready_again(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"), publish(1, b"x", routing_key="q"))
        await dialled.say(line, commands.Basic.Get(queue="q"))

        [answer] = await dialled.say(line, commands.Connection.Close(200, "", 0, 0), channel=0)

        assert isinstance(answer, commands.Connection.CloseOk)
        [depth] = dialled.server.vhosts["/"].depths().values()
        assert (depth.ready, depth.unacked) == (1, 0)

    run(scenario())


def test_a_delivery_unacked_for_too_long_closes_its_channel(run: Run, dialled: Any) -> None:
    """RMQ-38: a close that no method of the client asked for."""

    async def scenario() -> None:
        line = await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"), publish(1, b"x", routing_key="q"))
        await dialled.say(line, commands.Basic.Consume(queue="q"))

        await SystemClock().sleep(2000)

        [close] = line.heard()
        assert (close.name, close.reply_code) == ("Channel.Close", 406)
        assert "timed out" in close.reply_text

    run(scenario())


def test_a_text_that_does_not_fit_is_shortened(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()

        name = ("ü" * 127).encode()
        arguments = b"\0\0" + bytes([len(name)]) + name + b"\0\1\0\0\0\0"  # which pamqp would not send

        [close] = await dialled.say(line, raw(1, 1, struct.pack(">I", commands.Exchange.Declare.index) + arguments))

        assert len(close.reply_text.encode()) <= 255
        assert close.reply_text.startswith("NOT_FOUND - no exchange 'üü")
        assert close.reply_text.endswith("...")

    run(scenario())


def test_nothing_is_heard_after_the_first_bytes_were_of_another_protocol(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = dialled.line()
        await dialled.say(line, b"SSH-2.0-" + PREAMBLE)

        assert line.closed
        assert await dialled.say(line, PREAMBLE) == []

    run(scenario())


def test_the_server_waits_for_its_clients_and_leaves_when_they_do_not_answer(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        await dialled.server.start(socket.create_server(("127.0.0.1", 0)))
        polite, silent, idle = await dialled.opened(), await dialled.opened(), dialled.line()
        stopping = asyncio.get_running_loop().create_task(dialled.server.stop(grace=10))
        await SystemClock().sleep(0.1)
        [told], [also] = polite.heard(), silent.heard()
        await dialled.say(polite, commands.Connection.CloseOk(), channel=0)

        assert (told.reply_code, also.reply_code) == (320, 320)
        assert (polite.closed, silent.closed, idle.closed) == (True, False, True)
        await stopping
        assert silent.closed
        await dialled.server.stop()

    run(scenario())
