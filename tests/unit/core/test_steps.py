"""The stream of facts: who is told what, and who may wait or object."""

from collections.abc import Awaitable

import pytest

from jararaca.core.steps import Kind, Step, Steps

pytestmark = pytest.mark.asyncio


class Origin:
    id = "e-1"
    cause = "m-1"


class Notebook:
    def __init__(self) -> None:
        self.steps: list[Step] = []

    def observe(self, step: Step) -> None:
        self.steps.append(step)


class Objector:
    def observe(self, step: Step) -> Awaitable[None] | None:
        return self._object() if step.phase == "before" else None

    async def _object(self) -> None:
        raise ConnectionError("not now")


async def test_an_observer_is_told_what_where_and_why() -> None:
    steps, notebook = Steps(), Notebook()
    steps.add(notebook)

    steps.after(Kind.PUBLISH, "envelope", Origin(), topic="task")

    assert notebook.steps == [Step(Kind.PUBLISH, "after", "e-1", "m-1", "envelope", {"topic": "task"})]


async def test_a_step_may_belong_to_no_execution() -> None:
    steps, notebook = Steps(), Notebook()
    steps.add(notebook)

    await steps.before(Kind.CONNECTION, None)

    assert (notebook.steps[0].execution, notebook.steps[0].phase) == (None, "before")


async def test_what_an_observer_raises_before_stands_in_for_the_failure() -> None:
    steps = Steps()
    steps.add(Objector())

    with pytest.raises(ConnectionError, match="not now"):
        await steps.before(Kind.COMMIT, None)
    steps.after(Kind.COMMIT, None)


async def test_nobody_knows_places_unless_an_observer_finds_them() -> None:
    assert Steps().locate() is None


async def test_a_removed_observer_is_told_nothing() -> None:
    steps, notebook = Steps(), Notebook()
    remove = steps.add(notebook)

    remove()
    steps.after(Kind.COMMIT, None)

    assert (notebook.steps, steps.observers) == ([], ())
