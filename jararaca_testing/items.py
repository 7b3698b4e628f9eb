"""Which of pytest's items are tests of the harness, and what kind of pytest's item each of those is."""

import inspect
from typing import Any

import pytest

NOT_THEIRS = "ignore:The test .* is marked with '@pytest.mark.asyncio' but it is not an async:pytest.PytestWarning"


def is_harness(item: object, names: frozenset[str]) -> bool:
    """Whether an item uses one of the harness's fixtures, directly or through another fixture."""
    return isinstance(item, pytest.Function) and not names.isdisjoint(item.fixturenames)


def plain_items(made: Any, names: frozenset[str]) -> Any:
    """For `pytest_pycollect_makeitem`, outermost: take our items back from plugins that have classes of their own."""
    if isinstance(made, list):
        return [_plain(item, names) for item in made]
    return _plain(made, names)


def _plain(item: Any, names: frozenset[str]) -> Any:
    if type(item) is pytest.Function or not is_harness(item, names) or not is_coroutine(item.obj):
        return item
    plain = pytest.Function.from_parent(
        item.parent,
        name=item.name,
        callspec=getattr(item, "callspec", None),
        callobj=item.obj,
        fixtureinfo=item._fixtureinfo,
        keywords=item.keywords,
        originalname=item.originalname,
    )
    plain.own_markers = item.own_markers
    plain.add_marker(pytest.mark.filterwarnings(NOT_THEIRS))
    return plain


def is_coroutine(function: Any) -> bool:
    """Whether a test is asynchronous, also behind Hypothesis' decorator."""
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.iscoroutinefunction(inner)
