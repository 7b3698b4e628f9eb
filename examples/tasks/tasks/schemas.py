"""What travels: over HTTP, over the message bus and to browsers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class TaskSchema(BaseModel):
    """What a client says about a task. PostgreSQL stores no NUL."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")


class TaskView(BaseModel):
    """A task as clients see it."""

    id: UUID
    name: str
    state: Literal["new", "done"]
    created_at: datetime


class Told(BaseModel):
    """Something that browsers are told. Its type is always sent, which its schema says too."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class TaskCreated(Told):
    """There is a new task."""

    type: Literal["created"] = "created"
    task: TaskView


class TaskDone(Told):
    """A task was processed."""

    type: Literal["done"] = "done"
    task: TaskView


class TaskDeleted(Told):
    """A task is no more."""

    type: Literal["deleted"] = "deleted"
    id: UUID


class TaskCount(Told):
    """How many tasks there are."""

    type: Literal["count"] = "count"
    count: int


TaskEvent = TaskCreated | TaskDone | TaskDeleted | TaskCount
"""What browsers are told."""
