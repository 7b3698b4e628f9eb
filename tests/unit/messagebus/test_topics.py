"""What may be published to, and what may be listened to."""

import pytest

from jararaca.errors import InvalidTopic
from jararaca.messagebus.topics import check_pattern, check_topic, nearest


@pytest.mark.parametrize("topic", ["task", "order.placed", "a..b", ".", "ação", "x" * 255])
def test_concrete_topics_can_be_published_to_and_listened_to(topic: str) -> None:
    check_topic(topic)
    check_pattern(topic)


@pytest.mark.parametrize("topic", ["*", "order.*", "#", "order.#", "or*der"])
def test_a_topic_with_a_wildcard_cannot_be_published_to(topic: str) -> None:
    with pytest.raises(InvalidTopic, match="wildcards of handlers"):
        check_topic(topic)


@pytest.mark.parametrize("pattern", ["*", "#", "order.*", "*.placed", "#.#", "a.*.#"])
def test_wildcards_that_are_whole_words_can_be_listened_to(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["order*", "order.#placed", "**", "*#"])
def test_a_wildcard_inside_a_word_would_never_match_and_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidTopic, match="would never match"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        ("", "an empty topic"),
        ("x" * 256, "a topic of 256 bytes that starts with"),
        ("ç" * 128, "256 bytes"),
        ("\ud800", "not valid Unicode"),
        (None, "a topic is text"),
        (7, "a topic is text"),
    ],
)
def test_what_no_routing_key_can_be_is_refused_on_both_sides(topic: str, problem: str) -> None:
    with pytest.raises(InvalidTopic, match=problem):
        check_topic(topic)
    with pytest.raises(InvalidTopic, match=problem):
        check_pattern(topic)


def test_the_nearest_pattern_is_the_one_that_looks_most_alike() -> None:
    assert nearest("order.plcaed", ["mail.sent", "order.placed", "order.*"]) == "order.placed"


def test_where_nobody_listens_there_is_no_nearest_pattern() -> None:
    assert nearest("order.placed", []) is None
