"""What commands say and how they end, run in this process, which is quicker than a child."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from jararaca.cli.main import main


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    error: str


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Said]]:
    """Run `jararaca` with words, in a folder where `app.py` holds `source`; in this process, which is quicker."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, source: str = "", environment: Mapping[str, str] | None = None) -> Said:
        (tmp_path / "app.py").write_text(source)
        monkeypatch.setattr(sys, "argv", ["jararaca", *words])
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, shown.out, shown.err)

    yield run
    sys.modules.pop("app", None)
    for number, handler in handlers.items():
        signal.signal(number, handler)
