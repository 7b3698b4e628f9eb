"""Who waits for what: the message of a test that can never go on.

For each task the lines of the user's own code through which it waits, outermost first, then what it waits for, and the
line that created it. asyncio shows one frame of a suspended task, so the chain of awaits is walked here, through
coroutines, generators, asynchronous generators and SQLAlchemy's greenlets. It is only read, never changed, and what
cannot be looked into is passed over.
"""

import asyncio
import gc
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, TypeVar

from jararaca_testing.origins import Side, place_of, side_of

T = TypeVar("T")

WAITING_FOR = "waiting_for"
OPAQUE = {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "FutureIter", "anext_awaitable"}
STEPPED_BY_HAND = ("noticed", "_stepped")
SUSPENDED = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def expecting(future: "asyncio.Future[T]", what: object) -> "asyncio.Future[T]":
    """Write on a future what whoever awaits it waits for; dumps show it as text at that moment."""
    setattr(future, WAITING_FOR, what)
    return future


def dump(loop: asyncio.AbstractEventLoop, headline: str) -> str:
    """`headline`, then every task of the loop, in the order of their names, each with its place and its reason."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))
    return "\n".join([headline, *(line for task in tasks for line in describe(task))])


def describe(task: "asyncio.Task[Any]") -> list[str]:
    """The lines of one task: its name, the user's frames, what it waits for, and where it was created."""
    frames: list[FrameType] = []
    last: Any = None
    for link in chain(task.get_coro()):
        if isinstance(link, FrameType):
            frames.append(link)
        else:
            last = link
    lines = [f"    {place_of(frame)}" for frame in frames if is_own(frame.f_code)]
    through = dict.fromkeys(_package(frame) for frame in frames if not is_own(frame.f_code))
    via = ", ".join(name for name in through if name not in {"asyncio", "jararaca_testing", "contextlib"})
    return [
        f"  {task.get_name()}",
        *lines,
        f"    waits for {reason(frames, last)}" + (f" (through {via})" if via else ""),
        *_created(task),
    ]


def _created(task: "asyncio.Task[Any]") -> list[str]:
    place = getattr(task, "created", None)
    return [] if place is None else [f"    created at {place}"]


def chain(awaited: Any) -> Iterator[Any]:
    """The frames through which something waits, outermost first; at the end what they all wait for, if it is known."""
    seen: set[int] = set()
    while awaited is not None and id(awaited) not in seen:
        seen.add(id(awaited))
        frame, inner = _inside(awaited)
        if frame is not None:
            yield frame
            yield from _greenlet_frames(frame)
            awaited = _hidden_inner(frame, inner)
        elif _is_opaque(awaited):
            awaited = _referent(awaited)
        else:
            yield awaited
            return


def _inside(awaited: Any) -> tuple[FrameType | None, Any]:
    for frame, inner in SUSPENDED:
        if hasattr(awaited, frame):
            return getattr(awaited, frame), getattr(awaited, inner)
    return None, None


def _hidden_inner(frame: FrameType, inner: Any) -> Any:
    """What a frame awaits; a driver that steps a coroutine by hand keeps it in a local variable."""
    return frame.f_locals["coroutine"] if frame.f_code.co_name in STEPPED_BY_HAND else inner


def _is_opaque(awaited: Any) -> bool:
    return type(awaited).__name__ in OPAQUE


def _referent(awaited: Any) -> Any:
    # no attribute of these leads inward; what they refer to does
    for referent in gc.get_referents(awaited):
        if _inside(referent)[0] is not None or isinstance(referent, asyncio.Future) or _is_opaque(referent):
            return referent
    return None


def _greenlet_frames(frame: FrameType) -> Iterator[FrameType]:
    if frame.f_code.co_name != "greenlet_spawn":
        return
    inner = getattr(frame.f_locals.get("context"), "gr_frame", None)
    frames = []
    while inner is not None:
        frames.append(inner)
        inner = inner.f_back
    yield from reversed(frames)


def is_own(code: CodeType) -> bool:
    """Whether it is the user's code, not a library's and not the harness's."""
    return side_of(code) is Side.PROJECT


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?")).partition(".")[0]


def reason(frames: list[FrameType], last: Any) -> str:
    """What is waited for, in words: by what the future says, else by whose method waits, else by what it is."""
    said = getattr(last, WAITING_FOR, None)
    if said:
        return str(said)
    for frame in reversed(frames):
        words = _of_primitive(frame)
        if words:
            return words
    return _of_future(last)


def _of_primitive(frame: FrameType) -> str | None:
    owner, name = frame.f_locals.get("self"), frame.f_code.co_name
    if name == "sleep" and "h" in frame.f_locals:
        return f"sleep({frame.f_locals['delay']}) until t={frame.f_locals['h'].when():.3f}"
    match owner:
        case asyncio.Event():
            return "an asyncio.Event that nobody has set"
        case asyncio.Lock() | asyncio.Semaphore():
            return f"an asyncio.{type(owner).__name__} that is taken"
        case asyncio.Queue():
            return f"asyncio.Queue.{name}() ({owner.qsize()} items, maxsize {owner.maxsize})"
        case asyncio.Condition():
            return "an asyncio.Condition that nobody has notified"
        case asyncio.TaskGroup():
            return f"the end of its TaskGroup{_names(frame.f_locals['self'])}"
    return None


def _names(group: asyncio.TaskGroup) -> str:
    tasks = getattr(group, "_tasks", ())  # there is no public list of a group's tasks
    return ": " + ", ".join(sorted(task.get_name() for task in tasks)) if tasks else ""


def _of_future(last: Any) -> str:
    if isinstance(last, asyncio.Task):
        return f"the task {last.get_name()!r}"
    children = getattr(last, "_children", None)  # of a gather
    if children:
        unfinished = [child for child in children if not child.done()]
        names = [child.get_name() if isinstance(child, asyncio.Task) else "a future" for child in unfinished]
        return f"a gather of {', '.join(names)}"
    return "a future that nobody has resolved" if last is not None else "its next turn"
