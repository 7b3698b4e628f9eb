"""Time and flow on a connection: heartbeats, patience, one write per turn, and clients that do not read."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from pamqp import commands
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat
from speaking import PREAMBLE, publish, raw

from jararaca.adapters.system.clock import SystemClock

Run = Callable[[Any], Any]
BIG = 200_000


async def passed(seconds: float) -> None:
    await SystemClock().sleep(seconds)


def names(frames: list[Any]) -> list[str]:
    return [each.name for each in frames]


def test_heartbeats_are_sent_while_nothing_else_is(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened(heartbeat=10)
        await passed(4.9)
        assert line.heard() == []

        for _ in range(6):
            await passed(5)
            await dialled.say(line, raw(8, 0, b""))

        assert not line.closed
        await passed(15)
        assert [type(each) for each in line.heard()] == [Heartbeat] * 3

    run(scenario())


def test_who_is_silent_for_two_heartbeats_is_hung_up_on(
    run: Run, dialled: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        line = await dialled.opened(heartbeat=10)
        await passed(19)
        assert not line.closed

        await passed(6)

        assert line.closed

    with caplog.at_level(logging.WARNING, "jararaca.amqpserver"):
        run(scenario())
    assert [record.getMessage() for record in caplog.records] == ["a client missed its heartbeats and was hung up on"]


def test_without_a_heartbeat_silence_is_fine(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened(heartbeat=0)
        await passed(100_000)
        assert not line.closed
        assert line.heard() == []

    run(scenario())


@pytest.mark.parametrize("said", [b"", PREAMBLE[:3], PREAMBLE])
def test_a_handshake_has_ten_seconds(run: Run, dialled: Any, said: bytes) -> None:
    async def scenario() -> None:
        line = dialled.line()
        await dialled.say(line, said)
        await passed(9.9)
        assert not line.closed

        await passed(0.2)

        assert line.closed

    run(scenario())


def test_who_does_not_answer_a_close_has_three_seconds(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        heard = await dialled.say(line, commands.Queue.Declare(queue="q"), channel=9)
        assert names(heard) == ["Connection.Close"]
        assert await dialled.say(line, commands.Queue.Declare(queue="q")) == []
        await passed(2.9)
        assert not line.closed

        await passed(0.2)

        assert line.closed

    run(scenario())


def test_what_one_turn_has_to_say_is_one_write_and_one_confirm(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"), commands.Confirm.Select())
        before = line.writes

        heard = await dialled.say(line, *(publish(1, b"x", routing_key="q") for _ in range(50)))

        [ack] = heard
        assert (ack.name, ack.delivery_tag, ack.multiple) == ("Basic.Ack", 50, True)
        assert line.writes == before + 1

    run(scenario())


def test_confirms_of_who_does_not_wait_for_them_are_gathered(run: Run, dialled: Any) -> None:
    """Ten messages in ten turns of the loop but within no time: five prompt confirms, and one for all others."""

    async def scenario() -> None:
        line = await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"), commands.Confirm.Select())
        await passed(1)
        heard = [await dialled.say(line, publish(1, b"x", routing_key="q")) for _ in range(10)]
        await passed(0.01)
        [rest] = line.heard()

        assert [len(each) for each in heard] == [1] * 5 + [0] * 5
        assert (rest.delivery_tag, rest.multiple) == (10, True)

        slow = [await confirmed_after_a_while(line, dialled) for _ in range(7)]
        assert [ack.delivery_tag for ack in slow] == [11, 12, 13, 14, 15, 16, 17]

    run(scenario())


async def confirmed_after_a_while(line: Any, dialled: Any) -> Any:
    """The confirm of a message that comes alone: at once, but for the first after a rush."""
    prompt = await dialled.say(line, publish(1, b"x", routing_key="q"))
    await passed(0.01)
    confirms: list[Any] = [*prompt, *line.heard()]
    assert len(confirms) == 1
    return confirms[0]


def test_a_refused_publish_parts_the_confirms(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        limit: Any = {"x-max-length": 2, "x-overflow": "reject-publish"}
        await dialled.say(line, commands.Queue.Declare(queue="q", arguments=limit), commands.Confirm.Select())

        heard = await dialled.say(
            line, *(publish(1, b"x", routing_key=key) for key in ("q", "q", "q", "elsewhere")), b""
        )

        confirms = [(each.name, each.delivery_tag) for each in heard if each.name.endswith("ck")]
        assert confirms == [("Basic.Ack", 2), ("Basic.Nack", 3), ("Basic.Ack", 4)]

    run(scenario())


def test_confirms_are_told_before_the_channel_closes(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened()
        await dialled.say(line, commands.Queue.Declare(queue="q"), commands.Confirm.Select())
        message = publish(1, b"x", routing_key="q")

        refused = await dialled.say(line, message, commands.Basic.Ack(9), message)
        await dialled.say(line, commands.Channel.CloseOk(), commands.Channel.Open(), commands.Confirm.Select())
        closed = await dialled.say(line, message, commands.Channel.Close(200, "", 0, 0))

        assert names(refused) == ["Basic.Ack", "Channel.Close"]
        assert names(closed) == ["Basic.Ack", "Channel.CloseOk"]

    run(scenario())


def test_a_client_that_does_not_read_is_given_no_more(run: Run, dialled: Any) -> None:
    """Neither without a prefetch nor without acks does a slow consumer fill the server's memory."""

    async def scenario() -> None:
        publisher = await dialled.opened()
        slow = await dialled.opened(room=10_000)
        await dialled.say(publisher, commands.Queue.Declare(queue="q"))
        await dialled.say(slow, commands.Basic.Consume(queue="q", no_ack=True))
        for _ in range(20):
            await dialled.say(publisher, publish(1, b"x" * 100_000, routing_key="q"))

        [left] = dialled.server.vhosts["/"].depths().values()
        assert 5 <= left.ready <= 12
        assert not slow.reading
        assert len(slow.waiting) < 2 * 1024 * 1024
        slow.read(1 << 30)
        await passed(0.1)

        assert sum(isinstance(each, ContentHeader) for each in slow.heard()) == 20
        assert slow.reading

    run(scenario())


def test_heartbeats_of_who_is_not_listened_to_are_not_missed(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        line = await dialled.opened(heartbeat=10)
        await dialled.say(line, commands.Queue.Declare(queue="q"))
        dialled.server.vhosts["/"].block()
        await dialled.say(line, publish(1, b"x", routing_key="q"))
        assert not line.reading

        await passed(100)
        assert not line.closed
        dialled.server.vhosts["/"].unblock()
        await passed(0.1)

        [left] = dialled.server.vhosts["/"].depths().values()
        assert (line.reading, left.ready) == (True, 1)

    run(scenario())


@pytest.mark.parametrize(("capable", "told"), [(True, ["Connection.Blocked", "Connection.Unblocked"]), (False, [])])
def test_an_alarm_is_told_to_who_can_hear_it(run: Run, dialled: Any, capable: bool, told: list[str]) -> None:
    async def scenario() -> None:
        line = await dialled.opened(**{"connection.blocked": capable})
        vhost = dialled.server.vhosts["/"]
        vhost.block()
        vhost.unblock()
        await passed(0.1)

        assert names(line.heard()) == told

    run(scenario())


def test_who_comes_during_an_alarm_hears_of_it_when_it_publishes(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        dialled.server.vhosts["/"].block("low on disk")
        line = await dialled.opened(**{"connection.blocked": True})
        assert isinstance((await dialled.say(line, commands.Queue.Declare(queue="q")))[0], commands.Queue.DeclareOk)

        [blocked] = await dialled.say(line, publish(1, b"x", routing_key="q"))

        assert blocked.reason == "low on disk"

    run(scenario())


def test_a_virtual_host_that_loses_its_connections_closes_their_sockets(run: Run, dialled: Any) -> None:
    """What the harness does to simulate a network that fails."""

    async def scenario() -> None:
        line = await dialled.opened()

        dialled.server.vhosts["/"].drop_connections()
        await passed(0.1)

        assert line.closed
        assert line.heard() == []

    run(scenario())


def test_a_virtual_host_that_is_stopped_lets_nobody_in(run: Run, dialled: Any) -> None:
    async def scenario() -> None:
        dialled.server.vhosts["/"].stop()
        line = dialled.line()
        await dialled.say(line, PREAMBLE)
        await dialled.say(line, commands.Connection.StartOk({}, "PLAIN", "\0guest\0guest", "en_US"), channel=0)
        await dialled.say(line, commands.Connection.TuneOk(10, 4096, 0), channel=0)

        assert await dialled.say(line, commands.Connection.Open("/"), channel=0) == []
        assert line.closed

    run(scenario())
