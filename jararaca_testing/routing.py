"""Topic matching for explanations: does a binding match a topic, and which slightly wider one would. Pure."""

from functools import lru_cache


@lru_cache(maxsize=4096)
def binding_matches(pattern: str, topic: str) -> bool:
    """Whether a topic exchange routes `topic` over a binding `pattern`: `*` is one word, `#` any number (RMQ-01)."""
    return _matches(tuple(pattern.split(".")), tuple(topic.split(".")) if topic else ())


def _matches(pattern: tuple[str, ...], words: tuple[str, ...]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_matches(pattern[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _matches(pattern[1:], words[1:])


def is_pattern(topic: str) -> bool:
    """Whether it stands for more than one topic."""
    return not {"*", "#"}.isdisjoint(topic.split("."))


def widened(pattern: str, topic: str) -> str | None:
    """The binding that is a little wider and would match `topic`; None if only one that has no words left would.

    A `*` made `#` is the smallest step, then a word made `*`, then more words at the end, then a word made `#`.
    """
    words = pattern.split(".")
    places = range(len(words) - 1, -1, -1)
    candidates = [
        *(_with(words, place, "#") for place in places if words[place] == "*"),
        *(_with(words, place, "*") for place in places if words[place] not in "*#"),
        f"{pattern}.#",
        *(_with(words, place, "#") for place in places if words[place] not in "*#"),
    ]
    return next((each for each in candidates if set(each) - set("*#.") and binding_matches(each, topic)), None)


def _with(words: list[str], place: int, wildcard: str) -> str:
    return ".".join([*words[:place], wildcard, *words[place + 1 :]])
