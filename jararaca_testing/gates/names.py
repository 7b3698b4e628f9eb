"""The gates that stand after every test: what each of them claims, and which of them a test is let through.

Imported with the plugin, so nothing but the standard library is imported here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate, by the name under which a test may be let through, and what it claims."""

    name: str
    claim: str


UNSETTLED = "unsettled"
LEFTOVERS = "leftovers"
DEAD_LETTERS = "dead-letters"
UNROUTABLE = "unroutable"
SETTLED_TWICE = "settled-twice"
ACK_BEFORE_COMMIT = "ack-before-commit"
PUBLISH_WITHOUT_COMMIT = "publish-without-commit"
FRAME_WITHOUT_COMMIT = "frame-without-commit"
SECRETS_IN_LOGS = "secrets-in-logs"
LOOP_STALL = "loop-stall"
PENDING_TASKS = "pending-tasks"
OPEN_CONNECTIONS = "open-connections"
OPEN_SOCKETS = "open-sockets"
UNREACHED_FAULTS = "unreached-faults"

GATES = (
    Gate(UNSETTLED, "the application comes to rest: nothing is being handled, and no message is unacknowledged"),
    Gate(LEFTOVERS, "no message waits in a queue, for another attempt, or for its time"),
    Gate(DEAD_LETTERS, "no message was given up"),
    Gate(UNROUTABLE, "every message that was published reached a queue"),
    Gate(SETTLED_TWICE, "every delivery is settled once"),
    Gate(ACK_BEFORE_COMMIT, "a message is acknowledged after the commit of its unit of work"),
    Gate(PUBLISH_WITHOUT_COMMIT, "what a unit of work publishes leaves after its commit"),
    Gate(FRAME_WITHOUT_COMMIT, "what a unit of work sends to websockets leaves after its commit"),
    Gate(SECRETS_IN_LOGS, "no log record and no step has a secret of the configuration, or a password of a URL"),
    Gate(LOOP_STALL, "no callback holds the loop for more than 0.1 s of CPU, or 1 s in all"),
    Gate(PENDING_TASKS, "no task runs once the application has stopped"),
    Gate(OPEN_CONNECTIONS, "no session or connection of a database is left open"),
    Gate(OPEN_SOCKETS, "no socket is left open"),
    Gate(UNREACHED_FAULTS, "every fault that the test declared was reached"),
)
ALL = frozenset(gate.name for gate in GATES)


class UnknownGate(ValueError):
    """A name that no gate has; the text has the nearest one."""


def check_names(names: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises:
        UnknownGate: one of them is no gate.
    """
    chosen = frozenset(names)
    for name in sorted(chosen - ALL):
        (near,) = get_close_matches(name, sorted(ALL), n=1, cutoff=0.0)
        raise UnknownGate(f"there is no gate {name!r}. Did you mean {near!r}? There are: {', '.join(sorted(ALL))}.")
    return chosen


@lru_cache(maxsize=16)
@lru_cache(maxsize=16)
def standing(chosen: str) -> frozenset[str]:
    """The gates that stand, by the value of the option: `all`, `none`, those named, or all but those after a minus.

    Raises:
        UnknownGate: a name is no gate.
    """
    words = [word.strip() for word in chosen.split(",") if word.strip()]
    left_out = check_names(word[1:] for word in words if word.startswith("-"))
    named = [word for word in words if not word.startswith("-")]
    if named == ["none"]:
        return frozenset()
    return (check_names(named) if named not in ([], ["all"]) else ALL) - left_out
