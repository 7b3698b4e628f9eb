"""TypeScript's compilers and Node.js, installed once for all tests, and projects of one test that use them."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from children import PATIENCE

REPOSITORY = Path(__file__).parents[2]
PACKAGES = REPOSITORY / "tests/typescript"
NEWEST, OLDEST = "typescript", "typescript-oldest"
OPTIONS: dict[str, Any] = {
    "target": "ES2022",
    "lib": ["ES2022", "DOM"],
    "module": "ESNext",
    "moduleResolution": "bundler",
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "verbatimModuleSyntax": True,
    "isolatedModules": True,
    "erasableSyntaxOnly": True,
    "types": [],
}
"""What users of generated files may have turned on."""


def command(name: str) -> str:
    """Where it is, or a skip that says what to install; where CI is set, its absence is a failure."""
    found = shutil.which(name)
    if found is None and "CI" in os.environ:
        pytest.fail("Node.js or npm is missing, and CI runs every test. Install Node.js 20 or newer.")
    if found is None:
        pytest.skip("Node.js or npm is missing. Install Node.js 20 or newer.")
    return found


def installed() -> Path:
    """The folder of the packages that the lock file names; the first who asks installs them, others wait for that."""
    npm = command("npm")
    files = [PACKAGES / "package.json", PACKAGES / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = REPOSITORY / "build/node" / digest
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for file in files:
                shutil.copy(file, folder)
            ended = run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, patience=300)
            assert ended.returncode == 0, f"npm ci ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
            (folder / "complete").touch()
    return folder / "node_modules"


def run(words: Sequence[str], folder: Path, *, patience: float = PATIENCE) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words, cwd=folder, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience, check=False
    )


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint of the compiler. `code` is its number, such as 2322."""

    file: str
    line: int
    code: int
    text: str


_COMPLAINT = re.compile(r"^(?P<file>[^\s(][^(]*)\((?P<line>\d+),\d+\): error TS(?P<code>\d+): (?P<text>.*)$", re.M)


class Project:
    """A folder with TypeScript in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.compiled = folder / "compiled"
        self._packages = installed()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "node_modules").symlink_to(self._packages)
        self.write({"package.json": '{"type": "module"}'})

    def write(self, files: Mapping[str, str]) -> None:
        """Write files; their names may lead into folders."""
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")

    def check(self, files: Mapping[str, str], *, compiler: str = NEWEST, **options: Any) -> list[Diagnostic]:
        """What the compiler has to say about these files and whatever they import."""
        return self._compile(files, compiler, {"noEmit": True, **options})

    def build(self, files: Mapping[str, str], **options: Any) -> Path:
        """Compile what is clean, for Node.js; gives the folder of the outcome."""
        complaints = self._compile(files, NEWEST, {"outDir": "compiled", "rootDir": ".", **options})
        assert complaints == [], "\n".join(map(str, complaints))
        return self.compiled

    def _compile(self, files: Mapping[str, str], compiler: str, options: Mapping[str, Any]) -> list[Diagnostic]:
        self.write(files)
        configuration = {"compilerOptions": {**OPTIONS, **options}, "files": list(files)}
        self.write({"tsconfig.json": json.dumps(configuration)})
        tsc = str(self._packages / compiler / "bin/tsc")
        ended = run([command("node"), tsc, "--project", ".", "--pretty", "false"], self.folder)
        complaints = [
            Diagnostic(each["file"], int(each["line"]), int(each["code"]), each["text"])
            for each in _COMPLAINT.finditer(ended.stdout)
        ]
        assert ended.returncode == 0 or complaints, f"tsc ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        return complaints

    def node(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run Node.js in the folder to its end."""
        return run([command("node"), *words], self.folder)

    def passes(self, program: str, *arguments: str) -> int:
        """Run a compiled program of `node:test`, all of whose tests have to pass; gives their number."""
        ended = self.node("--test-reporter=tap", str(self.compiled / program), *arguments)
        failures = re.findall(r"^not ok .*?^  \.\.\.$", ended.stdout, re.M | re.S)
        assert ended.returncode == 0, "\n".join(failures) or ended.stdout + ended.stderr
        found = {name: int(number) for name, number in re.findall(r"^# (\w+) (\d+)$", ended.stdout, re.M)}
        assert found["pass"] == found["tests"], ended.stdout
        return found["pass"]


def blocks(info: str) -> list[str]:
    """The blocks of the page about TypeScript that have this behind their backticks."""
    page = (REPOSITORY / "docs/typescript.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{info}\n(.*?)^```$", page, re.M | re.S)


def documented(file: str) -> str:
    """The one that is a file of this name."""
    [text] = blocks(rf"\w+ file={re.escape(file)}")
    return text


def _number(digits: str) -> int | float:
    """A whole number as JavaScript has it: beyond 2 to the power of 53 a float, written without a point."""
    whole = int(digits)
    return whole if abs(whole) < 2**53 else float(whole)


class Conversation:
    """A program that answers each line of JSON that it is given with one of its own."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            words, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout

    def ask(self, question: Any) -> Any:
        """What it answers, within `PATIENCE` seconds."""
        self._questions.write(json.dumps(question) + "\n")
        self._questions.flush()
        impatient = threading.Timer(PATIENCE, self._process.kill)
        impatient.start()
        try:
            line = self._answers.readline()
        finally:
            impatient.cancel()
        assert line, f"the program ended with {self._process.wait(PATIENCE)}"
        return json.loads(line, parse_int=_number)

    def end(self) -> None:
        """Let it end, which it does once it is given nothing more."""
        self._questions.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._answers.close()


@contextmanager
def conversation(project: Project, program: str, *arguments: str) -> Iterator[Conversation]:
    """Talk with a compiled program."""
    words = [command("node"), str(project.compiled / program), *arguments]
    talk = Conversation(words, project.folder)
    try:
        yield talk
    finally:
        talk.end()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty TypeScript project."""
    return Project(tmp_path / "project")
