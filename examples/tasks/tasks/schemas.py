"""What travels: over HTTP, over the message bus and to browsers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class TaskSchema(BaseModel):
    """What a client says about a task. PostgreSQL stores no NUL."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")


class TaskView(BaseModel):
    """A task as clients see it."""

    id: UUID
    name: str
    state: Literal["new", "done"]
    created_at: datetime


class TaskEvent(BaseModel):
    """What browsers are told."""

    type: Literal["created", "done", "deleted", "count"]
    task: TaskView | None = None
    id: UUID | None = None
    count: int | None = None
