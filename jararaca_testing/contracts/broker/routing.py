"""Routing: which queues get a message, and what it says of its way there."""

from typing import Any

import pytest

from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Binding, Broker, Confirm, Envelope, Returned
from jararaca_testing.contracts.broker.bench import Bodies, BrokerBench, MakeExchange, MakeQueue
from jararaca_testing.contracts.proofs import proves

KEYS = ["", "a", "b", ".", "..", "a.", ".a", "a.b", "b.a", "a.b.c", "a..b", "a.b.b.c"]
TOPICS = {
    "": [""],
    "#": KEYS,
    "#.#": KEYS,
    "*": ["a", "b"],
    "a": ["a"],
    ".": ["."],
    "*.*": [".", "a.", ".a", "a.b", "b.a"],
    "*.#": KEYS[1:],
    "#.*": KEYS[1:],
    "#.*.#": KEYS[1:],
    "*.*.*": ["..", "a.b.c", "a..b"],
    "a.*": ["a.", "a.b"],
    "a.#": ["a", "a.", "a.b", "a.b.c", "a..b", "a.b.b.c"],
    "#.a": ["a", ".a", "b.a"],
    "a.*.b": ["a..b"],
    "a.#.b": ["a.b", "a..b"],
    "a.#.c": ["a.b.c", "a.b.b.c"],
    "#.b.#": ["b", "a.b", "b.a", "a.b.c", "a..b", "a.b.b.c"],
    "*..*": ["..", "a..b"],
    "a..b": ["a..b"],
    "a.b.#.#": ["a.b", "a.b.c", "a.b.b.c"],
}


class RoutingContract(BrokerBench):
    """Which queues an exchange hands a message to."""

    @proves("RMQ-01", "RMQ-02")
    async def test_a_topic_is_matched_word_by_word(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """`*` is one word, `#` any number, empty words are words, the empty key has none."""
        topic = await exchange("topic")
        queues = {pattern: await queue() for pattern in TOPICS}
        for pattern, name in queues.items():
            await broker.bind(Binding(topic, name, pattern))
        for key in KEYS:
            await broker.publish(Envelope(key.encode()), exchange=topic, routing_key=key)
        matched = {pattern: [body.decode() for body in await bodies(name)] for pattern, name in queues.items()}
        assert matched == TOPICS

    @proves("RMQ-03")
    async def test_a_queue_bound_in_several_ways_gets_one_copy(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        outer, inner, name = await exchange("topic"), await exchange("topic"), await queue()
        for binding in (
            Binding(outer, name, "a.*"),
            Binding(outer, name, "#"),
            Binding(outer, inner, "a.#", destination_type="exchange"),
            Binding(inner, name, "#"),
        ):
            await broker.bind(binding)
        await broker.publish(Envelope(b"1"), exchange=outer, routing_key="a.b")
        assert await bodies(name) == [b"1"]

    @proves("RMQ-04")
    async def test_a_message_keeps_the_exchange_and_key_it_was_published_with(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue
    ) -> None:
        outer, inner, name = await exchange("topic"), await exchange("fanout"), await queue()
        await broker.bind(Binding(outer, inner, "x.*", destination_type="exchange"))
        await broker.bind(Binding(inner, name))
        await broker.publish(Envelope(b"1"), exchange=outer, routing_key="x.y")
        delivery = await broker.get(name)
        assert delivery is not None
        assert (delivery.exchange, delivery.routing_key) == (outer, "x.y")

    @proves("RMQ-05")
    async def test_a_fanout_exchange_ignores_the_key(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        fanout, first, second = await exchange("fanout"), await queue(), await queue()
        await broker.bind(Binding(fanout, first, "one"))
        await broker.bind(Binding(fanout, second))
        await broker.publish(Envelope(b"1"), exchange=fanout, routing_key="another")
        assert (await bodies(first), await bodies(second)) == ([b"1"], [b"1"])

    @proves("RMQ-05")
    async def test_a_direct_exchange_wants_the_very_key(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """No wildcard means anything here."""
        direct, exact, wild = await exchange("direct"), await queue(), await queue()
        await broker.bind(Binding(direct, exact, "a.b"))
        await broker.bind(Binding(direct, wild, "#"))
        await broker.publish(Envelope(b"1"), exchange=direct, routing_key="a.b")
        assert (await bodies(exact), await bodies(wild)) == ([b"1"], [])

    @proves("RMQ-06")
    @pytest.mark.parametrize(
        ("wanted", "headers", "matches"),
        [
            pytest.param({}, {"b": 1}, True, id="no arguments match all"),
            pytest.param({"a": 1, "b": "x"}, {"a": 1, "b": "x", "c": 3}, True, id="all is the default"),
            pytest.param({"a": 1, "b": "x"}, {"a": 1}, False, id="all wants all"),
            pytest.param({"x-match": "any", "a": 1, "b": "x"}, {"b": "x"}, True, id="any wants one"),
            pytest.param({"x-match": "any", "a": 1}, {"a": 2}, False, id="any wants the value"),
            pytest.param({"a": None}, {"a": "whatever"}, True, id="null asks for presence"),
            pytest.param({"a": None}, {}, False, id="null misses absence"),
            pytest.param({"a": 1}, {"a": "1"}, False, id="types count"),
            pytest.param({"x-other": 1}, {}, True, id="x- arguments are not compared"),
            pytest.param({"x-match": "all-with-x", "x-other": 1}, {}, False, id="all-with-x compares them"),
            pytest.param(
                {"x-match": "any-with-x", "x-other": 1, "a": 1}, {"x-other": 1}, True, id="so does any-with-x"
            ),
            pytest.param({"x-match": "any", "x-other": 1, "a": 1}, {"x-other": 1}, False, id="any does not"),
            pytest.param({"x-match": "any"}, {"a": 1}, False, id="any of nothing"),
            pytest.param({"a": 1}, {"a": 1.0}, True, id="numbers compare by value"),
            pytest.param({"a": 1}, {"a": True}, False, id="a truth is no integer"),
            pytest.param({"a": ["x", {"b": None}]}, {"a": ["x", {"b": None}]}, True, id="nested values match"),
            pytest.param({"a": ["x", {"b": None}]}, {"a": ["x", {"b": True}]}, False, id="nested values are compared"),
        ],
    )
    async def test_a_headers_exchange_compares_headers(
        self,
        broker: Broker,
        exchange: MakeExchange,
        queue: MakeQueue,
        bodies: Bodies,
        wanted: dict[str, Any],
        headers: dict[str, Any],
        matches: bool,
    ) -> None:
        name, compared = await queue(), await exchange("headers")
        await broker.bind(Binding(compared, name, arguments=wanted))
        await broker.publish(Envelope(b"1", headers=headers), exchange=compared, routing_key="")
        assert await bodies(name) == [b"1"] * matches

    @proves("RMQ-06")
    async def test_a_headers_binding_that_matches_in_no_known_way_is_refused_with_406(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue
    ) -> None:
        name, compared = await queue(), await exchange("headers")
        with pytest.raises(ChannelClosed) as caught:
            await broker.bind(Binding(compared, name, arguments={"x-match": "some"}))
        assert caught.value.code == 406

    @proves("RMQ-07")
    async def test_cc_and_bcc_route_further_copies_and_only_cc_stays_visible(
        self, broker: Broker, queue: MakeQueue
    ) -> None:
        name, copied, hidden = await queue(), await queue(), await queue()
        headers = {"CC": [copied], "BCC": [hidden], "kept": True}
        await broker.publish(Envelope(b"1", headers=headers), exchange="", routing_key=name)
        deliveries = [await broker.get(target) for target in (name, copied, hidden)]
        seen = [(delivery.routing_key, delivery.envelope.headers) for delivery in deliveries if delivery is not None]
        assert seen == [(name, {"CC": [copied], "kept": True})] * 3

    @proves("RMQ-08")
    async def test_the_default_exchange_cannot_be_bound(self, broker: Broker, queue: MakeQueue) -> None:
        """It routes by queue name, and nothing else."""
        name = await queue()
        with pytest.raises(ChannelClosed) as caught:
            await broker.bind(Binding("", name, "other"))
        assert caught.value.code == 403

    @proves("RMQ-09")
    async def test_an_unroutable_message_goes_to_the_alternate_exchange_and_does_not_come_back(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue
    ) -> None:
        alternate, name = await exchange("fanout"), await queue()
        direct = await exchange("direct", {"alternate-exchange": alternate})
        await broker.bind(Binding(alternate, name))
        confirm = await broker.publish(Envelope(b"1"), exchange=direct, routing_key="a", mandatory=True)
        delivery = await broker.get(name)
        assert delivery is not None
        assert (confirm, delivery.exchange, delivery.routing_key) == (Confirm(), direct, "a")

    @proves("RMQ-09", "RMQ-11")
    async def test_what_the_alternate_exchange_cannot_route_goes_to_its_own_or_comes_back(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        name, last = await queue(), await exchange("direct")
        middle = await exchange("direct", {"alternate-exchange": last})
        first = await exchange("direct", {"alternate-exchange": middle})
        await broker.bind(Binding(last, name, "a"))
        routed = await broker.publish(Envelope(b"1"), exchange=first, routing_key="a", mandatory=True)
        unroutable = await broker.publish(Envelope(b"2"), exchange=first, routing_key="b", mandatory=True)
        assert (routed.returned, unroutable) == (None, Confirm(Returned(312, "NO_ROUTE")))
        assert await bodies(name) == [b"1"]

    async def test_an_unbound_queue_gets_nothing_more(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        topic, name = await exchange("topic"), await queue()
        await broker.bind(Binding(topic, name, "a"))
        await broker.bind(Binding(topic, name, "b"))
        await broker.unbind(Binding(topic, name, "a"))
        await broker.publish(Envelope(b"a"), exchange=topic, routing_key="a")
        await broker.publish(Envelope(b"b"), exchange=topic, routing_key="b")
        assert await bodies(name) == [b"b"]

    async def test_an_unbound_exchange_gets_nothing_more(
        self, broker: Broker, exchange: MakeExchange, queue: MakeQueue, bodies: Bodies
    ) -> None:
        outer, inner, name = await exchange("fanout"), await exchange("fanout"), await queue()
        await broker.bind(Binding(inner, name))
        await broker.bind(Binding(outer, inner, destination_type="exchange"))
        await broker.unbind(Binding(outer, inner, destination_type="exchange"))
        await broker.publish(Envelope(b"1"), exchange=outer, routing_key="a")
        assert await bodies(name) == []
