"""Topics and the patterns that bind them: what is valid, what matches, what comes close. Pure."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from jararaca.errors import InvalidTopic

MAX_BYTES = 255
"""The longest routing key of AMQP, in bytes of UTF-8."""


def check_topic(topic: str) -> None:
    """Accept a topic that a message can be published to.

    Raises:
        InvalidTopic: it is empty, longer than 255 bytes, not text, or has a wildcard.
    """
    _check_length(topic, "publish to")
    if "*" in topic or "#" in topic:
        raise InvalidTopic(
            f"cannot publish to {topic!r}: '*' and '#' are wildcards of handlers, and a message has one concrete "
            "topic. Publish once to each topic that is meant."
        )


def check_pattern(pattern: str) -> None:
    """Accept a topic that a handler can listen to: words separated by dots, `*` for one word, `#` for any number.

    Raises:
        InvalidTopic: it is empty, longer than 255 bytes, not text, or could never match because a wildcard is only
            part of a word.
    """
    _check_length(pattern, "listen to")
    for word in pattern.split("."):
        if word not in ("*", "#") and ("*" in word or "#" in word):
            raise InvalidTopic(
                f"cannot listen to {pattern!r}: a wildcard stands for whole words between dots, so {word!r} would "
                "never match. Use a word, '*' (exactly one word) or '#' (any number of words)."
            )


def _check_length(topic: object, verb: str) -> None:
    if not isinstance(topic, str):
        raise InvalidTopic(f"cannot {verb} {topic!r}: a topic is text, such as 'order.placed'.")
    if not topic:
        raise InvalidTopic(f"cannot {verb} an empty topic. Name one, such as 'order.placed'.")
    try:
        length = len(topic.encode())
    except UnicodeEncodeError:
        raise InvalidTopic(f"cannot {verb} {topic!r}: it is not valid Unicode. Use other characters.") from None
    if length > MAX_BYTES:
        raise InvalidTopic(
            f"cannot {verb} a topic of {length} bytes that starts with {topic[:40]!r}: AMQP carries {MAX_BYTES}. "
            "Put what varies into the message."
        )


def nearest(topic: str, patterns: Iterable[str]) -> str | None:
    """The pattern that looks most like `topic`, for messages about what may be meant; None if there are none."""
    known = sorted(set(patterns))
    return max(known, key=lambda pattern: SequenceMatcher(None, pattern, topic).ratio(), default=None)
