"""Create, read, update and delete entities by their identity."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import CursorResult, delete, exists, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from jararaca.errors import InvalidOption, NotFound
from jararaca.persistence.entities import IdentifiableEntity

E = TypeVar("E", bound=IdentifiableEntity)

SessionProvider = Callable[[], AsyncSession]


class CRUDOperations(Generic[E]):
    """Operations on one entity class in the session of the unit of work at hand.

    Args:
        entity: the class.
        session: asked for the session at each call, such as `use_session`.
    """

    def __init__(self, entity: type[E], session: SessionProvider) -> None:
        self._entity = entity
        self._session = session

    async def create(self, entity: E | BaseModel) -> E:
        """Insert an entity, or one made from a model's fields; its identity and defaults are set on return."""
        if isinstance(entity, BaseModel):
            entity = self._entity.from_basemodel(entity)
        session = self._session()
        session.add(entity)
        await session.flush()
        return entity

    async def get(self, entity_id: UUID) -> E:
        """The entity with this identity.

        Raises:
            NotFound: there is none; HTTP answers it with 404.
        """
        entity = await self._session().get(self._entity, entity_id)
        if entity is None:
            raise self._missing(entity_id)
        return entity

    async def get_many(self, ids: Sequence[UUID]) -> list[E]:
        """Those of the identities that exist, in the order they were asked for, each once."""
        found = await self._session().scalars(select(self._entity).where(self._entity.id.in_(ids)))
        by_id = {entity.id: entity for entity in found}
        return [by_id[entity_id] for entity_id in dict.fromkeys(ids) if entity_id in by_id]

    async def exists(self, entity_id: UUID) -> bool:
        """Whether there is an entity with this identity."""
        return bool(await self._session().scalar(select(exists().where(self._same(entity_id)))))

    async def update(self, entity: E) -> E:
        """Write the state of a detached or loaded entity over the one with its identity; never inserts.

        Raises:
            NotFound: there is none.
        """
        session = self._session()
        entity_id: UUID | None = entity.id  # what it is before the first flush
        if entity_id is None or await session.get(self._entity, entity_id) is None:
            raise self._missing(entity_id)
        merged = await session.merge(entity)
        await session.flush()
        return merged

    async def update_by_id(self, entity_id: UUID, values: BaseModel | dict[str, Any]) -> bool:
        """Set the given columns, of a model those that were set on it. False if there is no such entity.

        Raises:
            InvalidOption: a name is no column of the entity.
        """
        if isinstance(values, BaseModel):
            values = values.model_dump(exclude_unset=True)
        unknown = sorted(set(values) - set(inspect(self._entity).columns.keys()))
        if unknown:
            raise InvalidOption(f"{self._entity.__name__} has no column {unknown[0]!r}. Leave it out.")
        if not values:
            return await self.exists(entity_id)
        return await self._affected(update(self._entity).where(self._same(entity_id)).values(**values))

    async def delete(self, entity: E) -> None:
        """Delete a loaded entity, with the cascades that its mapping describes."""
        session = self._session()
        await session.delete(entity)
        await session.flush()

    async def delete_by_id(self, entity_id: UUID) -> bool:
        """Delete by identity, in one statement. False if there is no such entity."""
        return await self._affected(delete(self._entity).where(self._same(entity_id)))

    async def _affected(self, statement: Any) -> bool:
        result = await self._session().execute(statement)
        return isinstance(result, CursorResult) and result.rowcount > 0

    def _same(self, entity_id: UUID) -> ColumnElement[bool]:
        return self._entity.id == entity_id

    def _missing(self, entity_id: UUID | None) -> NotFound:
        return NotFound(f"there is no {_noun(self._entity)} with the id {entity_id}")


def _noun(entity: type) -> str:
    """What clients call it: `OrderLineEntity` is an order line."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", entity.__name__).lower().split()
    return " ".join(words[:-1] if len(words) > 1 and words[-1] == "entity" else words)
