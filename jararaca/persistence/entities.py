"""Declarative bases for entities that come from and go to pydantic models."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import DateTime, inspect
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, Uuid

from jararaca.core.environment import Environment
from jararaca.errors import NotConfigured
from jararaca.persistence.config import ENVIRONMENT
from jararaca.persistence.identifiable import Identifiable

M = TypeVar("M", bound=BaseModel)


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: aware and in UTC on the way in and out, also on databases that forget the zone (SQLite).

    Raises:
        ValueError: a datetime without a zone is written; it would mean another instant on another machine.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone. Pass an aware datetime, such as clock.now().")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None or value.tzinfo is not None:
            return value and value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


def _surroundings(context: DefaultExecutionContext) -> Environment:
    environment = context.execution_options.get(ENVIRONMENT)
    if not isinstance(environment, Environment):
        raise NotConfigured(
            "identity and time of an entity come from the application, and this session is not one of its own. Take it "
            "from use_session() or new_session(), or set the column yourself."
        )
    return environment


def _new_id(context: DefaultExecutionContext) -> UUID:
    return _surroundings(context).chance.uuid()


def _now(context: DefaultExecutionContext) -> datetime:
    return _surroundings(context).clock.now()


class BaseEntity(AsyncAttrs, DeclarativeBase):
    """The root of an application's tables; every subclass shares its metadata.

    A column annotated as `Mapped[datetime]` is an instant, kept in UTC, unless it is given a type of its own.
    """

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime()}

    @classmethod
    def from_basemodel(cls, model: BaseModel) -> Self:
        """An entity whose columns take the model's fields of the same names; other fields are ignored."""
        columns = inspect(cls).columns.keys()
        return cls(**{name: value for name, value in _fields(model) if name in columns})

    def to_basemodel(self, model: type[M]) -> M:
        """The entity as a `model`, whose fields are read from the attributes of the same names.

        Raises:
            pydantic.ValidationError: an attribute is missing or has a value that the model refuses.
        """
        return model.model_validate(self, from_attributes=True)


class IdentifiableEntity(BaseEntity):
    """An entity with a UUID of its own, made by the application's `Chance` unless it is given."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=_new_id)

    def to_identifiable(self, model: type[M]) -> Identifiable[M]:
        """The entity's identity and the rest of it as a `model`."""
        return Identifiable[model](id=self.id, data=self.to_basemodel(model))  # type: ignore[valid-type] # a variable

    @classmethod
    def from_identifiable(cls, identifiable: Identifiable[Any]) -> Self:
        """An entity with that identity and data."""
        entity = cls.from_basemodel(identifiable.data)
        entity.id = identifiable.id
        return entity


class DatedEntity(BaseEntity):
    """An entity that knows when it was made and last changed, by the application's `Clock`."""

    __abstract__ = True

    created_at: Mapped[datetime] = mapped_column(default=_now)
    updated_at: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)


def _fields(model: BaseModel) -> list[tuple[str, Any]]:
    return [(name, getattr(model, name)) for name in type(model).model_fields]
