"""Contract suites: what every adapter of a port does, as tests that an adapter's own tests inherit."""

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from jararaca.errors import MissingExtra

if TYPE_CHECKING:
    from jararaca_testing.contracts.broker.suite import BrokerContract
    from jararaca_testing.contracts.clock import ClockContract
    from jararaca_testing.contracts.fanout import FanoutContract, LosableFanoutContract
    from jararaca_testing.contracts.proofs import differs, lacks, proves, runs_on
    from jararaca_testing.contracts.schedule_store import ScheduleStoreContract

_MODULES = {
    "BrokerContract": "broker.suite",
    "ClockContract": "clock",
    "FanoutContract": "fanout",
    "LosableFanoutContract": "fanout",
    "ScheduleStoreContract": "schedule_store",
    "differs": "proofs",
    "lacks": "proofs",
    "proves": "proofs",
    "runs_on": "proofs",
}

__all__ = [
    "BrokerContract",
    "ClockContract",
    "FanoutContract",
    "LosableFanoutContract",
    "ScheduleStoreContract",
    "differs",
    "lacks",
    "proves",
    "runs_on",
]

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("broker", "clock", "fanout", "schedule_store")))


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'jararaca_testing.contracts' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name == "pytest_asyncio":
            raise MissingExtra("contracts", feature=f"{__name__}.{name}") from error
        raise
