"""Where in the application's own files an error comes from, and where a task waits."""

import asyncio
import sysconfig
import traceback
from pathlib import Path
from typing import Any

_FOREIGN = (
    str(Path(__file__).parents[1]),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib")},
)


def place_of(error: BaseException) -> str:
    """`file:line` of the innermost line that is neither ours nor a library's, or of the innermost of all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_own(frame.filename)]
    last = (own or frames)[-1]
    return f"{last.filename}:{last.lineno}"


def waits_at(task: "asyncio.Task[Any]") -> list[str]:
    """`file:line in function` of each coroutine that a task waits in, outermost first."""
    places: list[str] = []
    awaited: Any = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        places.append(f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}")
        awaited = awaited.cr_await
    return places


def stands_at(task: "asyncio.Task[Any]") -> str:
    """Where of these it waits in the application's own files; the innermost of all where it waits in none."""
    places = waits_at(task)
    own = [place for place in places if is_own(place)]
    return (own or places or ["a place that is not known"])[-1]


def is_own(filename: str) -> bool:
    """Whether a file is the application's: neither of this package, nor of Python or another library."""
    is_file = not filename.startswith("<")
    return is_file and "site-packages" not in filename and not filename.startswith(_FOREIGN)
