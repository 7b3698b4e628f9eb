"""Messages of strangers that have no id, and what their handlers make of them."""

import json

import pytest
from outbox_handlers import Day, Sale, sales
from shopping import ends, publish_raw, until

from jararaca import IncomingHandler, Message, MessageBusController, Microservice, ProviderSpec
from jararaca.messagebus.retry import RetryPolicy
from jararaca.ports.broker import Envelope
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves


class Seen:
    """What handlers were called with: number and id."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, str | None]] = []
        self.fails = False


@MessageBusController()
class Strangers:
    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    @IncomingHandler("known.by.content", idempotent=True, missing_id="hash", retry=RetryPolicy(first_delay=1.0))
    async def by_content(self, message: Message[Sale]) -> None:
        self.take(message)
        if self.seen.fails and message.attempt == 1:
            raise OSError("the ledger is locked")

    @IncomingHandler("never.known", idempotent=True, missing_id="allow")
    async def each_time(self, message: Message[Sale]) -> None:
        self.take(message)

    @IncomingHandler("not.wanted", missing_id="reject")
    async def never(self, message: Message[Sale]) -> None:
        self.take(message)

    @IncomingHandler("welcome")
    async def welcome(self, message: Message[Sale]) -> None:
        self.take(message)

    def take(self, message: Message[Sale]) -> None:
        self.seen.messages.append((message.payload().number, message.message_id))


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def jararaca_microservice(day: Day, seen: Seen) -> Microservice:
    providers = [ProviderSpec(Seen, use_value=seen)]
    return Microservice(providers, [Strangers], sales(day).interceptors)


def sale(number: int) -> Envelope:
    return Envelope(json.dumps({"number": number}).encode())


@proves("F-15")
async def test_with_hash_messages_that_say_the_same_are_one(
    bus: Bus, jararaca_app: RunningApplication, seen: Seen
) -> None:
    for number in (1, 1, 2):
        await publish_raw(jararaca_app, sale(number), "known.by.content")
    await until(jararaca_app, lambda: len(ends(jararaca_app, "by_content")) == 3)

    assert sorted(number for number, _ in seen.messages) == [1, 2]
    ids = [message_id for _, message_id in seen.messages]
    assert all(str(message_id).startswith("sha256:") for message_id in ids)
    assert len(set(ids)) == 2
    assert sorted(str(record.outcome) for record in bus.handled("by_content")) == ["duplicate", "ok", "ok"]


@proves("F-15")
async def test_an_id_that_was_derived_stays_the_same_through_a_retry(
    bus: Bus, jararaca_app: RunningApplication, seen: Seen
) -> None:
    bus.expect_errors(OSError)
    seen.fails = True
    await publish_raw(jararaca_app, sale(1), "known.by.content")
    await until(jararaca_app, lambda: ("ack", None) in ends(jararaca_app, "by_content"))

    first, second = seen.messages
    assert first == second


@proves("F-15")
async def test_with_allow_each_is_handled(bus: Bus, jararaca_app: RunningApplication, seen: Seen) -> None:
    for _ in range(2):
        await publish_raw(jararaca_app, sale(1), "never.known")
    await until(jararaca_app, lambda: len(ends(jararaca_app, "each_time")) == 2)

    assert seen.messages == [(1, None), (1, None)]


@proves("F-15")
async def test_with_reject_none_is_handled(bus: Bus, jararaca_app: RunningApplication, seen: Seen) -> None:
    await publish_raw(jararaca_app, sale(1), "not.wanted")
    await publish_raw(jararaca_app, sale(2)._replace(message_id="two"), "not.wanted")
    await until(jararaca_app, lambda: len(ends(jararaca_app, "never")) == 2)

    assert bus.dead_lettered("not.wanted").one().reason == "rejected"
    assert seen.messages == [(2, "two")]


@proves("F-15")
async def test_a_handler_that_says_nothing_takes_them(bus: Bus, jararaca_app: RunningApplication, seen: Seen) -> None:
    await publish_raw(jararaca_app, sale(1), "welcome")
    await until(jararaca_app, lambda: ends(jararaca_app, "welcome"))

    assert seen.messages == [(1, None)]
