"""Carries out a topology on a broker, and says what to do when the broker has something else already."""

import re
from collections.abc import Awaitable, Sequence

from jararaca.errors import BrokerUnavailable, ChannelClosed, JararacaError, TopologyMismatch
from jararaca.messagebus.config import TopologyMode
from jararaca.messagebus.topology import Topology
from jararaca.ports.broker import Broker
from jararaca.ports.clock import Clock

ANSWER_WITHIN = 10.0
"""Seconds that a broker may take to answer one request; after that the connection is given up."""

_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for (?P<kind>queue|exchange) '(?P<name>[^']*)' in vhost '[^']*': "
    r"received (?P<ours>.+?) but current is (?P<server>.+)"
)
_VALUE = re.compile(r"(?:the value )?'(?P<value>.*?)'(?: of type '[^']+')?")


async def declare(broker: Broker, topology: Topology, *, mode: TopologyMode, clock: Clock) -> None:
    """Bring all of `topology` about, or with `passive` see that its exchanges and queues exist.

    Raises:
        TopologyMismatch: something exists with other arguments, or is missing and may not be declared.
        ChannelClosed: the broker refuses for another reason, such as missing permissions.
        BrokerUnavailable: the connection was lost, or the broker did not answer in time.
    """
    if mode == "passive":
        await _look(broker, topology, clock)
        return
    for exchange in topology.exchanges:
        await _answered(broker.declare_exchange(exchange), "exchange", exchange.name, clock)
    for queue in topology.queues:
        await _answered(broker.declare_queue(queue), "queue", queue.name, clock)
    for binding in topology.bindings:
        await _answered(broker.bind(binding), "queue", binding.destination, clock)


async def _look(broker: Broker, topology: Topology, clock: Clock) -> None:
    """See that everything is there but bindings: AMQP has no way to look at those."""
    missing: list[tuple[str, str]] = []
    for kind, names, inspect in (
        ("exchange", [exchange.name for exchange in topology.exchanges], broker.inspect_exchange),
        ("queue", [queue.name for queue in topology.queues], broker.inspect_queue),
    ):
        for name in names:
            try:
                await _answered(inspect(name), kind, name, clock)
            except TopologyMismatch:
                missing.append((kind, name))
    if missing:
        raise absent(missing)


async def _answered(request: Awaitable[object], kind: str, name: str, clock: Clock) -> None:
    try:
        async with clock.timeout(ANSWER_WITHIN):
            await request
    except ChannelClosed as error:
        raise explained(error, kind, name) from error
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"the broker did not answer for the {kind} {name!r} within {ANSWER_WITHIN:g} s. See whether it is "
            "overloaded, blocked or recovering."
        ) from error


def explained(error: ChannelClosed, kind: str, name: str) -> JararacaError:
    """The broker's refusal of a declaration, with what to do about it."""
    if error.code == 406 and (found := _INEQUIVALENT.search(error.text)):
        return _mismatch(
            found["kind"], found["name"], found["argument"], _value(found["server"]), _value(found["ours"])
        )
    if error.code == 404:
        return absent([(kind, name)])
    return ChannelClosed(
        error.code,
        f"{error.text} (when declaring the {kind} {name!r}). Give the broker's user the permission to configure, write "
        'and read it, or declare it with another user and set topology="passive".',
    )


def absent(missing: Sequence[tuple[str, str]]) -> TopologyMismatch:
    """What to do about what is not there and may not be declared; `missing` has kinds and names."""
    named = ", ".join(f"the {kind} {name!r}" for kind, name in missing)
    one = len(missing) == 1
    return TopologyMismatch(
        f"{named} {'does' if one else 'do'} not exist on the broker, and this application is configured not to declare "
        f'{"it" if one else "them"}. Declare {"it" if one else "them"} with a user who may, or set topology="declare".',
        name=missing[0][1],
    )


def _mismatch(kind: str, name: str, argument: str, server: str | None, ours: str | None) -> TopologyMismatch:
    return TopologyMismatch(
        f"the {kind} {name!r} exists with other arguments than this application declares: {argument} is "
        f"{server or 'not set'} on the server, and {ours or 'not set'} here. Change the configuration back to what the "
        f"server has; or drain the {kind} and delete it, so that it is declared anew; or use another name "
        f"({'name= of the handler' if kind == 'queue' else 'exchange='}).",
        name=name,
        argument=argument,
        server=server,
        ours=ours,
    )


def _value(text: str) -> str | None:
    """What RabbitMQ writes as `'10'`, `the value '10' of type 'byte'` or `none`."""
    text = text.strip()
    if text == "none":
        return None
    found = _VALUE.fullmatch(text)
    return found["value"] if found else text
