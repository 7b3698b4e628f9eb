"""An import goes down, never up, never sideways: the linter says so, and says it of each kind of violation."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]

# One violation for each contract and more where a contract says more than one thing:
# the contract, the file that is spoiled, the line that is added, what the linter has to name.
VIOLATIONS = [
    ("floors", "jararaca/ports/clock.py", "import jararaca.core.steps", "jararaca.ports.clock -> jararaca.core.steps"),
    (
        "floors",
        "jararaca/messagebus/__init__.py",
        "import jararaca.scheduler",
        "jararaca.messagebus -> jararaca.scheduler",
    ),
    (
        "floors",
        "jararaca/bootstrap/wiring.py",
        "import jararaca.amqpserver.server",
        "jararaca.bootstrap.wiring -> jararaca.amqpserver.server",
    ),
    ("floors", "jararaca/core/steps.py", "from jararaca import Get", "jararaca.core.steps -> jararaca"),
    ("floors", "jararaca/utils.py", "", "jararaca.utils"),
    (
        "adapters",
        "jararaca/adapters/memory/__init__.py",
        "import jararaca.adapters.redis",
        "jararaca.adapters.memory -> jararaca.adapters.redis",
    ),
    ("testing-outside", "jararaca/core/steps.py", "import jararaca_testing", "jararaca.core.steps -> jararaca_testing"),
    ("testing-outside", "jararaca/core/steps.py", "import pytest", "jararaca.core.steps -> pytest"),
    ("no-infrastructure", "jararaca/ports/clock.py", "import uvloop", "jararaca.ports.clock -> uvloop"),
    ("no-infrastructure", "jararaca/core/steps.py", "import pydantic", "jararaca.core.steps -> pydantic"),
    ("no-drivers", "jararaca/messagebus/__init__.py", "import aio_pika", "jararaca.messagebus -> aio_pika"),
    ("web-in-presentation", "jararaca/scheduler/__init__.py", "import fastapi", "jararaca.scheduler -> fastapi"),
    ("sql-in-persistence", "jararaca/scheduler/__init__.py", "import sqlalchemy", "jararaca.scheduler -> sqlalchemy"),
    (
        "harness-floors",
        "jararaca_testing/loop.py",
        "import jararaca_testing.plugin",
        "jararaca_testing.loop -> jararaca_testing.plugin",
    ),
    (
        "no-cycles",
        "jararaca/core/steps.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import jararaca.core.environment",
        "No cycles are allowed in jararaca.core",
    ),
]


def test_the_house_keeps_its_contracts(lint_imports: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    result = lint_imports(REPOSITORY)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "file", "line", "named"), VIOLATIONS)
def test_the_linter_names_a_violation(
    copy_of_packages: Path,
    lint_imports: Callable[..., subprocess.CompletedProcess[str]],
    contract: str,
    file: str,
    line: str,
    named: str,
) -> None:
    """The spoiled copy differs from the house in one line, so it is this line that breaks the contract."""
    with (copy_of_packages / file).open("a", encoding="utf-8") as spoiled:
        spoiled.write(f"\n{line}\n")

    result = lint_imports(copy_of_packages, "--contract", contract)

    assert result.returncode == 1, result.stderr
    assert named in result.stdout


def test_each_contract_has_a_violation_that_shows_it_at_work() -> None:
    assert {contract["id"] for contract in CONTRACTS} == {violation[0] for violation in VIOLATIONS}


@pytest.mark.parametrize("package", ["jararaca.errors", "jararaca.ports"])
def test_the_ground_floor_stands_on_the_standard_library_alone(package: str) -> None:
    """Whoever writes an adapter reads the ports: nothing else has to be understood first."""
    script = f"""
import pkgutil, sys
sys.path.insert(0, {str(REPOSITORY)!r})
import {package} as package
for part in pkgutil.walk_packages(getattr(package, "__path__", []), "{package}."):
    __import__(part.name)
print(*{{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names - {{"__main__"}})
"""

    loaded = subprocess.run([sys.executable, "-IS", "-c", script], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == ["jararaca"]
