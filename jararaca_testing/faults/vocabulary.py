"""The `faults` fixture: what may go wrong between the application and its servers, declared by the test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Protocol

from jararaca.errors import InvalidOption
from jararaca_testing.clock import VirtualClock
from jararaca_testing.faults.boundaries import Phase, check_kind
from jararaca_testing.faults.process import SERVERS, Process, Server, Watch
from jararaca_testing.faults.rules import Fault, Rules, about
from jararaca_testing.gates.findings import Finding
from jararaca_testing.origins import caller

Moment = Literal["publish", "confirm", "delivery", "ack"]
POINTS = {"publish": "publish", "confirm": "publish", "delivery": "delivery", "ack": "ack"}


class OfProcess(Protocol):
    """What stands for a process, such as a replica of a cluster."""

    @property
    def process(self) -> Process: ...


class Partition:
    """Servers that cannot be reached, until `heal()`; as a context manager, for the length of a block."""

    def __init__(self, fault: Fault, processes: Sequence[Process], servers: Sequence[Server]) -> None:
        self.fault = fault
        self._processes = processes
        for process in processes:
            for server in servers:
                process.cut(server, fault)

    def heal(self) -> None:
        """Let the servers be reached again. A second time has no effect."""
        for process in self._processes:
            process.heal(self.fault)

    def __enter__(self) -> "Partition":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()


class Faults:
    """Declares faults. Each befalls the next operation that it is about, unless `after` or `times` says otherwise.

    A topic may be a pattern with `*` and `#`; None is every topic. `on` is a replica of a cluster to which the fault is
    confined. A fault that is never reached fails the test.
    """

    def __init__(self, clock: VirtualClock, rules: Rules | None = None) -> None:
        self._clock = clock
        self._rules = rules if rules is not None else Rules()
        self._processes: list[Process] = []
        self._are_optional = False
        self.watches: list[Watch] = []
        """Told of every boundary; see `Watch`."""

    def process(self, name: str, role: str, *, is_of_test: bool = False) -> Process:
        """A process that faults may befall."""
        process = Process(name, role, self._rules, self.watches, is_of_test=is_of_test)
        self._processes.append(process)
        return process

    # -- messages

    def drop(self, topic: str | None = None, *, on: OfProcess | None = None, after: int = 0, times: int = 1) -> Fault:
        """Lose a publish on its way: no queue gets it, and no confirm ever comes."""
        return self._declare("drop", "publish", topic, on, after=after, times=times)

    def lose_confirm(
        self, topic: str | None = None, *, on: OfProcess | None = None, after: int = 0, times: int = 1
    ) -> Fault:
        """Lose the broker's answer to a publish: queues have the message, and its publisher never knows."""
        return self._declare("lose confirm", "publish", topic, on, after=after, times=times)

    def duplicate(
        self, topic: str | None = None, *, on: OfProcess | None = None, after: int = 0, times: int = 1
    ) -> Fault:
        """Let a publish arrive twice, under one message id."""
        return self._declare("duplicate", "publish", topic, on, after=after, times=times)

    def delay(
        self,
        topic: str | None = None,
        *,
        by: float,
        on: OfProcess | None = None,
        after: int = 0,
        times: int = 1,
    ) -> Fault:
        """Hold a delivery up by so many seconds. It is under way meanwhile: settling waits for it.

        Raises:
            InvalidOption: `by` is not above 0.
        """
        if not by > 0:
            raise InvalidOption(f"faults.delay(by={by}) delays nothing. Use seconds above 0.")
        return self._declare("delay", "delivery", topic, on, after=after, times=times, seconds=by)

    def reorder(
        self, topic: str | None = None, *, on: OfProcess | None = None, after: int = 0, times: int = 1
    ) -> Fault:
        """Let the next delivery to the same consumer overtake this one; after a second it comes anyway."""
        return self._declare("reorder", "delivery", topic, on, after=after, times=times)

    def disconnect(
        self,
        at: Moment,
        topic: str | None = None,
        *,
        on: OfProcess | None = None,
        after: int = 0,
        times: int = 1,
    ) -> Fault:
        """Lose the connection to the broker, which can be reached again at once.

        Args:
            at: `publish`, before the message has arrived; `confirm`, when it has and nobody knows; `delivery`, before
                the handler sees it; `ack`, before the acknowledgement has arrived.

        Raises:
            InvalidOption: there is no such moment.
        """
        if at not in POINTS:
            raise InvalidOption(f"faults.disconnect({at!r}): there is no such moment. There are: {', '.join(POINTS)}.")
        return self._declare(f"disconnect at {at}", POINTS[at], topic, on, after=after, times=times)

    # -- databases

    def fail_commit(
        self,
        of: str | None = None,
        *,
        unknown: bool = False,
        on: OfProcess | None = None,
        after: int = 0,
        times: int = 1,
    ) -> Fault:
        """Let a commit that has something to write fail.

        Args:
            of: the name of the handler or action, or the route, whose unit of work it is; any unless given.
            unknown: commit, and lose the connection before the answer: who commits does not know.
        """
        act = "lose the answer of a commit" if unknown else "fail commit"
        return self._declare(act, "commit", of, on, after=after, times=times)

    # -- servers and clocks

    def partition(self, *servers: Server, on: OfProcess | None = None) -> Partition:
        """Cut processes off from servers at once, until it is healed; open connections are lost.

        Without `on` every process of the application is cut off; the test itself never is.

        Raises:
            InvalidOption: no server is named, or one that there is not.
        """
        if not servers or set(servers) - set(SERVERS):
            raise InvalidOption(f"faults.partition{servers}: name servers out of {', '.join(SERVERS)}.")
        text = f"partition({', '.join(map(repr, servers))}{_where(on)})"
        fault = self._add(Fault(text, "partition", lambda _meeting: False, place=caller()))
        return Partition(fault, self._of(on), servers)

    def step_clock(self, seconds: float, *, on: OfProcess | None = None) -> None:
        """Step the wall time at once, as a time server does: nobody is told, and no timer moves.

        With `on` only that replica's `Clock` steps; `datetime.now()` is the same in all of them.
        """
        if on is None:
            self._clock.step(seconds)
        else:
            on.process.skew += seconds

    # -- processes

    def kill(
        self,
        on: OfProcess,
        at: str,
        what: str | None = None,
        *,
        phase: Phase = "before",
        after: int = 0,
    ) -> Fault:
        """Let a replica die at a boundary: not one instruction of it runs afterwards.

        Args:
            at: `publish`, `copy`, `confirm`, `mark`, `commit`, `ack`, `claim` or `lease`.
            what: the topic, queue, handler or action that it is about; any unless given.
            phase: `before` it, or `after` a commit, claim or lease.

        Raises:
            InvalidOption: there is no such boundary.
        """
        check_kind(at, phase)
        text = f"kill({at!r}{'' if what is None else f', {what!r}'}, phase={phase!r}{_where(on)})"
        fits = about(f"{phase} {at}", what, [on.process])
        return self._add(Fault(text, "kill", fits, after=after, place=caller()))

    @contextmanager
    def optional(self) -> Iterator[None]:
        """Let the faults that are declared in a block stay unreached: chance decides whether they are."""
        before, self._are_optional = self._are_optional, True
        try:
            yield
        finally:
            self._are_optional = before

    # -- for the harness

    def findings(self) -> list[Finding]:
        """The faults that were never reached."""
        return self._rules.findings()

    def _declare(
        self,
        act: str,
        point: str,
        what: str | None,
        on: OfProcess | None,
        *,
        after: int,
        times: int,
        seconds: float = 0.0,
    ) -> Fault:
        if after < 0 or times < 1:
            raise InvalidOption(f"a fault with after={after}, times={times} befalls nothing. Use 0 or more, 1 or more.")
        text = f"{act} of {what or 'anything'}{_where(on)}"
        processes = [] if on is None else [on.process]
        return self._add(Fault(text, act, about(point, what, processes), after, times, seconds, caller()))

    def _add(self, fault: Fault) -> Fault:
        fault.is_optional = self._are_optional
        return self._rules.add(fault)

    def _of(self, on: OfProcess | None) -> list[Process]:
        return [each for each in self._processes if not each.is_of_test] if on is None else [on.process]


def _where(on: OfProcess | None) -> str:
    return "" if on is None else f", on {on.process.name}"
