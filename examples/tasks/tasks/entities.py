"""What is stored."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import DatedEntity, IdentifiableEntity


class TaskEntity(DatedEntity, IdentifiableEntity):
    """One task; `new` until it was processed."""

    __tablename__ = "tasks"

    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10), default="new")
