"""What others bring along that does not fit the harness: a choice of loops, late requests, `unittest` classes."""

import contextlib
import itertools
import sys
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NoReturn

import pytest

from jararaca_testing.items import is_coroutine

FACTORIES = "pytest_asyncio_loop_factories"


class OneFactory:
    """While it is registered, pytest-asyncio is offered one loop, whatever the project offers."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_asyncio_loop_factories(self) -> Generator[None, Any, Any]:
        factories = yield
        return dict(itertools.islice(factories.items(), 1)) if isinstance(factories, Mapping) else factories


@contextlib.contextmanager
def one_loop(metafunc: pytest.Metafunc) -> Iterator[None]:
    """For `pytest_generate_tests` of a test of ours, outermost: it runs once, on its own loop, and keeps its id.

    Once anybody implements pytest-asyncio's hook, it answers for every asynchronous test and each runs with each loop.
    """
    offered = getattr(metafunc.definition.ihook, FACTORIES, None)
    if offered is None or not offered.get_hookimpls():
        yield
        return
    registered = OneFactory()
    metafunc.config.pluginmanager.register(registered)
    try:
        yield
    finally:
        metafunc.config.pluginmanager.unregister(registered)


def refuse_late_request(request: pytest.FixtureRequest) -> NoReturn:
    """A fixture of the harness is set up for a test that pytest collected without any of them."""
    pytest.fail(
        f"{request.node.name} asks for a fixture of the harness with request.getfixturevalue(), when it has begun on "
        "another loop already. Name the fixture in the arguments of the test, or in "
        '@pytest.mark.usefixtures("jararaca_app").',
        pytrace=False,
    )


def refuse_asynchronous_method(item: pytest.Item) -> None:
    """Asynchronous methods of `unittest` classes run on a loop of their own, out of the harness's reach."""
    unittest: Any = sys.modules.get("unittest")
    cls = getattr(item, "cls", None)
    if unittest is None or cls is None or not issubclass(cls, unittest.TestCase):
        return
    if is_coroutine(getattr(item, "obj", None)):
        pytest.fail(
            f"{cls.__name__}.{item.name} is an asynchronous method of a unittest.TestCase, which runs it on a loop of "
            "its own. Take the base class away: pytest hands fixtures to the methods of any class. A synchronous "
            "method may stay, and runs coroutines with jararaca_run(...).",
            pytrace=False,
        )
