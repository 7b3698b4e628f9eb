"""What the harness believes to be under way, told by steps alone."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.ports.broker import Envelope
from jararaca_testing.inflight import InFlight

Phase = Literal["before", "after"]


class Controller: ...


def handler(name: str, topic: str) -> HandlerSpec:
    return HandlerSpec(name=name, topic=topic, controller=Controller, method=name, model=dict)


@dataclass(eq=False)
class Delivered:
    """Stands for a delivery: steps are about the same object from its delivery to its settlement."""


@dataclass
class Sent:
    envelope: Envelope


class Story:
    """Tells an `InFlight` what happens, one step at a time."""

    def __init__(self, *topics: str) -> None:
        self.seconds = 0.0
        self.in_flight = InFlight([handler(f"on {topic}", topic) for topic in topics], now=lambda: self.seconds)

    def tell(self, kind: Kind, phase: Phase, execution: str | None, subject: Any, facts: dict[str, Any]) -> None:
        self.in_flight.on_step(Step(kind, phase, execution, None, subject, facts))

    def step(self, kind: Kind, phase: Phase, execution: str | None = None, subject: Any = None, **facts: Any) -> None:
        self.tell(kind, phase, execution, subject, facts)

    def publish(self, topic: str, message_id: str = "m", *, by: str | None = None, **facts: Any) -> None:
        facts = {"exchange": "events", "delayed": False, "expiration": None, **facts}
        sent = Sent(Envelope(b"{}", expiration=facts["expiration"]))
        self.tell(Kind.PUBLISH, "before", by, sent, facts | {"topic": topic, "message_id": message_id})

    def confirm(self, topic: str, outcome: str, message_id: str = "m", **facts: Any) -> None:
        facts = {"exchange": "events", "delayed": False, "outcome": outcome} | facts
        self.tell(Kind.CONFIRM, "after", None, None, facts | {"topic": topic, "message_id": message_id})

    def deliver(self, name: str, *, redelivered: bool = False) -> Delivered:
        delivery = Delivered()
        self.step(Kind.DELIVERY, "after", None, delivery, handler=name, message_id="m", redelivered=redelivered)
        return delivery

    def settle(self, delivery: Delivered, name: str, verb: str = "ack", *, stale: bool = False) -> None:
        self.step(Kind.SETTLE, "after", None, delivery, handler=name, message_id="m", verb=verb, stale=stale)

    @property
    def lines(self) -> list[str]:
        in_flight = self.in_flight
        return [*in_flight.handling(), *in_flight.unsettled(), *in_flight.travelling()]


@pytest.mark.parametrize("kind", [Kind.REQUEST, Kind.ATTEMPT, Kind.TICK])
def test_what_is_handled_is_under_way_from_its_beginning_to_its_end(kind: Kind) -> None:
    story = Story()

    story.step(kind, "before", "e1", handler="charge")
    story.step(kind, "before", "e2", handler="charge")
    assert story.lines == [f"2 of {kind} charge"]

    story.step(kind, "after", "e1", handler="charge")
    assert story.lines == [f"{kind} charge"]

    story.step(kind, "after", "e2", handler="charge")
    assert story.in_flight.is_empty


def test_a_firing_that_is_skipped_does_not_end_the_one_before() -> None:
    story = Story()

    story.step(Kind.TICK, "before", "e1", action="count")
    story.step(Kind.TICK, "after", None, action="count", outcome="skipped")

    assert story.lines == ["tick count"]


def test_a_message_is_under_way_to_each_handler_that_its_topic_matches() -> None:
    story = Story("order.*", "order.paid", "user.*")

    story.publish("order.paid")
    assert story.lines == ["1 message on the way to on order.*", "1 message on the way to on order.paid"]

    first = story.deliver("on order.paid")
    assert "1 message delivered to on order.paid and not settled" in story.lines

    story.settle(first, "on order.paid")
    story.settle(story.deliver("on order.*"), "on order.*")
    assert story.in_flight.is_empty


@pytest.mark.parametrize("verb", ["ack", "wait", "dead-letter"])
def test_a_settlement_ends_the_way_whatever_it_is(verb: str) -> None:
    story = Story("order")

    story.publish("order")
    story.settle(story.deliver("on order"), "on order", verb)

    assert story.in_flight.is_empty


@pytest.mark.parametrize(("verb", "stale"), [("requeue", False), ("ack", True), ("requeue", True)])
def test_what_goes_back_to_its_queue_is_under_way_until_it_comes_again(verb: str, stale: bool) -> None:
    """A settlement on a channel that was lost did nothing: the broker delivers the message once more."""
    story = Story("order")

    story.publish("order")
    story.settle(story.deliver("on order"), "on order", verb, stale=stale)
    assert story.lines == ["1 message on the way to on order"]

    story.settle(story.deliver("on order", redelivered=True), "on order")
    assert story.in_flight.is_empty


def test_a_redelivery_may_come_before_the_stale_settlement_is_known() -> None:
    story = Story("order")

    story.publish("order")
    lost = story.deliver("on order")
    again = story.deliver("on order", redelivered=True)
    story.settle(lost, "on order", stale=True)
    assert story.lines == ["1 message delivered to on order and not settled"]

    story.settle(again, "on order")
    assert story.in_flight.is_empty


def test_a_redelivery_of_what_nobody_here_has_seen_ends_its_first_way() -> None:
    story = Story("order")

    story.publish("order")
    story.settle(story.deliver("on order", redelivered=True), "on order")

    assert story.in_flight.is_empty


def test_a_copy_that_comes_out_of_a_wait_counts_from_its_delivery() -> None:
    story = Story("order")

    story.publish("order")
    story.settle(story.deliver("on order"), "on order", "wait")
    again = story.deliver("on order")
    assert not story.in_flight.is_empty

    story.settle(again, "on order")
    story.publish("order")
    assert story.lines == ["1 message on the way to on order"]


@pytest.mark.parametrize("outcome", ["failed", "unroutable"])
def test_what_the_broker_does_not_take_is_under_way_to_nobody(outcome: str) -> None:
    story = Story("order")

    story.publish("order")
    story.confirm("order", outcome)

    assert story.in_flight.is_empty


def test_a_confirm_alone_ends_nothing() -> None:
    story = Story("order")

    story.publish("order")
    story.confirm("order", "confirmed")

    assert not story.in_flight.is_empty


def test_a_delayed_message_is_not_waited_for_and_its_failure_ends_nothing_else() -> None:
    story = Story("order")

    story.publish("order", delayed=True)
    assert story.in_flight.is_empty

    story.publish("order")
    story.confirm("order", "failed", delayed=True)
    assert story.lines == ["1 message on the way to on order"]


def test_a_message_to_an_exchange_where_nobody_listens_is_not_waited_for() -> None:
    story = Story("order")
    story.in_flight.exchange = "events"

    story.publish("order", exchange="audit")
    assert story.in_flight.is_empty

    story.publish("order", exchange="events")
    assert not story.in_flight.is_empty


def test_a_message_that_expires_is_waited_for_no_longer_than_it_lives() -> None:
    story = Story("order")

    story.publish("order", expiration="1500")
    story.seconds = 1.0
    assert not story.in_flight.is_empty

    story.seconds = 1.5
    assert story.in_flight.is_empty


def test_every_step_is_counted_and_told() -> None:
    story, told = Story("order"), []
    story.in_flight.changed = lambda: told.append(story.in_flight.steps)

    story.publish("order")
    story.step(Kind.COMMIT, "after")

    assert told == [1, 2]


def run(story: Story, execution: str, name: str, *publishes: str) -> None:
    story.step(Kind.ATTEMPT, "before", execution, handler=name)
    for topic in publishes:
        story.publish(topic, by=execution)
    story.step(Kind.ATTEMPT, "after", execution, handler=name)


def test_a_handler_that_feeds_itself_is_named_with_its_topic_and_runs() -> None:
    story = Story("task")

    run(story, "e1", "on task", "task")
    run(story, "e2", "on task", "task")

    assert list(story.in_flight.cycles()) == ["a cycle: on task publishes 'task', which runs on task (ran twice)"]


def test_a_cycle_through_several_handlers_is_told_once_by_its_shortest_way() -> None:
    story = Story("ping", "pong", "aside")

    run(story, "e1", "on ping", "pong", "aside")
    run(story, "e2", "on pong", "ping")
    run(story, "e3", "on aside", "nowhere")

    assert list(story.in_flight.cycles()) == [
        "a cycle: on ping publishes 'pong', which runs on pong, which publishes 'ping', which runs on ping (ran once)"
    ]


def test_handlers_that_do_not_feed_themselves_are_no_cycle() -> None:
    story = Story("first", "second")

    run(story, "e1", "on first", "second")
    run(story, "e2", "on second")
    story.publish("first", by="e2")

    assert list(story.in_flight.cycles()) == []
