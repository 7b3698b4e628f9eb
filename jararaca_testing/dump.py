"""Who waits for what: the message of a test that can never go on.

The test comes first, then what runs code of the project; what the framework keeps waiting is counted. For each task
the lines of the user's own code through which it waits, outermost first, then what it waits for, and the
line that created it. asyncio shows one frame of a suspended task, so the chain of awaits is walked here, through
coroutines, generators, asynchronous generators and SQLAlchemy's greenlets. It is only read, never changed, and what
cannot be looked into is passed over.
"""

import asyncio
import gc
from collections.abc import Iterator, Mapping
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeVar

from jararaca_testing.origins import Side, place_of, side_of

T = TypeVar("T")

WAITING_FOR = "waiting_for"
ALL_SHOWN = "all_tasks_are_shown"
CALLERS = {"jararaca.core.invocation", "jararaca.messagebus.attempt", "jararaca.scheduler.firing"}
"""Modules of the framework that are there only while code of the project is called, or was and is being committed."""

OPAQUE = {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "FutureIter", "anext_awaitable"}
STEPPED_BY_HAND = ("noticed", "_stepped")
SUSPENDED = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def expecting(future: "asyncio.Future[T]", what: object) -> "asyncio.Future[T]":
    """Write on a future what whoever awaits it waits for; dumps show it as text at that moment."""
    setattr(future, WAITING_FOR, what)
    return future


def show_all_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let the dumps of a loop list the framework's own tasks too, which otherwise are only counted."""
    setattr(loop, ALL_SHOWN, True)


class Stack(NamedTuple):
    """The frames through which a task waits, outermost first, and what it waits for, if that is known."""

    frames: list[FrameType]
    last: Any


def dump(loop: asyncio.AbstractEventLoop, headline: str, *, test: "asyncio.Task[Any] | None" = None) -> str:
    """`headline`, then the task of the test, then those that run or wait for code of the project, as they were made.

    Each has its place and its reason. What the framework keeps for itself, waiting for something to do, is counted.
    """
    made = sorted(asyncio.all_tasks(loop), key=lambda task: (task is not test, getattr(task, "birth", 0)))
    stacks = {task: stack_of(task) for task in made}
    told = _of_project(stacks, test)
    listed, kept = [task for task in made if task in told], [task for task in made if task not in told]
    if getattr(loop, ALL_SHOWN, False):
        listed, kept = listed + kept, []
    lines = [line for task in listed for line in (*describe(task, stacks[task]), *_created(task))]
    return "\n".join([headline, *lines, *_counted(len(kept))])


def _of_project(
    stacks: "Mapping[asyncio.Task[Any], Stack]", test: "asyncio.Task[Any] | None"
) -> "set[asyncio.Task[Any]]":
    """The test, what the project made or is called in, and what these wait for."""
    found = [task for task, stack in stacks.items() if task is test or _is_of_project(task, stack)]
    told = set(found)
    for task in found:  # grows under the loop
        others = [other for other in _awaited(stacks[task]) if other in stacks and other not in told]
        found += others
        told.update(others)
    return told


def _is_of_project(task: "asyncio.Task[Any]", stack: Stack) -> bool:
    if getattr(task, "origin", None) is not None:
        return True
    return any(is_own(frame.f_code) or frame.f_globals.get("__name__") in CALLERS for frame in stack.frames)


def _awaited(stack: Stack) -> "Iterator[asyncio.Task[Any]]":
    waited: list[Any] = [stack.last, *(getattr(stack.last, "_children", None) or ())]  # of a gather
    for frame in stack.frames:
        if frame.f_globals.get("__name__") == "asyncio.tasks":  # asyncio.wait and wait_for keep them in variables
            waited += [*frame.f_locals.get("fs", ()), frame.f_locals.get("fut")]
    yield from (each for each in waited if isinstance(each, asyncio.Task))


def _counted(kept: int) -> list[str]:
    if not kept:
        return []
    many = f"{kept} tasks of the framework that wait" if kept > 1 else "1 task of the framework that waits"
    return [f"  and {many} for messages, ticks or timers (-vv shows all)"]


def stack_of(task: "asyncio.Task[Any]") -> Stack:
    """Where a task stands, looked up through everything that it awaits."""
    links = list(chain(task.get_coro()))
    last = links[-1] if links and not isinstance(links[-1], FrameType) else None
    return Stack([link for link in links if isinstance(link, FrameType)], last)


def describe(task: "asyncio.Task[Any]", stack: Stack) -> list[str]:
    """The lines of one task: its name, the user's frames, and what it waits for."""
    frames, last = stack
    lines = [f"    {place_of(frame)}" for frame in frames if is_own(frame.f_code)]
    through = dict.fromkeys(_package(frame) for frame in frames if not is_own(frame.f_code))
    via = ", ".join(name for name in through if name not in {"asyncio", "jararaca_testing", "contextlib"})
    return [
        f"  {task.get_name()}",
        *lines,
        f"    waits for {reason(frames, last)}" + (f" (through {via})" if via else ""),
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
        return f"sleep({round(frame.f_locals['delay'], 3)}) {_until(frame.f_locals['loop'], frame.f_locals['h'])}"
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


def _until(loop: asyncio.AbstractEventLoop, timer: asyncio.TimerHandle) -> str:
    """When a timer is due, in the test's time if it is virtual; what real loops count from tells nobody anything."""
    is_virtual = hasattr(loop, "microseconds")
    left = max(timer.when() - loop.time(), 0.0)
    return f"until t={timer.when():.3f}" if is_virtual else f"for another {left:.1f} s"


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
