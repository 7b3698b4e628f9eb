"""The section "Message Bus" of the specification: a handler that publishes to the topic it consumes, for ever."""

from uuid import uuid4

import pytest
from tasks_app import TaskSchema, TasksController

from jararaca import Identifiable
from jararaca_testing import Bus, NotSettled, RunningApplication

pytestmark = pytest.mark.jararaca(app="tasks_app:app", allow=["unsettled"])


async def test_a_published_task_is_processed(bus: Bus, jararaca_app: RunningApplication) -> None:
    task: Identifiable[TaskSchema] = Identifiable(id=uuid4(), data=TaskSchema(name="a task"))

    await bus.publish(task, "task")
    with pytest.raises(NotSettled):
        await jararaca_app.settle()

    assert bus.handled(TasksController.process_task)[0].payload == task


async def test_settle_names_the_topic_and_the_handler_of_an_endless_cycle(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Identifiable(id=uuid4(), data=TaskSchema(name="a task")), "task")

    with pytest.raises(NotSettled, match=r"TasksController\.process_task publishes 'task', which runs"):
        await jararaca_app.settle()

    assert bus.handled(TasksController.process_task).count >= 2
