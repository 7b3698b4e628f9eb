"""Carries out a topology on a broker, or sees whether it is there."""

from collections.abc import Awaitable, Iterator

from jararaca.errors import BrokerUnavailable, ChannelClosed, Difference
from jararaca.messagebus.config import TopologyMode
from jararaca.messagebus.mismatch import Refused, mismatch
from jararaca.messagebus.topology import Topology
from jararaca.ports.broker import Broker, Exchange, Queue
from jararaca.ports.clock import Clock

ANSWER_WITHIN = 10.0
"""Seconds that a broker may take to answer one request; after that the connection is given up."""


async def declare(broker: Broker, topology: Topology, *, mode: TopologyMode, clock: Clock) -> None:
    """Bring all of `topology` about; or with `passive` see that its exchanges and queues exist, and with `verify` that
    they exist as they are in it.

    Everything that differs is told at once. From the first difference on nothing is declared any more.

    Raises:
        TopologyMismatch: something exists with other arguments, or is missing and may not be declared.
        ChannelClosed: the broker refuses for another reason, such as missing permissions.
        BrokerUnavailable: the connection was lost, or the broker did not answer in time.
    """
    declaring = _Declaring(broker, clock)
    for part in _parts(topology):
        makes_it = mode == "declare" and not declaring.differences
        if makes_it or (await declaring.exists(part) and mode != "passive"):
            await declaring.bring_about(part)
    if mode == "declare":
        declaring.missing.clear()
    declaring.conclude(mode)
    if mode == "declare":  # AMQP has no way to look at a binding
        for binding in topology.bindings:
            await declaring.answered(broker.bind(binding), "queue", binding.destination)


async def look(broker: Broker, topology: Topology, *, mode: TopologyMode, clock: Clock) -> None:
    """See that all of `topology` but its bindings exists as it is in it, and change nothing, whatever `mode` is.

    Raises:
        TopologyMismatch: something differs or is missing; the text says what a start with this `mode` does about it.
        ChannelClosed, BrokerUnavailable: as `declare`.
    """
    looking = _Declaring(broker, clock)
    for part in _parts(topology):
        if await looking.exists(part):
            await looking.bring_about(part)
    looking.conclude(mode)


def _parts(topology: Topology) -> Iterator[Exchange | Queue]:
    yield from topology.exchanges
    yield from topology.queues


class _Declaring:
    """One pass over a topology, and what was found wrong in it."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self.differences: list[Difference] = []
        self.missing: list[tuple[str, str]] = []

    async def exists(self, part: Exchange | Queue) -> bool:
        """Whether it is there, with whatever arguments."""
        kind = _kind(part)
        look = self._broker.inspect_queue if isinstance(part, Queue) else self._broker.inspect_exchange
        try:
            await self.answered(look(part.name), kind, part.name)
        except ChannelClosed as refusal:
            if refusal.code != 404:
                raise
            self.missing.append((kind, part.name))
            return False
        return True

    async def bring_about(self, part: Exchange | Queue) -> None:
        """Declare it. A broker names one difference and refuses: it is conceded, until there is none left.

        Nothing is made by this, because what differs exists; if somebody deletes it meanwhile, it is as it was before.
        """
        declared: Exchange | Queue | None = part
        while declared is not None:
            try:
                await self.answered(self._declare(declared), _kind(part), part.name)
            except ChannelClosed as refusal:
                if (refused := Refused.read(refusal)) is None:
                    raise
                declared = self._note(refused, declared)
            else:
                return

    def conclude(self, mode: TopologyMode) -> None:
        """Raise what was found, if anything was."""
        if self.differences or self.missing:
            raise mismatch(self.differences, self.missing, mode)

    def _note(self, refused: Refused, declared: Exchange | Queue) -> Exchange | Queue | None:
        """Note what differs; what to declare instead, or None if the broker did not take what was conceded."""
        found = refused.difference
        if any((each.name, each.argument) == (found.name, found.argument) for each in self.differences):
            return None
        self.differences.append(found)
        return refused.conceded(declared)

    def _declare(self, part: Exchange | Queue) -> Awaitable[object]:
        return self._broker.declare_queue(part) if isinstance(part, Queue) else self._broker.declare_exchange(part)

    async def answered(self, request: Awaitable[object], kind: str, name: str) -> None:
        """Await a request about something; a refusal of permission says what it was about."""
        try:
            async with self._clock.timeout(ANSWER_WITHIN):
                await request
        except ChannelClosed as error:
            if error.code == 404 or Refused.read(error) is not None:
                raise
            raise ChannelClosed(
                error.code,
                f"{error.text} (when declaring the {kind} {name!r}). Give the broker's user the permission to "
                'configure, write and read it, or declare it with another user and set topology="passive".',
            ) from error
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"the broker did not answer for the {kind} {name!r} within {ANSWER_WITHIN:g} s. See whether it is "
                "overloaded, blocked or recovering."
            ) from error


def _kind(part: Exchange | Queue) -> str:
    return "queue" if isinstance(part, Queue) else "exchange"
