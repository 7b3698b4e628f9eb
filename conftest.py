"""The documents are tests: each Markdown page is one test that takes its code blocks in order.

What stands behind the opening backticks decides what happens to a block:

    python              runs in the page's own module, `await` allowed; later blocks see its names
    python test         runs under pytest, in a process of its own
    bash                names only commands, options and make targets that exist; it does not run
    bash run            runs and succeeds
    toml, json          parses
    text, html, mermaid, typescript, yaml, or nothing: is there to be read

`file=app.py` behind any of them writes the block to that file first; a Python file runs by being imported. All of it
happens in a temporary folder that belongs to the page and is on the import path. Any other word is a failure, so that
a slip of the pen does not turn a block off.
"""

import ast
import asyncio
import functools
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from jararaca_testing.contracts import runs_on
from jararaca_testing.contracts.proofs import shown_by
from jararaca_testing.options import profile_of

pytest_plugins = ["pytester"]

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("deep", max_examples=1_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

FENCE = re.compile(r" *(?P<marks>`{3,})(?P<info>[^`]*)")
SCRIPTS = Path(sys.executable).parent
PATIENCE = 60  # seconds for one process


class BlockFailed(Exception):
    """A code block does not do what its page says."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` is where its code begins, counted from 1."""

    info: str
    line: int
    code: str

    @property
    def kind(self) -> str:
        """The words that are not `name=value`: what is to be done."""
        return " ".join(word for word in self.info.split() if "=" not in word)

    @property
    def file(self) -> str:
        return next((word.removeprefix("file=") for word in self.info.split() if word.startswith("file=")), "")


def blocks_of(page: str) -> Iterator[Block]:
    """Every fenced block in order, without the indentation of a fence that stands in a list."""
    lines = enumerate(page.splitlines(), start=1)
    for number, line in lines:
        if opening := FENCE.fullmatch(line.rstrip()):
            code: list[str] = []
            for _, inner in lines:
                if inner.strip() == opening["marks"]:
                    break
                code.append(inner)
            else:
                raise BlockFailed(f"{number}: this block has no end. Close it with {opening['marks']}.")
            yield Block(opening["info"].strip(), number + 1, textwrap.dedent("\n".join(code)) + "\n")


@dataclass(slots=True)
class Page:
    """One page while it runs: its folder, and the module that its blocks share."""

    path: Path
    folder: Path
    module: ModuleType = field(init=False)

    def __post_init__(self) -> None:
        self.module = ModuleType(re.sub(r"\W", "_", f"page_{self.path.stem}"))

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Stand in the folder; afterwards nothing that was imported from it is left behind."""
        sys.modules[self.module.__name__] = self.module
        sys.path.insert(0, str(self.folder))
        try:
            with chdir(self.folder):
                yield
        finally:
            sys.path.remove(str(self.folder))
            for name, module in list(sys.modules.items()):
                if module is self.module or is_inside(self.folder, module):
                    del sys.modules[name]

    def take(self, block: Block) -> None:
        """Do with one block what its opening line asks for."""
        if block.kind not in ACTIONS:
            raise BlockFailed(f"{block.line}: nobody knows {block.kind!r}. Write one of: {', '.join(ACTIONS)}.")
        if block.file:
            target = self.folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.code, encoding="utf-8")
        ACTIONS[block.kind](self, block)


def is_inside(folder: Path, module: ModuleType) -> bool:
    return (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}")


def execute(page: Page, block: Block) -> None:
    """Run Python with the line numbers of the page, or import the file that it was written to."""
    if block.file:
        importlib.invalidate_caches()
        importlib.import_module(block.file.removesuffix(".py").replace("/", "."))
        return
    source = "\n" * (block.line - 1) + block.code
    code = compile(source, str(page.path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    outcome = eval(code, page.module.__dict__)  # the value is a coroutine when the block awaits something
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


def execute_tests(page: Page, block: Block) -> None:
    name = block.file or f"test_line_{block.line}.py"
    (page.folder / name).write_text(block.code, encoding="utf-8")
    succeed(block, page.folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", name)


def execute_shell(page: Page, block: Block) -> None:
    succeed(block, page.folder, "bash", "-euo", "pipefail", "-c", block.code)


def succeed(block: Block, folder: Path, *command: str) -> None:
    """Run a process in `folder`, with the scripts of this environment found first."""
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise BlockFailed(f"{block.line}: {command[0]} ended with {done.returncode} and said:\n{done.stdout}")


def check_commands(_page: Page, block: Block) -> None:
    """Compare the commands of this project with what it offers; other people's commands are theirs."""
    for words in commands_in(block.code):
        name, *arguments = words
        offered = {"make": make_targets, "jararaca": jararaca_words}.get(Path(name).name)
        unknown = [word for word in offered(arguments) if word] if offered else []
        if unknown:
            raise BlockFailed(f"{block.line}: `{shlex.join(words)}` asks for {', '.join(unknown)}, which is not there.")


def commands_in(script: str) -> Iterable[list[str]]:
    """The simple commands of a script, without prompts, comments, assignments and operators."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for token in [*lexer, ";"]:
            if set(token) <= set(";&|()"):
                if command:
                    yield command
                command = []
            elif command or not re.fullmatch(r"\w+=.*", token):
                command.append(token)


def make_targets(arguments: list[str]) -> list[str]:
    """The asked targets that the Makefile lacks."""
    makefile = (Path(__file__).parent / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE)
    return [word for word in arguments if re.fullmatch(r"[\w-]+", word) and word not in targets]


def jararaca_words(arguments: list[str]) -> list[str]:
    """The asked subcommands and options that `jararaca --help` does not list; groups have subcommands of their own."""
    words = [word for word in arguments if not word.startswith("-")]
    options = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    command: list[str] = []
    while words and "COMMAND" in words_of_help(*command):
        if words[0] not in words_of_help(*command):
            return [words[0]]
        command.append(words.pop(0))
    return [word for word in options if word not in words_of_help() | words_of_help(*command)]


@functools.cache
def words_of_help(*command: str) -> frozenset[str]:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    arguments = [str(SCRIPTS / "jararaca"), *command, "--help"]
    shown = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return frozenset(re.findall(r"[\w-]+", shown.stdout)) | {""}


def parse(read: Callable[[str], object], _page: Page, block: Block) -> None:
    try:
        read(block.code)
    except ValueError as error:
        raise BlockFailed(f"{block.line}: {error}") from error


def leave(_page: Page, _block: Block) -> None:
    """The block is there to be read."""


ACTIONS: dict[str, Callable[[Page, Block], object]] = {
    "python": execute,
    "python test": execute_tests,
    "bash": check_commands,
    "bash run": execute_shell,
    "toml": functools.partial(parse, tomllib.loads),
    "json": functools.partial(parse, json.loads),
    **dict.fromkeys(["text", "html", "mermaid", "typescript", "yaml", ""], leave),
}


class PageTest(pytest.Item):
    """All blocks of one page: they build on each other, so neither random order nor xdist may part them."""

    def runtest(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            page = Page(self.path, Path(folder).resolve())
            with page.entered():
                for block in blocks_of(self.path.read_text(encoding="utf-8")):
                    page.take(block)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(excinfo.value, BlockFailed):
            return f"{self.path.name}:{excinfo.value}"
        excinfo.traceback = excinfo.traceback.cut(path=self.path)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"code blocks of {self.path.name}"


class PageFile(pytest.File):
    def collect(self) -> Iterator[PageTest]:
        if "```" in self.path.read_text(encoding="utf-8"):
            yield PageTest.from_parent(self, name="blocks")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    return PageFile.from_parent(parent, path=file_path) if file_path.suffix == ".md" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line each what was not shown, and why: a skip alone is easily overlooked."""
    for marker, subject in (("needs_chromium", "pages"), ("needs_node", "TypeScript")):
        skipped = [each for each in terminalreporter.stats.get("skipped", ()) if marker in each.keywords]
        if skipped:
            reason = skipped[0].longrepr[2].removeprefix("Skipped: ")
            tests = "1 test" if len(skipped) == 1 else f"{len(skipped)} tests"
            terminalreporter.write_line(f"{tests} of {subject} skipped. {reason}")


# -- what tests prove

MEMORY, SERVERS, PROCESSES = "memory", "real servers", "processes"


@pytest.fixture(autouse=True)
def where_it_runs(request: pytest.FixtureRequest) -> None:
    """Programs that are started, servers that are named, or everything in memory."""
    item = request.node
    on_servers = item.get_closest_marker("needs_servers") is not None or _is_real(item)
    if not shown_by(item):
        return
    if item.get_closest_marker("processes") is not None or (on_servers and "start" in request.fixturenames):
        runs_on(request, PROCESSES)
    else:
        runs_on(request, SERVERS if on_servers else MEMORY)


def _is_real(item: pytest.Item) -> bool:
    """Whether it runs in a profile of real servers."""
    return item.get_closest_marker("harness") is not None and profile_of(item) != "memory"
