"""The arithmetic of dead letters: the x-death record, and when a cycle ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from jararaca.adapters.memory.broker import version

DeathReason = Literal["rejected", "expired", "maxlen", "delivery_limit"]


@dataclass(frozen=True, slots=True)
class Death:
    """One message leaving one queue for its dead-letter exchange. `time` is aware, in whole seconds."""

    queue: str
    reason: DeathReason
    exchange: str
    routing_keys: tuple[str, ...]
    time: datetime
    expiration: str | None = None  # milliseconds, as the publisher wrote them


def with_death(headers: Mapping[str, Any], death: Death) -> dict[str, Any]:
    """The headers after this death: its entry first, one per queue and reason, with a count.

    The others follow newest first as long as there are two; RabbitMQ turns their order around each time it groups them.
    """
    entries = version.recorded_deaths(headers)
    known = (entries or [])[::-1]
    same = [entry for entry in known if _is_of(entry, death)]
    others = [entry for entry in known if not _is_of(entry, death)]
    newest = {**same[0], "count": _count_of(same[0]) + 1} if same else _entry(death)
    updated = {**headers, "x-death": [newest, *others]}
    if entries is None:
        updated.update(version.first_death(death.queue, death.reason, death.exchange))
    return updated


def is_cycle(queue: str, headers: Mapping[str, Any]) -> bool:
    """Whether the dead letter has been in `queue` before, and came round without anybody rejecting it."""
    since: list[Any] = []
    for entry in version.recorded_deaths(headers) or ():
        since.append(entry)
        if _field(entry, "queue") == queue:
            return not any(_field(each, "reason") == "rejected" for each in since)
    return False


def _entry(death: Death) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "count": 1,
        "exchange": death.exchange,
        "queue": death.queue,
        "reason": death.reason,
        "routing-keys": list(death.routing_keys),
        "time": death.time,
    }
    if death.expiration is not None:
        entry["original-expiration"] = death.expiration
    return entry


def _is_of(entry: Any, death: Death) -> bool:
    return (_field(entry, "queue"), _field(entry, "reason")) == (death.queue, death.reason)


def _field(entry: Any, name: str) -> Any:
    return entry.get(name) if isinstance(entry, dict) else None


def _count_of(entry: Mapping[str, Any]) -> int:
    count = entry.get("count")
    return count if isinstance(count, int) else 0
