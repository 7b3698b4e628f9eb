"""What differs between versions of RabbitMQ, as 3.10 has it: another version would be other answers in this file.

Each answer names its row of the list of behaviours, and what is known of version 4 from its release notes. None of that
was measured; so nothing here is a switch.
"""

from collections.abc import Mapping
from typing import Any

ACK_TIMEOUT = 1800.0
"""RMQ-38: seconds that a delivery may stay unacked, by default."""

DELIVERY_LIMIT: int | None = None
"""RMQ-30: the limit of a quorum queue that declares none. Version 4: 20."""

REFUSED_BY_QUORUM = ("x-max-priority",)
"""RMQ-58: arguments that a quorum queue does not take. Version 4 has two priorities, without this argument either."""


def exclusive_is_alone(*, quorum: bool) -> bool:
    """Whether an exclusive consumer keeps others out of its queue. Of a quorum queue it does not."""
    return not quorum


def leaves_first_when_refused(delivery_limit: int | None) -> bool:
    """RMQ-30: whether a quorum queue puts what a consumer refused before its new messages, or behind them as if new.

    Without a limit the latter lets it cut its log. Version 4 always has a limit.
    """
    return delivery_limit is not None


def count_after_return(count: int) -> int:
    """RMQ-57: how often a quorum queue has had a message back.

    What a lost channel held counts as much as what was refused. Version 4.3 counts less towards the limit.
    """
    return count + 1


def delivery_count(count: int, *, got: bool) -> int | None:
    """RMQ-57: the `x-delivery-count` of a message that came back so often; None: it has none. A get always has one."""
    return count if got or count else None


def recorded_deaths(headers: Mapping[str, Any]) -> list[Any] | None:
    """RMQ-53: the deaths on record; None if there is no record. Version 4 does not read one that a publisher wrote."""
    if "x-death" not in headers:
        return None
    entries = headers["x-death"]
    return entries if isinstance(entries, list) else []


def first_death(queue: str, reason: str, exchange: str) -> dict[str, str]:
    """RMQ-52: the headers of a first death, which later ones leave alone. Version 4 adds those of the last."""
    return {
        "x-first-death-exchange": exchange,
        "x-first-death-queue": queue,
        "x-first-death-reason": reason,
    }
