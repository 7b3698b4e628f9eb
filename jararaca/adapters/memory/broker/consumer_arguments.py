"""The arguments of consumers: which are modelled, which RabbitMQ refuses, and what they mean."""

from collections.abc import Mapping
from typing import Any

from jararaca.adapters.memory.broker.refusals import precondition
from jararaca.adapters.memory.broker.tables import type_name
from jararaca.errors import NotEmulated

CONSUMER_ARGUMENTS = ("x-priority", "x-cancel-on-ha-failover")
"""The modelled arguments. There is no failover in a model of one node."""


def consumer_priority(arguments: Mapping[str, Any], queue: str, *, quorum: bool) -> int:
    """Check what a consumer of `queue` asks for. Returns its priority.

    Raises:
        ChannelClosed: 406, RabbitMQ refuses an argument.
        NotEmulated: RabbitMQ may accept it, this model does not have it.
    """
    priority = arguments.get("x-priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise _invalid("x-priority", queue, f'"expected integer, got {type_name(priority)}"')
    failover = arguments.get("x-cancel-on-ha-failover", False)
    if not quorum and not isinstance(failover, bool):
        raise _invalid("x-cancel-on-ha-failover", queue, f"{{unacceptable_type,{type_name(failover)}}}")
    for name in arguments:
        if name == "x-stream-offset" or (quorum and name == "x-cancel-on-ha-failover"):
            kind = "quorum" if quorum else "classic"
            where = f"for queue '{queue}' in vhost '/' of queue type rabbit_{kind}_queue"
            raise precondition(f"invalid arg '{name}' {where}")
        if name.startswith("x-") and name not in CONSUMER_ARGUMENTS:
            raise NotEmulated(f"the argument {name!r} of a consumer of queue {queue!r}")
    return priority


def _invalid(name: str, queue: str, reason: str) -> Exception:
    return precondition(f"invalid arg '{name}' for queue '{queue}' in vhost '/': {reason}")
