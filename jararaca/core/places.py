"""Where in the application's own files an error comes from, and where a task waits."""

import asyncio
import sysconfig
import traceback
from pathlib import Path
from types import AsyncGeneratorType, FrameType
from typing import Any

_FOREIGN = (
    str(Path(__file__).parents[1]),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib")},
)


DEEPEST = 200
"""Places of one task that are told."""


def place_of(error: BaseException) -> str:
    """`file:line` of the innermost line that is neither ours nor a library's, or of the innermost of all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_own(frame.filename)]
    last = (own or frames)[-1]
    return f"{last.filename}:{last.lineno}"


def waits_at(task: "asyncio.Task[Any]") -> list[str]:
    """`file:line in function` of each coroutine and async generator that a task waits in, outermost first."""
    places: list[str] = []
    waiting: Any = task.get_coro()
    while (frame := _frame_of(waiting)) is not None and len(places) < DEEPEST:
        places.append(f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}")
        awaited = waiting.cr_await if hasattr(waiting, "cr_await") else waiting.ag_await
        waiting = awaited if _frame_of(awaited) is not None else _generator_in(frame)
    return places


def _frame_of(waiting: Any) -> FrameType | None:
    frame: FrameType | None = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
    return frame


def _generator_in(frame: FrameType) -> Any:
    """The async generator that a frame waits for: the step of it that is awaited does not say whose step it is."""
    held = (*frame.f_locals.values(), getattr(frame.f_locals.get("self"), "gen", None))
    return next((each for each in held if isinstance(each, AsyncGeneratorType) and each.ag_running), None)


def stands_at(task: "asyncio.Task[Any]") -> str:
    """Where of these it waits in the application's own files; the innermost of all where it waits in none."""
    places = waits_at(task)
    own = [place for place in places if is_own(place)]
    return (own or places or ["a place that is not known"])[-1]


def is_own(filename: str) -> bool:
    """Whether a file is the application's: neither of this package, nor of Python or another library."""
    is_file = not filename.startswith("<")
    return is_file and "site-packages" not in filename and not filename.startswith(_FOREIGN)
