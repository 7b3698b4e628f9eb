"""Entities: from models and to them, with identities and times of the application's own."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import BaseEntity, DatedEntity, Identifiable, IdentifiableEntity, use_session
from jararaca.core.unit_of_work import UnitOfWork
from jararaca.persistence.session import database_of
from jararaca_testing import RunningApplication, TestDatabases

Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


class Meeting(BaseModel):
    title: str
    starts_at: datetime | None = None
    attendees: int = 0


class MeetingEntity(IdentifiableEntity, DatedEntity):
    __tablename__ = "entity_meetings"

    title: Mapped[str]
    starts_at: Mapped[datetime | None]


class CountryEntity(BaseEntity):
    __tablename__ = "entity_countries"

    code: Mapped[str] = mapped_column(primary_key=True)


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all(BaseEntity.metadata)


async def kept(work: Work, entity: MeetingEntity) -> MeetingEntity:
    """The entity as another transaction reads it."""
    async with work():
        use_session().add(entity)
    async with work():
        return await use_session().get_one(MeetingEntity, entity.id)


def test_an_entity_takes_the_fields_of_a_model_that_are_columns() -> None:
    entity = MeetingEntity.from_basemodel(Meeting(title="retro", attendees=3))

    assert (entity.title, entity.starts_at) == ("retro", None)
    assert not hasattr(entity, "attendees")


def test_an_entity_becomes_a_model() -> None:
    assert MeetingEntity(title="retro").to_basemodel(Meeting) == Meeting(title="retro")


def test_an_entity_that_does_not_fit_a_model_is_refused() -> None:
    with pytest.raises(ValidationError, match="title"):
        MeetingEntity().to_basemodel(Meeting)


def test_an_entity_travels_with_its_identity() -> None:
    entity = MeetingEntity(id=UUID(int=7), title="retro")

    travelling = entity.to_identifiable(Meeting)

    assert travelling == Identifiable[Meeting](id=UUID(int=7), data=Meeting(title="retro"))
    assert Identifiable[Meeting].model_validate_json(travelling.model_dump_json()) == travelling
    assert MeetingEntity.from_identifiable(travelling).id == UUID(int=7)


async def test_an_identity_is_made_by_the_applications_chance(work: Work, jararaca_app: RunningApplication) -> None:
    entity = await kept(work, MeetingEntity(title="retro"))

    assert isinstance(entity.id, UUID)
    assert entity.id != (await kept(work, MeetingEntity(title="retro"))).id


async def test_a_given_identity_is_kept(work: Work) -> None:
    assert (await kept(work, MeetingEntity(id=UUID(int=7), title="retro"))).id == UUID(int=7)


@pytest.mark.virtual_only
async def test_times_are_those_of_the_applications_clock(work: Work, clock: Any) -> None:
    made = clock.now()
    entity = await kept(work, MeetingEntity(title="retro"))
    await clock.advance(hours=1)
    async with work():
        entity = await use_session().merge(entity)
        entity.title = "planning"

    changed = await kept(work, entity)
    assert (changed.created_at, changed.updated_at) == (made, made + timedelta(hours=1))


async def test_times_are_instants_in_utc_also_where_the_database_forgets_the_zone(work: Work) -> None:
    evening = datetime(2026, 6, 1, 20, 30, tzinfo=timezone(timedelta(hours=2)))

    entity = await kept(work, MeetingEntity(title="retro", starts_at=evening))

    assert entity.starts_at == evening
    assert entity.starts_at is not None
    assert entity.starts_at.tzinfo is UTC or entity.starts_at.utcoffset() == timedelta(0)
    assert entity.created_at.tzinfo is not None


async def test_instants_are_compared_in_the_database(work: Work) -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    await kept(work, MeetingEntity(title="retro", starts_at=noon))

    async with work():
        later = noon.astimezone(timezone(timedelta(hours=9))) - timedelta(seconds=1)
        found = await use_session().scalars(select(MeetingEntity).where(MeetingEntity.starts_at > later))

        assert [meeting.title for meeting in found] == ["retro"]


async def test_a_time_without_a_zone_is_refused(work: Work) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        await kept(work, MeetingEntity(title="retro", starts_at=datetime(2026, 6, 1)))


async def test_defaults_need_a_session_of_an_application(jararaca_app: RunningApplication, db: TestDatabases) -> None:
    engine = database_of(jararaca_app.environment, "default").engine.execution_options(jararaca_environment=None)

    async with AsyncSession(engine) as session:
        session.add(MeetingEntity(title="retro"))
        with pytest.raises(StatementError, match="Take it from use_session"):
            await session.flush()


async def test_an_entity_may_have_a_key_of_another_kind(work: Work) -> None:
    async with work():
        use_session().add(CountryEntity(code="br"))

    async with work():
        assert (await use_session().get_one(CountryEntity, "br")).code == "br"
