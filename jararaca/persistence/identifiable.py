"""A model together with its identity: the shape in which entities travel."""

from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


class Identifiable(BaseModel, Generic[T]):
    """What `data` says, and which entity it is said of."""

    id: UUID
    data: T
