"""Where something comes from: whose code a file is, and the nearest line of the project's own."""

import asyncio
import sys
from types import CodeType

import pytest

from jararaca.core import steps
from jararaca.core.lifecycle import TaskScope
from jararaca_testing import origins
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.origins import Place, Side, beginning_of, caller, raised_at, side_of
from jararaca_testing.run import Run
from jararaca_testing.tasks import OrderedTask


def compiled(path: str) -> CodeType:
    return compile("0", path, "exec")


@pytest.mark.parametrize(
    ("path", "side"),
    [
        (origins.__file__, Side.HARNESS),
        (steps.__file__, Side.FRAMEWORK),
        (pytest.__file__, Side.LIBRARY),
        (asyncio.__file__, Side.LIBRARY),
        ("/elsewhere/site-packages/vendor.py", Side.LIBRARY),
        ("<frozen importlib._bootstrap>", Side.LIBRARY),
        (__file__, Side.PROJECT),
    ],
)
def test_a_file_is_on_one_side(path: str, side: Side) -> None:
    assert side_of(compiled(path)) is side


def test_the_nearest_line_of_the_project_is_found() -> None:
    place = caller()

    assert str(place).endswith("in test_the_nearest_line_of_the_project_is_found: place = caller()")


def test_it_is_looked_for_in_a_few_frames_only() -> None:
    outer = sys._getframe()
    assert caller(frame=outer, depth=1) is not None
    assert caller(depth=0) is None


def test_a_task_knows_the_line_that_created_it_unless_the_framework_did() -> None:
    async def nothing() -> None: ...

    async def created() -> tuple[str, object]:
        theirs = TaskScope("of the framework").spawn(nothing(), name="theirs")
        own = asyncio.get_running_loop().create_task(nothing())
        await asyncio.gather(own, theirs)
        assert isinstance(own, OrderedTask)
        assert isinstance(theirs, OrderedTask)
        return str(own.origin), theirs.origin

    run = Run(VirtualLoop)
    origin, none = run(created())
    run.close()

    assert origin.endswith("own = asyncio.get_running_loop().create_task(nothing())")
    assert none is None


def test_an_exception_was_raised_at_the_innermost_line_of_the_project() -> None:
    with pytest.raises(ValueError, match="coroutine was expected") as raised:
        asyncio.run(compiled)  # type: ignore[arg-type] # which is what is complained about

    assert "asyncio.run(compiled)" in str(raised_at(raised.value))
    assert raised_at(None) is None
    assert raised_at(ValueError()) is None


def test_a_function_begins_at_its_first_line_and_what_has_no_source_nowhere() -> None:
    assert beginning_of(compiled) == Place(compiled.__code__, compiled.__code__.co_firstlineno)
    assert beginning_of(len) is None
