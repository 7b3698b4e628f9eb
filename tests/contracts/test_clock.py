"""The clocks of this project under contract: the machine's own, and the harness's in virtual time."""

import pytest

from jararaca import Microservice
from jararaca.adapters.system.clock import SystemClock
from jararaca.ports.clock import Clock
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import ClockContract, runs_on


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self, request: pytest.FixtureRequest) -> Clock:
        runs_on(request, "system clock")
        return SystemClock()


@pytest.mark.virtual_only
class TestVirtualClock(ClockContract):
    """In a test that waits, time moves by itself."""

    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice(name="clock")

    @pytest.fixture
    def clock(self, request: pytest.FixtureRequest, jararaca_clock: VirtualClock) -> Clock:
        runs_on(request, "virtual clock")
        return jararaca_clock
