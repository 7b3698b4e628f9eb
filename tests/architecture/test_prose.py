"""Words are part of the work: what a name, a docstring and a comment may not say."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("jararaca", "jararaca_testing", "examples")
EMPTY_MODULE_NAMES = {"base", "common", "helpers", "misc", "types", "util", "utils"}
EMPTY_CLASS_NAMES = re.compile(r"(Helper|Util|Utils|Data|Impl)$")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def prose_of(text: str) -> Iterator[tuple[int, str]]:
    """Comments and docstrings with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def test_nothing_is_left_to_be_done_in_a_comment(modules_below: Callable[..., list[Any]]) -> None:
    found = [
        f"{module.path}:{line}"
        for module in modules_below(*PACKAGES, "tests")
        for line, prose in prose_of(module.text)
        if LEFT_OVER.search(prose)
    ]

    assert found == []


def test_prose_does_not_shout(modules_below: Callable[..., list[Any]]) -> None:
    found = [
        f"{module.path}:{line}"
        for module in modules_below(*PACKAGES, "tests")
        for line, prose in prose_of(module.text)
        if re.search(r"\w!(\s|$)", re.sub(r"`[^`]*`", "", prose))
    ]

    assert found == []


def test_documents_do_not_shout() -> None:
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")]
    prose = {
        page.name: re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.S) for page in pages
    }

    assert [name for name, text in prose.items() if re.search(r"\w!(\s|$)", text)] == []


def test_each_module_opens_with_what_it_is_for(modules_below: Callable[..., list[Any]]) -> None:
    """An empty `__init__` says nothing because it holds nothing."""
    silent = [
        module.path
        for module in modules_below("jararaca", "jararaca_testing", "tests")
        if module.tree.body and not ast.get_docstring(module.tree)
    ]

    assert silent == []


def test_each_class_that_others_import_says_what_it_is(modules_below: Callable[..., list[Any]]) -> None:
    silent = [
        f"{module.at(node)} {node.name}"
        for module in modules_below("jararaca", "jararaca_testing")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_a_name_says_what_not_that_it_is_something(modules_below: Callable[..., list[Any]]) -> None:
    modules = modules_below(*PACKAGES)
    empty = [module.path for module in modules if EMPTY_MODULE_NAMES & set(Path(module.path).with_suffix("").parts)]
    empty += [
        f"{module.at(node)} {node.name}"
        for module in modules
        for node in module.definitions()
        if EMPTY_CLASS_NAMES.search(node.name)
    ]

    assert empty == []
