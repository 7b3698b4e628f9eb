"""Pub/sub of fakeredis and of Redis, by a state machine of Hypothesis."""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import fakeredis
import pytest
import redis
from fakeredis import FakeServer
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from jararaca_testing.differential.pubsub import Act, PubSubComparison

pytestmark = pytest.mark.hypothesis

SUBSCRIBERS = st.integers(0, 2)
CHANNELS = st.sampled_from(["a", "b", "a.b", "a.b.c", "a\nb", "*", "[a]", "é"])
"""Without the empty name: that `*` matches it is a known difference of the fake (REDIS-08)."""
PATTERNS = st.sampled_from(
    ["*", "a*", "?", "a?b", "*.b", "a.*", "[ab]", "[^a]", "[a-c]*", r"\*", "a", "**", "[a", "é*"]
)
MESSAGES = st.sampled_from([b"", b"1", b"\xff\x00", b"text"])

Connect = Callable[[], Any]


class PubSubMachine(RuleBasedStateMachine):
    """Three subscribers and a publisher."""

    comparison: ClassVar[PubSubComparison]

    @initialize()
    def begin(self) -> None:
        self.comparison.begin()

    @rule(subscriber=SUBSCRIBERS, channels=st.lists(CHANNELS, min_size=1, max_size=2, unique=True))
    def subscribe(self, subscriber: int, channels: list[str]) -> None:
        self.comparison.step(Act("subscribe", tuple(channels), subscriber))

    @rule(subscriber=SUBSCRIBERS, patterns=st.lists(PATTERNS, min_size=1, max_size=2, unique=True))
    def psubscribe(self, subscriber: int, patterns: list[str]) -> None:
        self.comparison.step(Act("psubscribe", tuple(patterns), subscriber))

    @rule(subscriber=SUBSCRIBERS, channels=st.lists(CHANNELS, min_size=1, max_size=2, unique=True))
    def unsubscribe(self, subscriber: int, channels: list[str]) -> None:
        self.comparison.step(Act("unsubscribe", tuple(channels), subscriber))

    @rule(subscriber=SUBSCRIBERS, patterns=st.lists(PATTERNS, min_size=1, max_size=2, unique=True))
    def punsubscribe(self, subscriber: int, patterns: list[str]) -> None:
        self.comparison.step(Act("punsubscribe", tuple(patterns), subscriber))

    @rule(channel=CHANNELS, message=MESSAGES)
    def publish(self, channel: str, message: bytes) -> None:
        self.comparison.step(Act("publish", (channel,), message=message))

    @rule(subscriber=SUBSCRIBERS)
    def leave(self, subscriber: int) -> None:
        self.comparison.step(Act("close", subscriber=subscriber))

    @rule(channels=st.lists(CHANNELS, min_size=1, max_size=3, unique=True))
    def count(self, channels: list[str]) -> None:
        self.comparison.step(Act("numsub", tuple(channels)))

    @rule(pattern=PATTERNS)
    def list_channels(self, pattern: str) -> None:
        self.comparison.step(Act("channels", (pattern,)))

    def teardown(self) -> None:
        self.comparison.close()


def run(comparison: PubSubComparison, *, examples: int) -> None:
    machine = type("Machine", (PubSubMachine,), {"comparison": comparison})
    options = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(5)(machine), settings=options)


@pytest.fixture
def connect_fake() -> Connect:
    server = FakeServer()
    return lambda: fakeredis.FakeRedis(server=server)


@pytest.fixture
def connect_real() -> Connect:
    url = os.environ.get("JARARACA_TEST_REDIS_URL")
    if url is None:
        pytest.skip("JARARACA_TEST_REDIS_URL names no Redis")
    return lambda: redis.Redis.from_url(url)


def test_the_fake_agrees_with_itself(connect_fake: Connect) -> None:
    comparison = PubSubComparison(connect_fake, connect_fake)
    other = FakeServer()
    comparison.connect_real = lambda: fakeredis.FakeRedis(server=other)

    run(comparison, examples=5)

    assert comparison.steps > 100


def test_a_fake_without_patterns_is_found_out(connect_fake: Connect) -> None:
    """The planted defect: whoever subscribes to a pattern subscribes to a channel of that name."""

    class Deaf(fakeredis.FakeRedis):
        def pubsub(self, **options: Any) -> Any:
            pubsub: Any = super().pubsub(**options)  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            pubsub.psubscribe = pubsub.subscribe
            return pubsub

    other = FakeServer()

    with pytest.raises(AssertionError, match="the fake shows"):
        run(PubSubComparison(lambda: Deaf(server=other), connect_fake), examples=20)


@pytest.mark.needs_servers
def test_the_fake_agrees_with_redis(connect_fake: Connect, connect_real: Connect) -> None:
    comparison = PubSubComparison(connect_fake, connect_real)

    run(comparison, examples=settings().max_examples)

    assert comparison.steps > 500
