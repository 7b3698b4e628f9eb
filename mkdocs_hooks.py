"""What the site needs beside the pages: Markdown knows one word behind a fence, and our blocks say more there.

A link to a test in the source, such as `../../tests/contracts/test_clock.py#test_of_something`, leads somewhere in the
repository. On the site it leads to a page with the tests of that file that any page links to.
"""

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

OPENING = re.compile(r"^(?P<marks>`{3,})(?P<language>\w+) +(?P<words>[^`\n]+)$", flags=re.MULTILINE)
FILE = re.compile(r"\bfile=(\S+)")
TEST = re.compile(r"\]\((?:\.\./)+(?P<path>[\w/]+)\.py#(?P<test>\w+)\)")
REPOSITORY = Path(__file__).parent


def on_page_markdown(markdown: str, *, page: Any = None, **_: Any) -> str:
    """Leave the language alone behind each fence, say above the block which file it is, and lead links to the tests."""
    up = "../" * page.file.src_uri.count("/") if page is not None else ""
    return TEST.sub(
        lambda found: f"]({up}tests/{_name(found['path'])}#{found['test']})", OPENING.sub(_opening, markdown)
    )


def _opening(found: re.Match[str]) -> str:
    named = FILE.search(found["words"])
    caption = f"`{named[1]}`:\n\n" if named else ""
    return f"{caption}{found['marks']}{found['language']}"


def on_files(files: Any, *, config: Any) -> Any:
    """Add a page for each file of tests that is linked to."""
    from mkdocs.structure.files import File

    linked: dict[str, set[str]] = {}
    for file in files.documentation_pages():
        for found in TEST.finditer(file.content_string):
            linked.setdefault(found["path"], set()).add(found["test"])
    for path, tests in sorted(linked.items()):
        files.append(File.generated(config, f"tests/{_name(path)}", content=page_of_tests(f"{path}.py", tests)))
    return files


def _name(path: str) -> str:
    return path.replace("/", "-") + ".md"


def page_of_tests(path: str, tests: Iterable[str]) -> str:
    """A page that shows these tests of a file, each below a heading of its name.

    Raises:
        LookupError: the file has no such test.
    """
    source = (REPOSITORY / path).read_text(encoding="utf-8")
    texts = dict(_functions(source))
    missing = sorted(set(tests) - texts.keys())
    if missing:
        raise LookupError(f"{path} has no {', '.join(missing)}. Correct the links to it.")
    parts = [f"## {name}\n\n```python\n{texts[name]}\n```" for name in texts if name in set(tests)]
    return "\n\n".join([f"# {path}", *parts]) + "\n"


def _functions(source: str) -> Iterator[tuple[str, str]]:
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield node.name, textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))
