"""The files that generated clients are compared with. To write them anew: `python tests/scenarios/goldens.py`."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "typescript/golden"
sys.path.append(str(Path(__file__).parents[2] / "examples/tasks"))  # where pytest finds it

from clients import query_written, written  # noqa: E402
from kitchen.main import app as kitchen  # noqa: E402

from jararaca import create_http_server  # noqa: E402
from jararaca.typescript.collect import collect  # noqa: E402
from tasks.main import app as tasks  # noqa: E402


def made() -> dict[str, str]:
    """What the files should be, by their names; each without the hand-written part."""
    whole, example = collect(create_http_server(kitchen)), collect(create_http_server(tasks))
    return {
        "kitchen.ts": written(whole),
        "kitchen.query.ts": query_written(whole),
        "kitchen.txt": "\n".join([*whole.remarks, *whole.left_out, ""]),
        "tasks.ts": written(example),
    }


if __name__ == "__main__":
    for name, text in made().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
