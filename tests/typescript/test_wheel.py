"""What is installed from a wheel generates clients too: the hand-written part is in it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from nodejs import REPOSITORY, Project

MODULE = """
from jararaca import Get, Microservice, RestController

@RestController("/greetings")
class Greetings:
    @Get()
    async def greet(self, name: str) -> str: ...

app = Microservice(controllers=[Greetings])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contents of the wheel, and nothing else of the project."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel", "--no-deps")
    constraint = ("--build-constraint", str(REPOSITORY / "constraints.txt"))
    subprocess.run((*pip, *constraint, "--wheel-dir", str(folder), str(REPOSITORY)), check=True, timeout=100)
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "contents")
    return folder / "contents"


def test_a_client_is_generated_from_what_the_wheel_holds(project: Project, installed: Path) -> None:
    project.write({"app.py": MODULE})
    program = "import jararaca, jararaca.cli.main; print(jararaca.__file__); jararaca.cli.main.main()"
    done = subprocess.run(
        (sys.executable, "-c", program, "gen-tsi", "app:app", "app.ts", "--with-query"),
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(str(installed))
    written = {name: (project.folder / name).read_text(encoding="utf-8") for name in ("app.ts", "app.query.ts")}
    assert project.check(written, skipLibCheck=True) == []  # the types of the packages are theirs
