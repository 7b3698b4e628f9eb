"""The test harness: pytest fixtures, and the names that tests annotate them with, imported at their first use."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jararaca_testing.bus import Bus
    from jararaca_testing.clock import VirtualClock
    from jararaca_testing.cluster.cluster import Cluster, fresh_cluster
    from jararaca_testing.cluster.plans import PlannedFault, fault_plans, plan_faults
    from jararaca_testing.cluster.replica import Replica
    from jararaca_testing.crashes import crash_everywhere, explore_crashes
    from jararaca_testing.cron import Cron, NextFiring
    from jararaca_testing.database import Snapshot, TestDatabases
    from jararaca_testing.errors import (
        CrashesFound,
        Deadlock,
        GatesClosed,
        HandlerFailed,
        NotIdempotent,
        NotSettled,
        NowhereToCrash,
        PatienceSpent,
    )
    from jararaca_testing.faults.rules import Fault
    from jararaca_testing.faults.vocabulary import Faults
    from jararaca_testing.harness import RunningApplication
    from jararaca_testing.idempotence import assert_idempotent
    from jararaca_testing.overrides import Overrides
    from jararaca_testing.queue_checker import TotalQueue, total_queue
    from jararaca_testing.records import Record, Records
    from jararaca_testing.websocket import WebSocketClient, WebSocketClosed, WebSocketRejected, WebSocketSession

_MODULES = {
    "Bus": "bus",
    "Cluster": "cluster.cluster",
    "CrashesFound": "errors",
    "Cron": "cron",
    "Deadlock": "errors",
    "Fault": "faults.rules",
    "Faults": "faults.vocabulary",
    "GatesClosed": "errors",
    "HandlerFailed": "errors",
    "NextFiring": "cron",
    "NotIdempotent": "errors",
    "NotSettled": "errors",
    "NowhereToCrash": "errors",
    "Overrides": "overrides",
    "PatienceSpent": "errors",
    "PlannedFault": "cluster.plans",
    "Record": "records",
    "Records": "records",
    "Replica": "cluster.replica",
    "RunningApplication": "harness",
    "Snapshot": "database",
    "TestDatabases": "database",
    "TotalQueue": "queue_checker",
    "VirtualClock": "clock",
    "WebSocketClient": "websocket",
    "WebSocketClosed": "websocket",
    "WebSocketRejected": "websocket",
    "WebSocketSession": "websocket",
    "assert_idempotent": "idempotence",
    "crash_everywhere": "crashes",
    "explore_crashes": "crashes",
    "fault_plans": "cluster.plans",
    "fresh_cluster": "cluster.cluster",
    "plan_faults": "cluster.plans",
    "total_queue": "queue_checker",
}

__all__ = [
    "Bus",
    "Cluster",
    "CrashesFound",
    "Cron",
    "Deadlock",
    "Fault",
    "Faults",
    "GatesClosed",
    "HandlerFailed",
    "NextFiring",
    "NotIdempotent",
    "NotSettled",
    "NowhereToCrash",
    "Overrides",
    "PatienceSpent",
    "PlannedFault",
    "Record",
    "Records",
    "Replica",
    "RunningApplication",
    "Snapshot",
    "TestDatabases",
    "TotalQueue",
    "VirtualClock",
    "WebSocketClient",
    "WebSocketClosed",
    "WebSocketRejected",
    "WebSocketSession",
    "assert_idempotent",
    "crash_everywhere",
    "explore_crashes",
    "fault_plans",
    "fresh_cluster",
    "plan_faults",
    "total_queue",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'jararaca_testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"jararaca_testing.{_MODULES[name]}"), name)
