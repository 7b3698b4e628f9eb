"""Which bindings match: pure, and as the server was measured."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.adapters.memory.broker.bindings import Bound
from jararaca.adapters.memory.broker.header_routing import header_pattern
from jararaca.adapters.memory.broker.routing import bindings_of, words_of
from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Binding


def matches(kind: str, pattern: str, arguments: dict[str, Any], key: str, headers: dict[str, Any]) -> bool:
    """Whether the only binding of an exchange matches a message."""
    bindings = bindings_of(kind)
    bindings.add(Bound(Binding("x", "q", pattern, arguments)))
    return len(list(bindings.matching(key, headers))) == 1


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("order.placed", "order.placed", True),
        ("order.placed", "order.paid", False),
        ("order.*", "order.placed", True),
        ("order.*", "order.eu.placed", False),
        ("order.*", "order", False),
        ("order.#", "order", True),
        ("order.#", "order.eu.placed", True),
        ("#", "", True),
        ("#.#", "", True),
        ("*", "", False),
        ("", "", True),
        ("", "a", False),
        ("*", "a", True),
        ("a..b", "a..b", True),
        ("a.*.b", "a..b", True),
        ("*.*", ".", True),
        ("*", ".", False),
        ("#.b", "a.a.b", True),
        ("#.b.#", "a.b.c.b", True),
        ("#.b.*", "a.b.b.b", True),
        ("#.a.#.b", "a.c", False),
        ("*.#", "", False),
        ("a.#.#.*", "a.b", True),
        ("a.#.#.*", "a", False),
    ],
)
def test_a_topic_pattern_matches_word_by_word(pattern: str, key: str, expected: bool) -> None:
    """RMQ-01, RMQ-02."""
    assert matches("topic", pattern, {}, key, {}) is expected


def by_definition(pattern: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """The definition itself: slow, and right."""
    match pattern:
        case ():
            return not words
        case ("#", *rest):
            return any(by_definition(tuple(rest), words[skipped:]) for skipped in range(len(words) + 1))
        case (first, *rest):
            return bool(words) and first in ("*", words[0]) and by_definition(tuple(rest), words[1:])
    raise AssertionError(pattern)


WORDS = st.sampled_from(["a", "b", "", "*", "#"])
PATTERNS = st.lists(st.lists(WORDS, max_size=5).map(".".join), max_size=8)


@given(PATTERNS, st.lists(st.sampled_from(["a", "b", ""]), max_size=6).map(".".join), st.data())
def test_the_tree_finds_what_the_definition_finds(patterns: list[str], key: str, data: st.DataObject) -> None:
    """RMQ-01: also after some of the patterns were taken out again."""
    bindings = bindings_of("topic")
    bound = [Bound(Binding("x", "q", pattern)) for pattern in patterns]
    for each in bound:
        bindings.add(each)
    for each in data.draw(st.permutations(bound).map(lambda order: order[: len(order) // 2])):
        bindings.remove(each)
        bound.remove(each)
    expected = [each for each in bound if by_definition(words_of(each.binding.routing_key), words_of(key))]
    assert sorted(map(id, bindings.matching(key, {}))) == sorted(map(id, expected))


VALUES = st.sampled_from([None, True, 1, 1.0, 2, "1", [1], {"a": 1}])
TABLES = st.dictionaries(st.sampled_from(["a", "b", "x-c"]), VALUES)
MODES = st.sampled_from(["all", "any", "all-with-x", "any-with-x"])


@given(st.lists(st.tuples(TABLES, MODES), max_size=6), TABLES, st.data())
def test_the_index_of_headers_finds_what_each_binding_alone_finds(
    wanted: list[tuple[dict[str, Any], str]], headers: dict[str, Any], data: st.DataObject
) -> None:
    """RMQ-06: also after some of the bindings were taken out again."""
    bindings = bindings_of("headers")
    bound = [Bound(Binding("x", "q", "", {**table, "x-match": mode})) for table, mode in wanted]
    for each in bound:
        bindings.add(each)
    for each in data.draw(st.permutations(bound).map(lambda order: order[: len(order) // 2])):
        bindings.remove(each)
        bound.remove(each)
    expected = [each for each in bound if header_pattern(each.binding.arguments).matches(headers)]
    assert sorted(map(id, bindings.matching("", headers))) == sorted(map(id, expected))


def test_the_empty_key_has_no_words() -> None:
    assert (words_of(""), words_of("."), words_of("a.b")) == ((), ("", ""), ("a", "b"))


@pytest.mark.parametrize(("kind", "expected"), [("fanout", True), ("direct", False)])
def test_fanout_ignores_the_key_and_direct_does_not(kind: str, expected: bool) -> None:
    """RMQ-05."""
    assert matches(kind, "a", {}, "b", {}) is expected
    assert matches(kind, "a", {}, "a", {}) is True


@pytest.mark.parametrize(
    ("arguments", "headers", "expected"),
    [
        ({}, {}, True),
        ({"x-match": "any"}, {}, False),
        ({"x-match": "any"}, {"a": 1}, False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": None}, {"a": 5}, True),
        ({"a": 5}, {"a": None}, False),
        ({"a": None}, {}, False),
        ({"x-y": 1}, {}, True),
        ({"x-match": "all-with-x", "x-y": 1}, {}, False),
        ({"x-match": "all-with-x", "x-y": 1}, {"x-y": 1}, True),
        ({"x-match": "any", "x-y": 1}, {"x-y": 1}, False),
        ({"x-match": "any-with-x", "x-y": 1}, {"x-y": 1}, True),
        ({"x-match": "any", "a": 1, "b": 2}, {"b": 2}, True),
        ({"x-match": "all", "a": 1, "b": 2}, {"b": 2}, False),
    ],
)
def test_headers_match_all_or_any(arguments: dict[str, Any], headers: dict[str, Any], expected: bool) -> None:
    """RMQ-06."""
    assert matches("headers", "", arguments, "ignored", headers) is expected


@pytest.mark.parametrize(
    ("mode", "text"),
    [("some", 'Invalid x-match field value <<"some">>'), (1, "Invalid x-match field type signedint [(]value 1[)]")],
)
def test_an_unknown_way_to_match_headers_is_refused(mode: object, text: str) -> None:
    with pytest.raises(ChannelClosed, match=text) as caught:
        matches("headers", "", {"x-match": mode}, "", {})
    assert caught.value.code == 406
