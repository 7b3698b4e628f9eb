"""What releases have put on the wire is read by this one, and this one puts on the wire what the last release did."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from order_handlers import Order
from processes import System
from script import Desk, Script
from shopping import ends, publish_raw, serving, take_all, until

from jararaca.ports.broker import Envelope
from jararaca_testing import RunningApplication
from jararaca_testing.contracts import proves

RELEASES = sorted((Path(__file__).parent / "wire").glob("*.json"))


def recorded() -> Iterator[Any]:
    """Every message of every release, never changed once that release is out."""
    for release in RELEASES:
        for message in json.loads(release.read_text(encoding="utf-8")):
            yield pytest.param(message, id=f"{release.stem}: {message['what']}")


@proves("F-23")
@serving(Desk)
@pytest.mark.parametrize("recorded", list(recorded()))
async def test_a_message_of_any_release_is_read(
    jararaca_app: RunningApplication, script: Script, recorded: dict[str, Any]
) -> None:
    envelope = Envelope(
        recorded["body"].encode(),
        **{name: recorded[name] for name in ("content_type", "type", "message_id", "correlation_id", "headers")},
    )
    await publish_raw(jararaca_app, envelope, recorded["topic"])
    await until(jararaca_app, lambda: ends(jararaca_app))

    (message,) = script.messages
    assert ends(jararaca_app) == [("ack", None)]
    assert message.payload().number == recorded["read"]["number"]
    assert {name: getattr(message, name) for name in recorded["read"] if name != "number"} == {
        name: value for name, value in recorded["read"].items() if name != "number"
    }


@proves("F-23")
@serving(Desk)
async def test_a_message_of_this_release_has_the_form_that_the_last_one_recorded(system: System) -> None:
    """Whoever changes it breaks consumers that run the last release: they are beside this one during every deploy."""
    last = json.loads(RELEASES[-1].read_text(encoding="utf-8"))[0]
    process = await system.start(working=False)

    await process.publish(Order(number=7), "order.placed", message_id=last["message_id"])

    (envelope,) = await take_all(system, "Desk.handle")
    assert (envelope.body.decode(), envelope.persistent) == (last["body"], True)
    for name in ("content_type", "type", "message_id", "correlation_id"):
        assert getattr(envelope, name) == last[name]
    headers = dict(envelope.headers)
    assert headers.pop("correlation_id")
    assert headers == {"x-jararaca-hops": last["headers"]["x-jararaca-hops"]}
