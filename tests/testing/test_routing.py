"""Topic matching for explanations, beside the broker's own."""

import pytest

from jararaca_testing.routing import binding_matches, widened


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("order.paid", "order.paid", True),
        ("order.paid", "order.placed", False),
        ("order.*", "order.paid", True),
        ("order.*", "order.eu.paid", False),
        ("order.*", "order", False),
        ("order.#", "order", True),
        ("order.#", "order.eu.paid", True),
        ("#", "", True),
        ("#", "anything.at.all", True),
        ("#.paid", "order.eu.paid", True),
        ("#.paid", "paid", True),
        ("*.#.paid", "paid", False),
        ("*", "", False),
        ("", "", False),
    ],
)
def test_a_star_is_one_word_and_a_hash_any_number(pattern: str, topic: str, matches: bool) -> None:
    assert binding_matches(pattern, topic) is matches


@pytest.mark.parametrize(
    ("pattern", "topic", "wider"),
    [
        ("order.*", "order.eu.paid", "order.#"),
        ("order.paid", "order.placed", "order.*"),
        ("order.paid", "invoice.paid", "*.paid"),
        ("order", "order.eu.paid", "order.#"),
        ("order.eu", "order.eu.paid.late", "order.eu.#"),
        ("order.paid", "order.eu.late", "order.#"),
        ("order.*.paid", "order.paid", "order.#.paid"),
        ("order.paid", "user.created", None),
        ("order", "user", None),
        ("order.*", "user.paid", None),
    ],
)
def test_the_least_wider_binding_that_would_match_is_found(pattern: str, topic: str, wider: str | None) -> None:
    assert widened(pattern, topic) == wider
