"""A broker that refuses what it is asked for: who is told of it, how often, and in which words."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from jararaca.errors import BrokerUnavailable, LoginRefused, TopologyMismatch
from jararaca.ports.broker import Queue

if TYPE_CHECKING:
    from tests.unit.messagebus.publishing.conftest import Rig

pytestmark = pytest.mark.asyncio


async def other_queue(rig: "Rig") -> None:
    """Let the broker have the dead letters' queue with an argument that nobody declares."""
    await rig.outside.connect()
    await rig.outside.delete_queue("shop.Billing.charge.dlq")
    await rig.outside.declare_queue(
        Queue("shop.Billing.charge.dlq", arguments={"x-queue-type": "quorum", "x-message-ttl": 60_000})
    )


async def refuse_login(rig: "Rig") -> None:
    rig.failures.append(LoginRefused("wrong password"))


@pytest.mark.parametrize("refuse", [refuse_login, other_queue])
@pytest.mark.parametrize("away", [0, 1])
async def test_what_a_refused_start_raises_is_all_that_is_said(
    refuse: Callable[["Rig"], Any], away: int, rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is told ends the process, and the attempt that a line would announce is never made."""
    rig.failures += [BrokerUnavailable("nobody answers")] * away
    await refuse(rig)
    connection = rig.connection()

    with pytest.raises((LoginRefused, TopologyMismatch)):
        await connection.start(wait=True)
    await connection.stop()

    assert [record.levelname for record in caplog.records] == ["WARNING"] * away


async def test_a_refused_start_that_is_tried_again_all_the_same_is_logged_then(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    rig.failures += [LoginRefused("wrong password")] * 2
    with pytest.raises(LoginRefused):
        await rig.connection().start(wait=True)
    await rig.loop.advance(2.0)

    lines = [vars(record) for record in caplog.records if record.levelno == logging.ERROR]
    assert [(line["attempt"], line["next_attempt_in"]) for line in lines] == [(1, 0.0), (2, 1.0)]
    assert lines[0]["error"] == "LoginRefused: wrong password"


async def test_a_topology_that_differs_while_the_process_runs_is_one_short_line(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    await rig.connected()
    await other_queue(rig)
    rig.vhost.drop_connections()
    await rig.loop.advance(0.5)

    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "the broker has another topology than this application declares"
    assert vars(record)["next_attempt_in"] == 0.5
    assert vars(record)["error"] == (
        "TopologyMismatch: queue shop.Billing.charge.dlq: x-message-ttl is 60000 there, not set here"
    )
