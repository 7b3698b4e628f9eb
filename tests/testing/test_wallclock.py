"""What user code reads as the wall time: one contract for two backends, each in a process of its own."""

import os
import sys
import time
from datetime import UTC, datetime

import pytest

from jararaca_testing.wallclock import LocalZone, TimeMachine, started, wall_clock

BACKENDS = ["time-machine", "freezegun"]

CONTRACT = """
    import datetime as module
    import os, time, uuid
    from datetime import date, datetime, timedelta, timezone, UTC
    from time import time as imported_time, monotonic, perf_counter
    from jararaca_testing.wallclock import EPOCH, started

    def microseconds(moment):
        return (moment - EPOCH) // timedelta(microseconds=1)

    real = time.time()
    zone = os.environ.get("TZ")
    for _test in range(2):
        with started(BACKEND) as wall:
            now = datetime(2026, 1, 1, tzinfo=UTC)
            assert module.datetime.now(UTC) == now
            assert module.datetime.now() == now.replace(tzinfo=None)
            assert module.datetime.utcnow() == now.replace(tzinfo=None)
            assert datetime.now(timezone(timedelta(hours=2))).hour == 2
            assert date.today() == date(2026, 1, 1) == module.date.today()
            assert time.time() == imported_time() == now.timestamp()
            assert time.time_ns() == now.timestamp() * 10**9
            assert time.gmtime()[:6] == (2026, 1, 1, 0, 0, 0) == time.localtime()[:6]
            assert time.strftime("%Y-%m-%d") == "2026-01-01"

            now = datetime(2026, 7, 1, 12, 30, 0, 123457, tzinfo=UTC)
            wall.move_to(microseconds(now))
            wall.move_to(microseconds(now))
            assert datetime.now(UTC) == now and datetime.now(UTC).microsecond == 123457
            assert datetime.now().timestamp() == now.timestamp()

            wall.change_zone("Europe/Berlin")
            assert datetime.now(UTC) == now
            assert datetime.now() == datetime(2026, 7, 1, 14, 30, 0, 123457)
            assert datetime.now().timestamp() == now.timestamp()
            assert time.localtime()[:5] == (2026, 7, 1, 14, 30)
            assert time.gmtime()[:5] == (2026, 7, 1, 12, 30)

            before, ticks = time.perf_counter(), time.monotonic()
            while perf_counter() - before < 0.001:
                pass
            assert 0 < monotonic() - ticks < 60

            wall.move_to(0)
            assert datetime.now(UTC) == EPOCH
        assert 0 <= time.time() - real < 60 and 0 <= imported_time() - real < 60
        assert abs(datetime.now(UTC).timestamp() - time.time()) < 60
        assert abs(datetime.now().timestamp() - time.time()) < 60
        assert os.environ.get("TZ") == zone
        assert time.localtime()[:4] == time.localtime(time.time())[:4] == datetime.now().timetuple()[:4]
"""


@pytest.fixture(params=["UTC", "America/New_York", None])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone that the process lives in otherwise."""
    monkeypatch.delenv("TZ", raising=False)
    for name in filter(None, [request.param]):
        monkeypatch.setenv("TZ", name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.usefixtures("zone")
def test_user_code_reads_the_time_of_the_test_and_its_own_again_afterwards(
    pytester: pytest.Pytester, backend: str
) -> None:
    program = pytester.makepyfile(contract=CONTRACT.replace("BACKEND", repr(backend)))

    result = pytester.run(sys.executable, "-W", "ignore::DeprecationWarning", program)

    assert (result.ret, result.errlines) == (0, [])


@pytest.mark.processes
@pytest.mark.parametrize("backend", BACKENDS)
def test_pytest_and_hypothesis_keep_their_own_time(pytester: pytest.Pytester, backend: str) -> None:
    """Otherwise a test seems to take years, and every example passes its deadline."""
    pytester.makepyfile(f"""
        import datetime, time
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies as st
        from jararaca_testing.wallclock import started

        @pytest.fixture
        def wall():
            with started({backend!r}) as wall:
                yield wall

        def test_a_harness_test(wall):
            wall.move_to(2_000_000_000_000_000)
            assert datetime.date.today().year == 2033

        @settings(deadline=1_000, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(hours=st.integers(1, 1000))
        def test_with_examples(wall, hours):
            wall.move_to(2_000_000_000_000_000 + hours * 3_600_000_000)
            assert datetime.date.today().year == 2033

        def test_a_plain_test():
            assert abs(datetime.datetime.now().timestamp() - time.time()) < 60
    """)
    pytester.makeconftest("""
        def pytest_runtest_logreport(report):
            assert 0 <= report.duration < 60, report
    """)

    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:asyncio")

    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_freeze_of_the_users_own_works_inside_of_a_test(pytester: pytest.Pytester, backend: str) -> None:
    program = pytester.makepyfile(
        contract=f"""
        import datetime
        import freezegun
        from jararaca_testing.wallclock import started

        with started({backend!r}) as wall:
            with freezegun.freeze_time("2012-12-21"):
                assert datetime.date.today() == datetime.date(2012, 12, 21)
                wall.move_to(2_000_000_000_000_000)
                assert datetime.date.today() == datetime.date(2012, 12, 21)
            assert datetime.date.today().year == 2033
        """
    )

    result = pytester.run(sys.executable, program)

    assert (result.ret, result.errlines) == (0, [])


def test_a_travel_of_the_users_own_works_inside_of_a_test() -> None:
    import time_machine

    with started("time-machine") as wall:
        with time_machine.travel(datetime(2012, 12, 21, tzinfo=UTC), tick=False):
            wall.move_to(2_000_000_000_000_000)
            assert datetime.now(UTC).year == 2012
        assert datetime.now(UTC).year == 2033


def test_the_default_backend_leaves_the_class_of_datetimes_alone() -> None:
    import datetime as module

    before = module.datetime
    with started("time-machine"):
        assert module.datetime is before


def test_an_unknown_backend_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="Choose time-machine or freezegun"):
        wall_clock("sundial")
    assert isinstance(wall_clock("time-machine"), TimeMachine)


def test_a_process_that_is_in_utc_anyway_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling the C library of a zone costs more than the rest of a small test's clock."""
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(time, "tzname", ("UTC", "UTC"))
    zone = LocalZone()

    zone.change("UTC")
    assert "TZ" not in os.environ

    zone.change("Europe/Berlin")
    zone.change("UTC")
    assert os.environ["TZ"] == "UTC"

    zone.restore()
    assert "TZ" not in os.environ
