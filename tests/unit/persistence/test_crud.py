"""Create, read, update and delete."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy.orm import Mapped

from jararaca import BaseEntity, CRUDOperations, DatedEntity, IdentifiableEntity, use_session
from jararaca.core.unit_of_work import UnitOfWork
from jararaca.errors import InvalidOption, NotFound
from jararaca_testing import TestDatabases

Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]

NOBODY = UUID(int=404)


class Person(BaseModel):
    name: str = "nobody"
    age: int = 0


class PersonEntity(IdentifiableEntity, DatedEntity):
    __tablename__ = "crud_people"

    name: Mapped[str]
    age: Mapped[int]


class HTTPOrderLineEntity(IdentifiableEntity):
    __tablename__ = "crud_order_lines"


class Entity(IdentifiableEntity):
    __tablename__ = "crud_entities"


people = CRUDOperations(PersonEntity, use_session)


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all(BaseEntity.metadata)


async def added(work: Work, *names: str) -> list[UUID]:
    async with work():
        return [(await people.create(Person(name=name, age=30))).id for name in names]


async def name_of(work: Work, person: UUID) -> str:
    async with work():
        return (await people.get(person)).name


@pytest.mark.parametrize(("entity", "noun"), [(HTTPOrderLineEntity, "http order line"), (Entity, "entity")])
async def test_what_is_missing_is_called_as_its_clients_call_it(
    work: Work, entity: type[IdentifiableEntity], noun: str
) -> None:
    async with work():
        with pytest.raises(NotFound, match=f"^there is no {noun} with the id {NOBODY}$"):
            await CRUDOperations(entity, use_session).get(NOBODY)


async def test_what_is_created_can_be_got(work: Work) -> None:
    [ada] = await added(work, "ada")

    assert await name_of(work, ada) == "ada"


async def test_an_entity_can_be_created_as_it_is(work: Work) -> None:
    async with work():
        created = await people.create(PersonEntity(id=UUID(int=7), name="ada", age=1))

    assert created.id == UUID(int=7)
    assert await name_of(work, UUID(int=7)) == "ada"


async def test_getting_nobody_is_not_found(work: Work) -> None:
    async with work():
        with pytest.raises(NotFound, match=f"there is no person with the id {NOBODY}"):
            await people.get(NOBODY)


async def test_many_come_in_the_order_they_were_asked_for_each_once(work: Work) -> None:
    ada, bob = await added(work, "ada", "bob")

    async with work():
        found = await people.get_many([bob, NOBODY, ada, bob])

    assert [person.name for person in found] == ["bob", "ada"]


async def test_existence(work: Work) -> None:
    [ada] = await added(work, "ada")

    async with work():
        assert (await people.exists(ada), await people.exists(NOBODY)) == (True, False)


async def test_a_detached_entity_is_written_over_the_one_that_is_there(work: Work) -> None:
    [ada] = await added(work, "ada")

    async with work():
        updated = await people.update(PersonEntity(id=ada, name="ada lovelace"))

    assert (updated.name, updated.age) == ("ada lovelace", 30)
    assert await name_of(work, ada) == "ada lovelace"


async def test_a_loaded_entity_can_be_updated(work: Work) -> None:
    [ada] = await added(work, "ada")

    async with work():
        person = await people.get(ada)
        person.name = "ada lovelace"
        assert await people.update(person) is person

    assert await name_of(work, ada) == "ada lovelace"


@pytest.mark.parametrize("identity", [{"id": NOBODY}, {}], ids=["unknown", "none"])
async def test_updating_never_inserts(work: Work, identity: dict[str, Any]) -> None:
    async with work():
        with pytest.raises(NotFound):
            await people.update(PersonEntity(name="ghost", age=1, **identity))
        assert not await people.exists(NOBODY)


@pytest.mark.parametrize("values", [{"name": "eve"}, Person(name="eve")], ids=["dict", "model"])
async def test_columns_are_set_by_identity_and_the_others_stay(work: Work, values: Any) -> None:
    [ada] = await added(work, "ada")

    async with work():
        loaded = await people.get(ada)
        assert await people.update_by_id(ada, values) is True
        assert (loaded.name, loaded.age) == ("eve", 30)
        assert loaded.updated_at >= loaded.created_at

    assert await name_of(work, ada) == "eve"


async def test_setting_columns_of_nobody_is_false(work: Work) -> None:
    async with work():
        assert await people.update_by_id(NOBODY, {"name": "eve"}) is False


async def test_setting_nothing_says_whether_there_is_somebody(work: Work) -> None:
    [ada] = await added(work, "ada")

    async with work():
        assert (await people.update_by_id(ada, {}), await people.update_by_id(NOBODY, Person())) == (True, False)


async def test_setting_what_is_no_column_is_refused(work: Work) -> None:
    async with work():
        with pytest.raises(InvalidOption, match="PersonEntity has no column 'nmae'"):
            await people.update_by_id(NOBODY, {"nmae": "eve"})


async def test_deleting_by_identity_says_whether_there_was_somebody(work: Work) -> None:
    [ada] = await added(work, "ada")

    async with work():
        await people.get(ada)
        assert (await people.delete_by_id(ada), await people.delete_by_id(ada)) == (True, False)
        with pytest.raises(NotFound):
            await people.get(ada)


async def test_a_loaded_entity_can_be_deleted(work: Work) -> None:
    [ada] = await added(work, "ada")

    async with work():
        await people.delete(await people.get(ada))

    async with work():
        assert not await people.exists(ada)
