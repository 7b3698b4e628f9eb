"""What one test costs in a suite that pytest really runs: fixtures, the test, its teardown, and pytest's own share.

The suite runs in this process, after the modules of its test have been imported. The first tests warm caches up and are
not counted.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from textwrap import dedent

import pytest
from measuring import Stopwatch

WARM_UP = 20
TESTS = 300


class Timing:
    """Times the tests of a run, without the first few and without what pytest does when all are done."""

    def __init__(self, tests: int) -> None:
        self._tests = tests
        self._done = 0
        self._watch = Stopwatch()
        self.figures: dict[str, float] | None = None

    def pytest_runtest_logfinish(self) -> None:
        self._done += 1
        if self._done == WARM_UP:
            self._watch = Stopwatch()
        elif self._done == self._tests:
            self.figures = self._watch.figures(self._tests - WARM_UP)


class Span:
    """Lets one test of a run say what of it is measured: the fixture `stopwatch` is a context manager."""

    def __init__(self, units: int) -> None:
        self._units = units
        self.figures: dict[str, float] | None = None

    @pytest.fixture
    def stopwatch(self) -> AbstractContextManager[None]:
        return self._measured()

    @contextmanager
    def _measured(self) -> Iterator[None]:
        watch = Stopwatch()
        yield
        self.figures = watch.figures(self._units)


def run_test(test: str, *, units: int) -> None:
    """Run a test module once, and print the figures for one of `units` of what its test does under `stopwatch`."""
    span = Span(units)
    _run(dedent(test), span)
    assert span.figures is not None, "the test measured nothing"
    print(json.dumps(span.figures))


def run_suite(test: str, *arguments: str, header: str = "", tests: int = TESTS) -> None:
    """Run a test module many times, and print the figures for one test.

    `test` is the source of one test function that takes the parameter `number`; `header` is what stands above it.
    """
    timing = Timing(tests)
    source = f"import pytest\n{dedent(header)}\n@pytest.mark.parametrize('number', range({tests}))\n{dedent(test)}"
    _run(source, timing, *arguments)
    assert timing.figures is not None, "fewer tests ran than there are"
    print(json.dumps(timing.figures))


def _run(source: str, plugin: object, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_suite.py").write_text(source)
        off = ("randomly", "cacheprovider", "xdist", "cov", "hypothesispytest")
        options = [f"-pno:{name}" for name in off]
        ini = ("-o", "asyncio_default_fixture_loop_scope=function", "-o", "addopts=", "-W", "ignore")
        ended = pytest.main(
            ["-q", "--rootdir", folder, "-c", "/dev/null", *options, *ini, *arguments, folder], [plugin]
        )
    assert ended == 0, ended
