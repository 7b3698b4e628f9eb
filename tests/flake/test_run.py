"""The hunt for tests that fail now and then: it ends at the first that does, and says how to see it again."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("run.py")

Hunt = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.processes


@pytest.fixture
def hunt(tmp_path: Path) -> Hunt:
    """Hunts in a folder with these tests, one run after the other."""

    def hunted(tests: str, *options: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(tests, encoding="utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        words = [sys.executable, str(SCRIPT), "--jobs=1", *options, "--", *arguments]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)

    return hunted


def test_every_run_has_other_seeds_that_follow_from_its_number(hunt: Hunt) -> None:
    ended = hunt(
        """
import os
def test_it(request):
    seeds = [request.config.getoption(name) for name in ("jararaca_seed", "randomly_seed", "hypothesis_seed")]
    assert [str(seed) for seed in seeds] == [os.environ["PYTHONHASHSEED"]] * 3
""",
        "--runs=3",
        "--seed=4294967294",
    )

    assert ended.returncode == 0, ended.stdout
    seeds = ("4294967294", "4294967295", "0")
    assert ended.stdout.splitlines() == [f"run {n} of 3: seed {seed} passed" for n, seed in enumerate(seeds, start=1)]


FAILS_AT_3 = """
import os
def test_passes(): ...
def test_it():
    assert os.environ["PYTHONHASHSEED"] != "3", "now and then"
"""


def test_it_stops_at_the_first_failure_and_prints_what_repeats_it(hunt: Hunt, tmp_path: Path) -> None:
    ended = hunt(FAILS_AT_3, "--runs=200", "--seed=2", arguments=("-k", "it or passes"))

    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert lines[:2] == ["run 1 of 200: seed 2 passed", "run 2 of 200: seed 3 FAILED"]
    assert "AssertionError: now and then" in ended.stdout
    assert "The run with seed 3 failed. This repeats it:" in lines
    assert not re.search(r"run 3", ended.stdout)

    hash_seed, python, *words = shlex.split(lines[-2])
    assert (hash_seed, python) == ("PYTHONHASHSEED=3", "python")
    environment = {**os.environ, "PYTHONHASHSEED": "3"}
    repeated = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert repeated.returncode == 1
    assert "AssertionError: now and then" in repeated.stdout


def test_a_run_that_finds_no_tests_has_not_passed(hunt: Hunt) -> None:
    ended = hunt("", "--runs=2", "--seed=1")

    assert ended.returncode == 1
    assert "no tests ran" in ended.stdout


def test_it_begins_somewhere_else_each_time(hunt: Hunt) -> None:
    first, second = (hunt("def test_it(): ...", "--runs=1").stdout for _ in range(2))

    assert first != second
    assert re.fullmatch(r"run 1 of 1: seed \d+ passed\n", first)
