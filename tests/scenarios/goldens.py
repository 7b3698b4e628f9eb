"""The files that generated clients are compared with. Run this module to write them anew, and read the difference."""

from pathlib import Path

from clients import query_written, written
from kitchen.main import app as kitchen

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from tasks.main import app as tasks

FOLDER = Path(__file__).parents[1] / "typescript/golden"


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
