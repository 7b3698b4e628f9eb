"""The reader has one screen: a module and a function have a length that fits."""

from collections.abc import Callable
from typing import Any

import pytest

LINES_OF_A_MODULE = 300
LINES_OF_A_TEST_MODULE = 500
LINES_OF_A_FUNCTION = 45


@pytest.mark.parametrize(
    ("folders", "limit"),
    [(("jararaca", "jararaca_testing", "examples"), LINES_OF_A_MODULE), (("tests",), LINES_OF_A_TEST_MODULE)],
)
def test_no_module_is_longer_than_its_limit(
    modules_below: Callable[..., list[Any]], folders: tuple[str, ...], limit: int
) -> None:
    lengths = {module.path: module.text.count("\n") for module in modules_below(*folders)}

    assert {path: length for path, length in lengths.items() if length > limit} == {}


def test_no_function_is_longer_than_a_screen(modules_below: Callable[..., list[Any]]) -> None:
    """Counted from `def` to the last line, docstring included: what one has to scroll through."""
    lengths = {
        f"{module.at(node)} {node.name}": node.end_lineno - node.lineno + 1
        for module in modules_below("jararaca", "jararaca_testing", "examples", "tests")
        for node in module.definitions()
        if not node.__class__.__name__.startswith("Class")
    }

    assert {place: length for place, length in lengths.items() if length > LINES_OF_A_FUNCTION} == {}
