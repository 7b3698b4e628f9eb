"""What follows from the steps and the deliveries seen: which deliveries are unsettled, and what is there to be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jararaca_testing.differential.observations import Answer, Closed, Delivered, Event, Observation
from jararaca_testing.differential.operations import (
    CONNECTION_OF,
    Ack,
    Cancel,
    CloseChannel,
    Commit,
    Consume,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DropConnection,
    Get,
    Nack,
    Operation,
    Recover,
    Reject,
    Rollback,
    SelectTransaction,
)

GONE = ""
"""Stands for a queue that was deleted: what was delivered from it can still be settled, to no effect."""


@dataclass(slots=True)
class _Channel:
    """One open channel: its consumers with their queues, and the queue of each unsettled delivery by tag."""

    consumers: dict[str, Consume] = field(default_factory=dict)
    unsettled: dict[int, str] = field(default_factory=dict)
    uncommitted: dict[int, str] = field(default_factory=dict)
    transactional: bool = False

    def settle(self, tag: int, *, multiple: bool) -> None:
        tags = [each for each in self.unsettled if each == tag or (multiple and (each < tag or not tag))]
        for each in tags:
            queue = self.unsettled.pop(each)
            if self.transactional:
                self.uncommitted[each] = queue


class Ledger:
    """The books of one example. `note` each step, then `see` what it showed."""

    def __init__(self) -> None:
        self.exchanges: set[str] = set()  # those that were declared; some may have gone by themselves
        self.channels: dict[int, _Channel] = {}
        self._owners: dict[str, int] = {}
        self._declaring: dict[int, str] = {}
        self._getting: dict[int, list[Get]] = {}

    def unsettled(self, channel: int) -> list[int]:
        """The tags of the deliveries that can be settled on a channel."""
        return sorted(self.channels[channel].unsettled) if channel in self.channels else []

    def consumers(self, channel: int) -> list[str]:
        return sorted(self.channels[channel].consumers) if channel in self.channels else []

    def owner_of(self, queue: str) -> int:
        """A channel on which an exclusive queue can be used; 0 for others."""
        return self._owners.get(queue, 0)

    def note(self, operation: Operation) -> None:
        if isinstance(operation, DropConnection):
            for number, connection in CONNECTION_OF.items():
                if connection == CONNECTION_OF[operation.channel]:
                    self.channels.pop(number, None)
            return
        if isinstance(operation, CloseChannel):
            self.channels.pop(operation.channel, None)
            return
        channel = self.channels.setdefault(operation.channel, _Channel())
        match operation:
            case DeclareExchange(passive=False, internal=False):
                self._declaring[operation.channel] = operation.name
            case DeleteExchange(if_unused=False):
                self.exchanges.discard(operation.name)
            case DeclareQueue(exclusive=True):
                self._owners.setdefault(operation.name, operation.channel)
            case Consume():
                channel.consumers[operation.consumer] = operation
            case Get():
                self._getting.setdefault(operation.channel, []).append(operation)
            case _:
                _note_settlement(channel, operation)

    def see(self, observation: Observation) -> None:
        for number, events in observation.events.items():
            for event in events:
                self._see(number, event)
        self._getting.clear()
        self._declaring.clear()
        for channel in self.channels.values():
            for tags in (channel.unsettled, channel.uncommitted):
                tags.update({tag: GONE for tag, queue in tags.items() if queue not in observation.queues})

    def contradiction(self, unacked: Mapping[str, int]) -> str | None:
        """How the number of unacked messages per queue differs from these books; None if it does not."""
        expected = dict.fromkeys(unacked, 0)
        for channel in self.channels.values():
            for queue in (*channel.unsettled.values(), *channel.uncommitted.values()):
                if queue in expected:
                    expected[queue] += 1
        wrong = {queue: (count, unacked[queue]) for queue, count in expected.items() if count != unacked[queue]}
        lines = [
            line
            for queue, (count, ours) in sorted(wrong.items())
            for line in (f"- queue {queue}: {count} unacked", f"+ queue {queue}: {ours} unacked")
        ]
        return "\n".join(lines) or None

    def _see(self, number: int, event: Event) -> None:
        channel = self.channels.get(number)
        match event:
            case Closed(whole_connection=True):
                for each, connection in CONNECTION_OF.items():
                    if connection == CONNECTION_OF[number]:
                        self.channels.pop(each, None)
            case Closed():
                self.channels.pop(number, None)
            case Answer(method="Exchange.DeclareOk") if number in self._declaring:
                self.exchanges.add(self._declaring[number])
            case Delivered() if channel is not None:
                consume = channel.consumers.get(event.consumer)
                if consume is not None and not consume.no_ack:
                    channel.unsettled[event.tag] = consume.queue
            case Answer(method="Basic.GetOk" | "Basic.GetEmpty") if channel is not None and self._getting.get(number):
                get = self._getting[number].pop(0)
                if event.fields and not get.no_ack:
                    channel.unsettled[event.fields[0]] = get.queue
            case Answer(method="Basic.CancelOk") if channel is not None:
                channel.consumers.pop(event.fields[0], None)


def _note_settlement(channel: _Channel, operation: Operation) -> None:
    match operation:
        case Ack() | Nack():
            channel.settle(operation.tag, multiple=operation.multiple)
        case Reject():
            channel.settle(operation.tag, multiple=False)
        case Recover():
            channel.unsettled.clear()
        case SelectTransaction():
            channel.transactional = True
        case Commit():
            channel.uncommitted.clear()
        case Rollback():
            channel.unsettled.update(channel.uncommitted)
            channel.uncommitted.clear()
        case Cancel() | _:
            pass
