"""The page at `/` that shows tasks arriving, and its scripts.

The scripts are what TypeScript's compiler makes of `browser/page.ts` and of `browser/client.ts`, and that is what
`jararaca gen-tsi` writes. All of them are kept, so that the page needs no Node.js, and a test compares them.
"""

from pathlib import Path
from typing import Literal

from fastapi import Response
from fastapi.responses import HTMLResponse

from jararaca import Get, RestController

BROWSER = Path(__file__).with_name("browser")
PAGE = (BROWSER / "page.html").read_text(encoding="utf-8")
SCRIPTS = {name: (BROWSER / f"{name}.js").read_text(encoding="utf-8") for name in ("page", "client")}


class JavaScript(Response):
    """A script."""

    media_type = "text/javascript"


@RestController()
class PageController:
    """Serves one page."""

    @Get("/", {"response_class": HTMLResponse, "include_in_schema": False})
    async def page(self) -> str:
        """The page; it loads the tasks and follows the feed."""
        return PAGE

    @Get("/{script}.js", {"response_class": JavaScript, "include_in_schema": False})
    async def script(self, script: Literal["page", "client"]) -> JavaScript:
        """What the page runs."""
        return JavaScript(SCRIPTS[script])
