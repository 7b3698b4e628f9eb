"""What an import costs: nothing that the importer did not ask for."""

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAVY = {
    "aio_pika",
    "aiormq",
    "aiosqlite",
    "asyncpg",
    "croniter",
    "fastapi",
    "httpx",
    "pamqp",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "starlette",
    "typer",
    "uvicorn",
    "uvloop",
    "websockets",
}
DRIVERS = HEAVY - {"croniter", "fastapi", "pydantic", "starlette"}


def packages_loaded_by(statement: str, after: str = "") -> set[str]:
    """The top-level packages that a new process has after `statement`, without those it had `after` another."""
    script = f"import sys\n{after}\nbefore = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_no_driver_and_no_framework() -> None:
    assert packages_loaded_by("import jararaca") & HEAVY == set()


@pytest.mark.parametrize("name", ["Microservice", "MessageBusController", "RestController", "ScheduledAction"])
def test_a_declaration_loads_no_driver(name: str) -> None:
    assert packages_loaded_by(f"from jararaca import {name}") & DRIVERS == set()


def test_the_plugin_loads_only_pytest_and_the_standard_library() -> None:
    """Every test run of every project that has the plugin installed pays for this import."""
    loaded = packages_loaded_by("import jararaca_testing.plugin", after="import pytest")

    assert loaded - sys.stdlib_module_names == {"jararaca_testing"}


def test_a_missing_extra_is_named_with_the_command_that_installs_it() -> None:
    script = "import sys\nsys.modules['sqlalchemy'] = None\nfrom jararaca import BaseEntity"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert 'jararaca.BaseEntity needs an extra: pip install "jararaca[sqlalchemy]"' in done.stderr


def test_only_the_lazy_roots_hide_imports_from_python(modules_below: Callable[..., list[Any]]) -> None:
    """Needing such an import elsewhere means that a module stands on the wrong floor."""
    hidden = [
        module.at(node)
        for module in modules_below("jararaca", "jararaca_testing")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        if ast.unparse(statement).partition(" ")[2].startswith("jararaca")
    ]

    assert {Path(place.partition(":")[0]) for place in hidden} == {
        Path("jararaca/__init__.py"),
        Path("jararaca_testing/__init__.py"),
        Path("jararaca_testing/contracts/__init__.py"),
    }


def test_the_environment_is_read_in_one_place(modules_below: Callable[..., list[Any]]) -> None:
    reading = {
        module.path
        for module in modules_below("jararaca")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in {"os.environ", "os.getenv", "environ"}
    }

    assert reading <= {"jararaca/bootstrap/settings.py"}
