"""Which event loop a test of the harness runs on; loops are imported when the first such test runs."""

import asyncio

import pytest

from jararaca_testing.options import option, profile_of
from jararaca_testing.run import LoopFactory

VERY_VERBOSE = 2


def loop_factory_of(item: pytest.Item) -> LoopFactory:
    """Makes the loop of one test: virtual in the memory profile, in real time elsewhere."""
    if FACTORY not in item.stash:
        item.stash[FACTORY] = _factory(item)
    return item.stash[FACTORY]


FACTORY: pytest.StashKey[LoopFactory] = pytest.StashKey()


def _factory(item: pytest.Item) -> LoopFactory:
    patience = float(option(item.config, "jararaca_patience"))
    if profile_of(item) != "memory":
        from jararaca_testing.realtime import RealTimeLoop

        return _telling(item, lambda: RealTimeLoop(patience=patience))
    from jararaca_testing.loop import VirtualLoop

    return _telling(item, lambda: VirtualLoop(patience=patience))


def _telling(item: pytest.Item, factory: LoopFactory) -> LoopFactory:
    """The same factory; under `-vv` its loops show more of themselves when a test hangs."""
    if item.config.getoption("verbose") < VERY_VERBOSE:
        return factory

    def talkative() -> asyncio.AbstractEventLoop:
        from jararaca_testing.dump import show_all_tasks

        loop = factory()
        show_all_tasks(loop)
        return loop

    return talkative
