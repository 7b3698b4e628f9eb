"""One of everything, as it is written."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from goldens import FOLDER, made


def test_every_file_is_what_it_was() -> None:
    """If the difference is meant: `python tests/scenarios/goldens.py`."""
    texts = made()

    assert sorted(texts) == sorted(file.name for file in FOLDER.iterdir())
    for name, text in texts.items():
        assert text == (FOLDER / name).read_text(encoding="utf-8"), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_order_of_hashes_changes_no_byte(seed: str) -> None:
    script = (
        "import hashlib, json\nfrom goldens import made\n"
        "print(json.dumps({name: hashlib.sha256(text.encode()).hexdigest() for name, text in made().items()}))"
    )
    paths = os.pathsep.join(
        [str(Path(__file__).parents[2] / "scenarios"), str(Path(__file__).parents[3] / "examples/tasks")]
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)

    kept = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FOLDER.iterdir()}
    assert json.loads(done.stdout) == kept
