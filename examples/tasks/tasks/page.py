"""The page at `/` that shows tasks arriving."""

from pathlib import Path

from fastapi.responses import HTMLResponse

from jararaca import Get, RestController

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


@RestController()
class PageController:
    """Serves one page."""

    @Get("/", {"response_class": HTMLResponse, "include_in_schema": False})
    async def page(self) -> str:
        """The page; it loads the tasks and follows the feed."""
        return PAGE
