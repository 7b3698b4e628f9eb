"""How a harness test fails when the application does not come to rest, or reaches out of the process.

    AssertionError
    ├── NotSettled            something still moves when a bound is reached
    ├── Deadlock              nothing can wake the test
    │   └── PatienceSpent     only time beyond the test's patience could
    ├── HandlerFailed         a handler raised what the test did not expect
    ├── HungThread            work outside of the loop does not come back
    ├── CrashesFound          a process that dies somewhere breaks the invariant of the test
    ├── NowhereToCrash        a scenario comes to nothing that outlives a process
    ├── NotIdempotent         a message that was delivered twice did more than once
    ├── ForeignPeer           the test reached for a socket or a program
    └── UnfinishedTasks       tasks refuse to end with the test

They are assertion errors, so that a handler in which one is raised is not retried and the test fails at once.
"""


class NotSettled(AssertionError):
    """Something still moves, although the test asked for rest; `moving` names it."""

    def __init__(self, message: str, *, moving: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.moving = moving


class Deadlock(AssertionError):
    """Nothing can ever wake the test. The text shows each blocked task, where it stands and what it waits for."""


class PatienceSpent(Deadlock):
    """The test awaits something that does not come within its patience, in virtual seconds."""


class HandlerFailed(AssertionError):
    """A handler or action raised what the test did not expect, or failed an assertion; the first one is the cause."""


class GatesClosed(AssertionError):
    """An application left behind, or did in the wrong order, what its test neither looked at nor announced."""


class CrashesFound(AssertionError):
    """An invariant does not hold wherever a process dies; `points` says where it does not."""

    def __init__(self, message: str, *, points: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.points = points


class NowhereToCrash(AssertionError):
    """A scenario comes to no durable boundary: a process that dies in it shows nothing."""


class NotIdempotent(AssertionError):
    """A message that was delivered twice changed something the second time; the text says what."""


class HungThread(AssertionError):
    """Work outside of the loop did not come back within a limit of real seconds; `names` lists it."""

    def __init__(self, message: str, *, names: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.names = names


class ForeignPeer(AssertionError):
    """Under virtual time the test reached for somebody whose time is real; `peer` names them."""

    def __init__(self, message: str, *, peer: str) -> None:
        super().__init__(message)
        self.peer = peer


class UnfinishedTasks(AssertionError):
    """Tasks that swallow their cancellation outlived the test; `names` lists them."""

    def __init__(self, message: str, *, names: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.names = names
