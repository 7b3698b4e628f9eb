"""What a broker shows: the values in which two brokers are compared, and the words for where they differ."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jararaca.ports.broker import Binding, Envelope
from jararaca_testing.differential.management import as_told
from jararaca_testing.differential.operations import CONNECTION_OF

DIED = "<the time of the death>"
"""Stands for the times in x-death: two servers have two clocks."""


@dataclass(frozen=True, slots=True)
class Content:
    """A message as it arrives: where it was published, and all its properties and headers."""

    exchange: str
    routing_key: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message for a consumer. `tag` counts per channel, from 1."""

    consumer: str
    tag: int
    redelivered: bool
    content: Content


@dataclass(frozen=True, slots=True)
class ReturnedMessage:
    """A mandatory message that came back."""

    code: int
    text: str
    content: Content


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The server's word for the publish with this number, from 1: taken, or refused."""

    number: int
    taken: bool


@dataclass(frozen=True, slots=True)
class CancelledByServer:
    """A consumer ended because its queue did."""

    consumer: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed a channel, or the `whole_connection`; why, in its own code and text."""

    code: int
    text: str
    whole_connection: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a synchronous method was answered: its name, as in `queue.declare-ok`, and what it carries."""

    method: str
    fields: tuple[Any, ...] = ()


Event = Delivered | ReturnedMessage | Confirmed | CancelledByServer | Closed | Answer


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Messages that are ready, and consumers; `unacked` where the system can tell, else None."""

    ready: int
    consumers: int
    unacked: int | None = None


@dataclass(slots=True)
class Observation:
    """Everything that became visible in one step: events per channel in the order of arrival, and every queue.

    `bindings` are all of them, or None if the system does not tell.
    """

    events: dict[int, list[Event]] = field(default_factory=dict)
    queues: dict[str, QueueCounts] = field(default_factory=dict)
    bindings: list[Binding] | None = None

    def add(self, channel: int, event: Event) -> None:
        self.events.setdefault(channel, []).append(event)

    def deliveries(self, channel: int) -> list[Delivered]:
        return [event for event in self.events.get(channel, ()) if isinstance(event, Delivered)]

    def lines(self, *, tags: bool = True, bindings: bool = True) -> list[str]:
        """One line per fact, in an order that does not depend on what the protocol leaves open.

        AMQP promises order per consumer, and a return before the confirm of the same publish. Across consumers of one
        channel the queues race, so tags are shown only if `tags` says that there was no race. `bindings` are shown if
        they are known.
        """
        shown: list[str] = []
        for channel, events in sorted(_without_last_words(self.events).items()):
            by_kind: dict[str, list[str]] = {}
            several = (
                sum(isinstance(event, Confirmed) for event in events) > 1
            )  # the confirms of several publishes race
            for event in sorted(events, key=_number) if several else events:
                stream, text = _told(event, tags=tags)
                by_kind.setdefault(stream, []).append(f"channel {channel}: {text}")
            shown += [line for stream in sorted(by_kind) for line in by_kind[stream]]
        for name, counts in sorted(self.queues.items()):
            shown.append(f"queue {name}: {counts.ready} ready, {counts.consumers} consumers")
        return shown + sorted(map(_bound, self.bindings or ())) if bindings else shown


def _without_last_words(events: Mapping[int, list[Event]]) -> dict[int, list[Event]]:
    """Leave out deliveries on a channel that died in the same step: they race with its end, and nobody settles them."""
    dead = {channel for channel in events if any(isinstance(event, Closed) for event in events[channel])}
    for channel in tuple(dead):
        if any(isinstance(event, Closed) and event.whole_connection for event in events[channel]):
            dead |= {each for each, connection in CONNECTION_OF.items() if connection == CONNECTION_OF[channel]}
    return {
        channel: [event for event in heard if channel not in dead or not isinstance(event, Delivered)]
        for channel, heard in events.items()
    }


def _number(event: Event) -> int:
    return event.number if isinstance(event, Confirmed) else 0


def raced(observation: Observation) -> bool:
    """Whether more than one consumer of one channel got something, so that the order of tags is open."""
    return any(len({event.consumer for event in observation.deliveries(channel)}) > 1 for channel in observation.events)


def difference(model: Observation, server: Observation) -> str | None:
    """What differs, as a diff from the server (-) to the model (+); None if nothing does."""
    tags = not (raced(model) or raced(server))
    bindings = None not in (model.bindings, server.bindings)
    theirs, ours = (each.lines(tags=tags, bindings=bindings) for each in (server, model))
    if theirs == ours:
        return None
    return "\n".join(line for line in difflib.ndiff(theirs, ours) if not line.startswith("?"))


def without_times(content: Content) -> Content:
    """The same content with the times of its deaths made equal."""
    deaths = content.envelope.headers.get("x-death")
    if not isinstance(deaths, list):
        return content
    headers = {**content.envelope.headers, "x-death": [_timeless(death) for death in deaths]}
    return Content(content.exchange, content.routing_key, content.envelope._replace(headers=headers))


def renamed_event(event: Event, name: Callable[[Any], Any]) -> Event:
    """The same event with every text in it passed through `name`."""
    return type(event)(*(_mapped(getattr(event, each), name) for each in event.__slots__))


def renamed_binding(binding: Binding, name: Callable[[Any], Any]) -> Binding:
    """The same binding with every text in it passed through `name`."""
    return Binding(*(_mapped(getattr(binding, each), name) for each in binding.__slots__))


def _mapped(value: Any, name: Callable[[Any], Any]) -> Any:
    if isinstance(value, Content):
        return Content(*(_mapped(getattr(value, each), name) for each in value.__slots__))
    if isinstance(value, Envelope):
        return Envelope(*(_mapped(each, name) for each in value))
    if isinstance(value, Mapping):
        return {_mapped(key, name): _mapped(each, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mapped(each, name) for each in value)
    return name(value) if isinstance(value, str) else value


def _timeless(death: Any) -> Any:
    if isinstance(death, dict) and isinstance(death.get("time"), datetime):
        return {**death, "time": DIED}
    return death


def _told(event: Event, *, tags: bool) -> tuple[str, str]:
    """The stream in which the order of an event counts, and its text."""
    match event:
        case Delivered():
            tag = f" with tag {event.tag}" if tags else ""
            again = " again" if event.redelivered else ""
            return f"d {event.consumer}", f"delivered to {event.consumer}{tag}{again}: {_content(event.content)}"
        case ReturnedMessage():
            return "b", f"returned {event.code} {event.text}: {_content(event.content)}"
        case Confirmed():
            return "b", f"publish {event.number} {'confirmed' if event.taken else 'refused'}"
        case CancelledByServer():
            return f"c {event.consumer}", f"consumer {event.consumer} cancelled by the server"
        case Closed():
            what = "connection" if event.whole_connection else "channel"
            return "e", f"{what} closed: {event.code} {event.text}"
        case Answer():
            return "a", " ".join([event.method, *map(_field, event.fields)])


def _bound(binding: Binding) -> str:
    arguments = f" {_shown(as_told(binding.arguments))}" if binding.arguments else ""
    to = f"{binding.destination_type} {binding.destination}"
    return f"binding of {binding.source} to {to}: {binding.routing_key!r}{arguments}"


def _field(value: Any) -> str:
    return _content(value) if isinstance(value, Content) else _shown(value)


def _content(content: Content) -> str:
    given = [
        f"{name}={_shown(value)}"
        for name, value in zip(Envelope._fields, content.envelope, strict=True)
        if value != Envelope._field_defaults.get(name)
    ]
    return f"{content.exchange!r} {content.routing_key!r} {' '.join(given)}"


def _shown(value: Any) -> str:
    """Tables in the order of their keys, which AMQP does not promise; types apart where `==` would join them."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_shown(value[key])}' for key in sorted(value))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
