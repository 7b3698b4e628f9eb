"""Where in the user's code something comes from: one frame of the calling stack, found cheaply and shown late.

A file belongs to the user's project, to a library, to the framework or to the harness; that is decided once for each
file. A place keeps a code object and a line number, and reads the source only when it is shown.
"""

import enum
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import jararaca

HARNESS = str(Path(__file__).parent) + os.sep
FRAMEWORK = str(Path(jararaca.__file__).parent) + os.sep
LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})
WIDTH = 100
DEPTH = 16
"""Frames to look at before giving up: what a task or a publish is made by is near."""


class Side(enum.Enum):
    """Whose code a file is."""

    PROJECT = "project"
    LIBRARY = "library"
    FRAMEWORK = "framework"
    HARNESS = "harness"


_sides: dict[str, Side] = {}


def side_of(code: CodeType) -> Side:
    """Whose code this is."""
    path = code.co_filename
    side = _sides.get(path)
    if side is None:
        side = _sides[path] = _side_of_file(path)
    return side


def _side_of_file(path: str) -> Side:
    if path.startswith(HARNESS):
        return Side.HARNESS
    if path.startswith(FRAMEWORK):
        return Side.FRAMEWORK
    return Side.LIBRARY if path.startswith((*LIBRARIES, "<")) or "site-packages" in path else Side.PROJECT


class Place(NamedTuple):
    """A line of code; as text, with its source."""

    code: CodeType
    line: int

    def __str__(self) -> str:
        path = self.code.co_filename
        source = linecache.getline(path, self.line).strip()
        if path.startswith(os.getcwd() + os.sep):
            path = os.path.relpath(path)
        return f"{path}:{self.line} in {self.code.co_qualname}: {source[:WIDTH]}"


def place_of(frame: FrameType) -> Place:
    """Where a frame stands."""
    return Place(frame.f_code, frame.f_lineno)


def beginning_of(function: Any) -> Place | None:
    """Where a function begins, decorators included; None for what has no source."""
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    return Place(code, code.co_firstlineno) if isinstance(code, CodeType) else None


def caller(*, until: Side | None = None, depth: int = DEPTH, frame: FrameType | None = None) -> Place | None:
    """The nearest line of the project's own code that led here (or to `frame`), at most `depth` frames away.

    It is not looked for behind code of the side `until`, which does of its own accord what it does.
    """
    frame = frame or sys._getframe(1)
    for _step in range(depth):
        if frame is None:
            return None
        side = _sides.get(frame.f_code.co_filename) or side_of(frame.f_code)
        if side is Side.PROJECT:
            return Place(frame.f_code, frame.f_lineno)
        if side is until:
            return None
        frame = frame.f_back
    return None


def raised_at(error: BaseException | None) -> Place | None:
    """The innermost line of the project's own code through which an exception went."""
    places = [Place(frame.f_code, line) for frame, line in _frames_of(error) if side_of(frame.f_code) is Side.PROJECT]
    return places[-1] if places else None


def _frames_of(error: BaseException | None) -> Iterator[tuple[FrameType, int]]:
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
