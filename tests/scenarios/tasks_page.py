"""The scripts of the example's page. Run this module to write them anew: `python tests/scenarios/tasks_page.py`."""

import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BROWSER = REPOSITORY / "examples/tasks/tasks/browser"
sys.path += [str(REPOSITORY / "examples/tasks"), str(REPOSITORY / "tests/processes")]  # where pytest finds these

from nodejs import Project  # noqa: E402

from jararaca import Microservice, create_http_server  # noqa: E402
from jararaca.typescript.collect import collect  # noqa: E402
from jararaca.typescript.render import render  # noqa: E402
from tasks.controller import TasksController  # noqa: E402


def made(project: Project) -> dict[str, str]:
    """What the files should be, by their names: the client, and both scripts as the compiler makes them."""
    client = render(collect(create_http_server(Microservice(name="tasks", controllers=[TasksController]))))
    page = (BROWSER / "page.ts").read_text(encoding="utf-8")
    compiled = project.build({"client.ts": client, "page.ts": page})
    scripts = {name: (compiled / name).read_text(encoding="utf-8") for name in ("client.js", "page.js")}
    return {"client.ts": client, **scripts}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, text in made(Project(Path(folder) / "project")).items():
            (BROWSER / name).write_text(text, encoding="utf-8")
