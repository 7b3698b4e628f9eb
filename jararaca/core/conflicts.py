"""Errors by which a database ends one transaction for the sake of another: run again, it may well succeed."""

from collections.abc import Iterator

STATES = frozenset({"40001", "40P01"})
"""SQLSTATE of a failed serialization, and of a deadlock."""

MOST_REPEATS = 3
"""How often a unit of work that lost a conflict is run again."""

FIRST_PAUSE = 0.05
"""Seconds before it is, the first time; doubled each time, and shortened by chance, so that two do not meet again."""


def conflict_of(error: BaseException) -> str | None:
    """The SQLSTATE of the conflict that `error` tells of, itself or as the cause that it names; None if it is none.

    Of a group of errors every one has to.
    """
    if isinstance(error, BaseExceptionGroup):
        found = [conflict_of(each) for each in error.exceptions]
        return found[0] if all(found) else None
    return next((state for state in _states_of(error) if state in STATES), None)


def _states_of(error: BaseException) -> Iterator[object]:
    """What drivers call it, each in its own way, and SQLAlchemy's wrapper around them."""
    link: BaseException | None = error
    seen: list[BaseException] = []
    while link is not None and link not in seen:
        seen.append(link)
        for told in (link, getattr(link, "orig", None)):
            yield getattr(told, "sqlstate", None) or getattr(told, "pgcode", None)
        link = link.__cause__
