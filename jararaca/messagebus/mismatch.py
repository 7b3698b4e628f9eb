"""What a broker means that refuses a declaration, and what to do about it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from jararaca.errors import ChannelClosed, Difference, TopologyMismatch
from jararaca.messagebus.config import TopologyMode
from jararaca.ports.broker import Exchange, Queue

_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for (?P<kind>queue|exchange) '(?P<name>[^']*)' in vhost '[^']*': "
    r"received (?P<ours>.+?) but current is (?P<server>.+)"
)
_VALUE = re.compile(r"(?:the value )?'(?P<value>.*?)'(?: of type '(?P<type>[^']+)')?")
_PROPERTIES = {"durable": "durable", "auto_delete": "auto_delete", "internal": "internal", "type": "type"}
_SETTINGS = {"x-delivery-limit": "JARARACA_DELIVERY_LIMIT", "x-queue-type": "JARARACA_QUEUE_TYPE"}
"""The arguments that an operator decides about."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An argument over which the broker refused a declaration; `type` is that of the server's value, if it says so."""

    difference: Difference
    type: str | None

    @classmethod
    def read(cls, error: ChannelClosed) -> "Refused | None":
        """What RabbitMQ says; None if it refused for another reason."""
        found = _INEQUIVALENT.search(error.text) if error.code == 406 else None
        if found is None:
            return None
        server, type_name = _value(found["server"])
        ours, _ = _value(found["ours"])
        return cls(Difference(found["kind"], found["name"], found["argument"], server, ours), type_name)

    def conceded(self, declared: Queue | Exchange) -> Queue | Exchange | None:
        """What was declared with the server's own value in it; None if that cannot be told."""
        argument, text = self.difference.argument, self.difference.server
        changes: dict[str, Any]
        if (name := _PROPERTIES.get(argument)) is not None:
            changes = {name: text if argument == "type" else text == "true"}
        elif text is None:
            changes = {"arguments": {key: kept for key, kept in declared.arguments.items() if key != argument}}
        else:
            value = _typed(text, self.type, declared.arguments.get(argument))
            changes = {"arguments": {**declared.arguments, argument: value}}
        conceded: Queue | Exchange = replace(declared, **changes)
        return None if conceded == declared else conceded


def _value(text: str) -> tuple[str | None, str | None]:
    """Value and type of what RabbitMQ writes as `'10'`, `the value '10' of type 'byte'` or `none`."""
    text = text.strip()
    if text == "none":
        return None, None
    found = _VALUE.fullmatch(text)
    return (found["value"], found["type"]) if found else (text, None)


def _typed(text: str, type_name: str | None, ours: object) -> object:
    if type_name == "longstr" or isinstance(ours, str):
        return text
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def mismatch(
    differences: Sequence[Difference], missing: Sequence[tuple[str, str]], mode: TopologyMode
) -> TopologyMismatch:
    """The error for what was found, with what to do about it; `mode` is what a start does about what is missing."""
    parts = []
    if differences:
        parts.append(
            "the broker has other arguments than this application declares, and nothing was started:\n\n"
            f"{_table(differences)}\n\nThere are three ways out:\n{_ways_out(differences)}"
        )
    if missing:
        parts.append(_absent(missing, mode))
    return TopologyMismatch("\n\n".join(parts), differences=differences, missing=missing)


def in_one_line(error: Exception) -> str:
    """What an error says, for a log: of a topology that differs only what does."""
    said = str(error)
    if isinstance(error, TopologyMismatch):
        differs = [
            f"{each.kind} {each.name}: {each.argument} is {_shown(each.server)} there, {_shown(each.ours)} here"
            for each in error.differences
        ]
        said = "; ".join(differs + [f"{kind} {name} does not exist" for kind, name in error.missing])
    return f"{type(error).__name__}: {' '.join(said.split())}"


def _table(differences: Sequence[Difference]) -> str:
    rows = [("", "argument", "server", "ours")]
    rows += [
        (f"{each.kind} {each.name}", each.argument, _shown(each.server), _shown(each.ours)) for each in differences
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _shown(value: str | None) -> str:
    return "not set" if value is None else value or "''"


def _ways_out(differences: Sequence[Difference]) -> str:
    settings = dict.fromkeys(
        f"{_SETTINGS[each.argument]}={each.server}"
        for each in differences
        if each.argument in _SETTINGS and each.server is not None
    )
    back = f" {' '.join(settings)}" if settings else " no setting has these arguments, so take the release that did"
    names = dict.fromkeys((each.kind, each.name) for each in differences)
    delete = "; ".join(_deletion(kind, name) for kind, name in names)
    other = dict.fromkeys(
        "name= of the handler" if kind == "queue" else "exchange= of the configuration" for kind, _ in names
    )
    return (
        f"  1. Go back to what the server has:{back}.\n"
        f"  2. Let consumers drain it, delete it, and start again, which declares it anew: {delete}.\n"
        f"  3. Take another name, and leave this one behind: {', '.join(other)}."
    )


def _deletion(kind: str, name: str) -> str:
    if kind == "queue":
        return f"rabbitmqctl delete_queue {name}"
    return f"rabbitmqadmin delete exchange name={name}"


def _absent(missing: Sequence[tuple[str, str]], mode: TopologyMode) -> str:
    named = ", ".join(f"the {kind} {name!r}" for kind, name in missing)
    one = len(missing) == 1
    it = "it" if one else "them"
    absent = f"{named} {'does' if one else 'do'} not exist on the broker"
    if mode == "declare":
        return (
            f"{absent}. Each process of the application declares {it} when it starts; `jararaca declare` does it now."
        )
    return (
        f"{absent}, and this application is configured not to declare {it}. Declare {it} with `jararaca declare` and a "
        'user who may, or set topology="declare".'
    )
