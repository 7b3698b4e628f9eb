"""The source as these tests read it: modules with their trees, and a copy that may be spoiled."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file; `path` counts from the repository."""

    path: str
    text: str
    tree: ast.Module

    def definitions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node

    def at(self, node: ast.stmt | ast.expr) -> str:
        return f"{self.path}:{node.lineno}"


@pytest.fixture(scope="session")
def modules_below() -> Callable[..., list[Module]]:
    def read(*folders: str) -> list[Module]:
        paths = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
        texts = {str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8") for path in paths}
        return [Module(path, text, ast.parse(text)) for path, text in texts.items()]

    return read


@pytest.fixture
def copy_of_packages(tmp_path: Path) -> Path:
    """A folder with both packages and the contracts, for a test to spoil."""
    for package in ("jararaca", "jararaca_testing"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def lint_imports() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run import-linter in a folder; its packages are found before the installed ones."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *arguments]
        environment = {"COLUMNS": "300", "NO_COLOR": "1"}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run
