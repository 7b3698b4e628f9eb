"""The applications that others compile and read are the same in every run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SCRIPT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from clients import query_written, written
from drawn import drawn_applications
from jararaca.typescript.collect import collect
clients = [collect(app) for app in drawn_applications(100)]
sys.stdout.buffer.write("".join(written(each) + query_written(each) for each in clients).encode())
"""


CONSTANTS = [f"{number}*/" for number in range(200)]


def drawn_in_a_process_of_its_own(*loaded: str, seed: str, folder: Path) -> bytes:
    """The clients of drawn applications, one after the other, where these modules are loaded."""
    paths = os.pathsep.join([str(SCENARIOS), str(folder)])
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    words = [sys.executable, "-c", SCRIPT, *loaded]
    return subprocess.run(words, capture_output=True, check=True, env=environment).stdout


@pytest.mark.slow
def test_what_is_drawn_depends_neither_on_loaded_modules_nor_on_the_order_of_hashes(tmp_path: Path) -> None:
    """Hypothesis draws constants of the modules that it finds outside of tests, unless it is kept from that."""
    (tmp_path / "constants.py").write_text(f"CONSTANTS = {CONSTANTS}")

    alone = drawn_in_a_process_of_its_own(seed="1", folder=tmp_path)
    among_others = drawn_in_a_process_of_its_own("constants", "jararaca_testing", seed="4711", folder=tmp_path)

    assert alone.count(b"extends HttpService") >= 100
    assert among_others == alone
