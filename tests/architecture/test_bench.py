"""The benches hold their bounds: a run outside of one does not pass."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "bench" / "run.py"
BOUNDS = """
[[bound]]
bench = "di"
figure = "cpu_us"
of = "container"
to = "dishka"
{bound}
"""
BENCH = """
import json, sys
print(json.dumps({"cpu_us": {"container": 3.0, "dishka": 4.0}[sys.argv[1]]}))
"""


@pytest.mark.parametrize(
    ("bound", "code", "verdict"),
    [
        ("at_most = 0.8", 0, "ok"),
        ("at_most = 0.7", 1, "OUTSIDE"),
        ("at_least = 0.7", 0, "ok"),
        ("at_least = 0.8", 1, "OUTSIDE"),
    ],
)
def test_a_ratio_outside_its_bound_fails_the_run(tmp_path: Path, bound: str, code: int, verdict: str) -> None:
    """The ratio that is planted is 0.75."""
    shutil.copy(RUN, tmp_path)
    (tmp_path / "bench_di.py").write_text(BENCH)
    (tmp_path / "bounds.toml").write_text(BOUNDS.format(bound=bound))

    ended = subprocess.run(
        [sys.executable, "run.py", "--rounds", "1", "di"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert ended.returncode == code, ended.stderr
    assert f"{verdict:8} cpu_us of container to dishka: 0.750" in ended.stdout
