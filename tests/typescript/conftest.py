"""TypeScript and Node.js, for every test here."""

from pathlib import Path

import pytest
from nodejs import REPOSITORY
from nodejs import project as project

RUNTIME = REPOSITORY / "jararaca/typescript/runtime"
PROGRAMS = Path(__file__).parent / "programs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in this folder needs Node.js."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.needs_node)


@pytest.fixture
def runtime() -> dict[str, str]:
    """The hand-written files by their names."""
    return {file.name: file.read_text(encoding="utf-8") for file in RUNTIME.glob("*.ts")}


@pytest.fixture
def programs() -> dict[str, str]:
    """The programs that use them."""
    return {file.name: file.read_text(encoding="utf-8") for file in PROGRAMS.glob("*.ts")}
