"""Work in threads, counted exactly: virtual time stands still for as long as a thread may still act on the loop.

What threads bring is let in as `arrivals` says, so that a test tells the same story however fast they are.

Three rules, each the remedy of a way to count wrongly. What is counted is the thread's own end, since a cancelled await
does not end it. The count drops only after the result has reached the loop. A job that is cancelled before a thread has
taken it never runs, and must not stay counted.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import selectors
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakSet

from typing_extensions import TypeVarTuple, Unpack

from jararaca_testing.arrivals import Arrivals
from jararaca_testing.workers import DaemonThreads

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


MANY_TURNS = 1_000
"""After so many without rest nobody waits for it any longer: somebody may be looking out for a thread."""


class _Here(threading.local):
    """The work that this thread has done last, or in the loop's thread, the work that is just being handed out."""

    work: "Outside | None" = None


HERE = _Here()


@dataclass(slots=True, eq=False)
class Outside:
    """One piece of work outside of the loop; `thread` is known once a thread has taken it."""

    label: str
    thread: int | None = None

    def describe(self) -> str:
        """What it is, and where its thread stands."""
        frame = sys._current_frames().get(self.thread) if self.thread is not None else None
        if frame is None:
            return self.label
        place = traceback.extract_stack(frame, limit=1)[0]
        if place.filename == __file__:  # the call is not written in Python
            return self.label
        return f"{self.label}, now at {place.filename}:{place.lineno} in {place.name}: {place.line}"


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that knows what is being done for it outside of itself."""

    _asyncgens: "WeakSet[Any]"  # asyncio's, which has no public seam

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._outside: dict[Outside, None] = {}
        self._threads: concurrent.futures.Executor | None = None
        self._all_inside: asyncio.Future[None] | None = None
        self._arrivals = Arrivals()
        self._turns_held = 0

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        work = HERE.work
        if work is None or work not in self._outside or self.is_closed():
            return super().call_soon_threadsafe(callback, *args, context=context)
        context = context or contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        call = functools.partial(_unless_cancelled, handle, callback, *args)
        self._arrivals.hold(work, lambda: self.call_soon(call, context=context))
        super().call_soon_threadsafe(_wake)
        return handle

    def let_in(self, now: float) -> bool:
        """At rest, let the loop have what the oldest work has brought; `now` is in real seconds. False for nothing."""
        calls = self._arrivals.take(self._outside, now)
        for call in calls:
            call()
        return bool(calls)

    def let_all_in(self) -> None:
        """Let the loop have everything, if it has made many turns without coming to rest; called at each turn."""
        self._turns_held = self._turns_held + 1 if self._arrivals.held else 0
        if self._turns_held > MANY_TURNS:
            for call in self._arrivals.take_all():
                call()

    def outside_work(self) -> tuple[str, ...]:
        """What is being done outside of the loop, for people."""
        return tuple(work.describe() for work in self._outside)

    @contextlib.contextmanager
    def outside(self, label: str) -> Iterator[Outside]:
        """Count the body as work that somebody outside of the loop must finish: time stands still meanwhile."""
        work = self.leave(label)
        try:
            yield work
        finally:
            self.arrive(work)

    def leave(self, label: str) -> Outside:
        """Begin to count a piece of work, in the loop's thread."""
        work = Outside(label)
        self._outside[work] = None
        return work

    def arrive(self, work: Outside) -> None:
        """End the counting of a piece of work, in the loop's thread; a second time has no effect."""
        self._outside.pop(work, None)
        if not self._outside and self._all_inside is not None and not self._all_inside.done():
            self._all_inside.set_result(None)

    def arrive_soon(self, work: Outside) -> None:
        """End the counting from any thread, after what that thread has already handed to the loop."""
        with contextlib.suppress(RuntimeError):  # the loop was closed over a thread that hung
            self.call_soon_threadsafe(self.arrive, work)

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        if executor is None:
            self._threads = executor = self._threads or DaemonThreads()
        work = Outside(label_of(func, args))
        call: Callable[..., T] = func
        if isinstance(executor, (DaemonThreads, concurrent.futures.ThreadPoolExecutor)):
            call = functools.partial(_in_thread, work, func)
        job = executor.submit(call, *args)
        self._outside[work] = None
        before, HERE.work = HERE.work, work  # it may be done already, and then brings its result in this thread
        try:
            future = asyncio.wrap_future(job, loop=self)  # its callback comes first, so the result does too
            job.add_done_callback(lambda _job: self.arrive_soon(work))
        finally:
            HERE.work = before
        return future

    def set_default_executor(self, executor: concurrent.futures.ThreadPoolExecutor) -> None:  # type: ignore[override] # as in the standard library's own stub
        self._threads = executor

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002 # 3.12 passes one
        """Wait until everything outside has come back, then end the threads."""
        if self._outside:
            self._all_inside = self.create_future()
            await self._all_inside
        if self._threads is not None:
            self._threads.shutdown(wait=True)

    def is_bare(self) -> bool:
        """Whether it has had no threads and no asynchronous generators that need an end of their own."""
        return self._threads is None and not self._outside and not self._asyncgens

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False)
        super().close()


def _in_thread(work: Outside, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
    work.thread = threading.get_ident()
    HERE.work = work  # also of what the thread brings when this has returned
    return func(*args)


def _unless_cancelled(handle: asyncio.Handle, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
    if not handle.cancelled():
        callback(*args)


def _wake() -> None:
    """Nothing: the loop notices that somebody has brought something."""


def label_of(func: Callable[..., Any], args: tuple[Any, ...] = ()) -> str:
    """The name of what will really be called, behind the wrappers that carry a context to a thread."""
    if isinstance(func, functools.partial):
        return label_of(func.func, (*func.args, *args))
    if getattr(func, "__name__", "") == "run" and args and callable(args[0]):
        return label_of(args[0], args[1:])
    module = getattr(func, "__module__", None)
    name = getattr(func, "__qualname__", None) or repr(func)
    return f"{module}.{name}" if module else name


class Job:
    """A call on its way to an anyio worker thread, which may be abandoned before the thread takes it.

    It is counted until both sides are through: the thread, and the task that awaits it.
    """

    def __init__(self, loop: CountingLoop, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._loop = loop
        self._func = func
        self._lock = threading.Lock()
        self._taken = False
        self._abandoned = False
        self._sides = 2
        self._work = loop.leave(label_of(func, args))

    def __call__(self, *args: Any) -> Any:
        with self._lock:
            if self._abandoned:
                return None
            self._taken = True
        try:
            return _in_thread(self._work, self._func, *args)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop was closed over a thread that hung
                self._loop.call_soon_threadsafe(self._through)

    def awaited(self) -> None:
        """The awaiting side is through: unless a thread has the job by now, nobody will ever finish it."""
        with self._lock:
            self._abandoned = not self._taken
        self._through()
        if self._abandoned:
            self._through()

    def _through(self) -> None:
        self._sides -= 1
        if self._sides == 0:
            self._loop.arrive(self._work)


def count_worker_threads() -> None:
    """Count anyio's worker threads, which Starlette runs synchronous endpoints in, on every `CountingLoop`.

    Other loops notice nothing. It replaces one private method of anyio, for there is no public seam.

    Raises:
        RuntimeError: this version of anyio has no such method.
    """
    from anyio._backends import _asyncio as backend

    original = getattr(backend.AsyncIOBackend, "run_sync_in_worker_thread", None)
    if original is None:
        raise RuntimeError(
            "anyio no longer has AsyncIOBackend.run_sync_in_worker_thread, by which the harness counts worker threads. "
            "Install an older anyio, or a newer jararaca."
        )
    if not getattr(original, "counts_threads", False):
        backend.AsyncIOBackend.run_sync_in_worker_thread = classmethod(_counted(original.__func__))  # type: ignore[assignment,method-assign] # the seam


def _counted(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def run_sync_in_worker_thread(
        cls: Any, func: Callable[..., Any], args: Any, abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, CountingLoop):
            return await original(cls, func, args, abandon_on_cancel, limiter)
        # Waiting for the limiter is no outside work: whoever holds a place is counted, or a task of this loop.
        async with limiter or cls.current_default_thread_limiter():
            job = Job(loop, func, args)
            try:
                return await original(cls, job, args, abandon_on_cancel, cls.create_capacity_limiter(float("inf")))
            finally:
                job.awaited()

    run_sync_in_worker_thread.counts_threads = True  # type: ignore[attr-defined] # so that it is done once
    return run_sync_in_worker_thread
