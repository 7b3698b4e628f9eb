"""Threads for blocking calls that cannot keep the process alive.

The standard pool's threads are joined when the interpreter exits, so one test that hung in a thread would hang the
whole run at its end, after having been reported. These are daemons.
"""

import concurrent.futures
import itertools
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Job = tuple["concurrent.futures.Future[Any]", Callable[[], Any]]


class DaemonThreads(concurrent.futures.Executor):
    """A pool of daemon threads that grows when nobody is free, up to `most`, or asyncio's own number."""

    def __init__(self, most: int | None = None) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._free = threading.Semaphore(0)
        self._most = most or min(32, (os.cpu_count() or 1) + 4)
        self._numbers = itertools.count()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "concurrent.futures.Future[T]":
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._jobs.put((future, lambda: fn(*args, **kwargs)))
        if not self._free.acquire(blocking=False) and len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"asyncio_{next(self._numbers)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _carry_out(*job)
            del job
            self._free.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let every thread end once it is free; with `wait`, return when all have."""
        while cancel_futures and not self._jobs.empty():
            future, _call = self._jobs.get() or (None, None)
            if future is not None:
                future.cancel()
        threads, self._threads = self._threads, []
        for _thread in threads:
            self._jobs.put(None)
        for thread in threads if wait else ():
            thread.join()


def _carry_out(future: "concurrent.futures.Future[Any]", call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 # it belongs to whoever awaits the future
        future.set_exception(error)
    else:
        future.set_result(result)
