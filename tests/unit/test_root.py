"""The root is one sorted table of names; nothing is loaded before it is used."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import jararaca

SEEN_BY_TYPE_CHECKERS = [
    statement
    for node in ast.walk(ast.parse(Path(jararaca.__file__).read_text(encoding="utf-8")))
    if isinstance(node, ast.If)
    for statement in node.body
    if isinstance(statement, ast.ImportFrom)
]


@pytest.mark.parametrize("name", jararaca.__all__)
def test_each_public_name_imports_from_the_root(name: str) -> None:
    assert getattr(jararaca, name) is getattr(jararaca, name)


@pytest.mark.parametrize("name", jararaca.__all__)
def test_each_public_name_tells_what_it_is_for(name: str) -> None:
    """An editor shows the docstring where the name is typed: an empty one sends the reader to the source."""
    assert inspect.getdoc(getattr(jararaca, name))


def test_the_table_of_names_is_sorted_and_has_no_double() -> None:
    assert jararaca.__all__ == sorted(set(jararaca.__all__))


def test_a_type_checker_sees_the_names_that_python_sees() -> None:
    seen = {
        alias.name: getattr(importlib.import_module(str(statement.module)), alias.name)
        for statement in SEEN_BY_TYPE_CHECKERS
        for alias in statement.names
    }

    assert seen == {name: getattr(jararaca, name) for name in jararaca.__all__}


def test_an_editor_is_offered_the_public_names() -> None:
    assert set(jararaca.__all__) <= set(dir(jararaca))


def test_an_unknown_name_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="module 'jararaca' has no attribute 'Microservices'"):
        jararaca.Microservices  # noqa: B018
