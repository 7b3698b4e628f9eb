"""Pages of entities."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Query
from httpx import AsyncClient
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Mapped

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    Get,
    IdentifiableEntity,
    Microservice,
    Paginated,
    PaginatedFilter,
    QueryOperations,
    RestController,
    use_session,
)
from jararaca.core.unit_of_work import UnitOfWork
from jararaca.errors import InvalidOption, InvalidSort
from jararaca_testing import TestDatabases

Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


class LampEntity(IdentifiableEntity):
    __tablename__ = "query_lamps"

    name: Mapped[str]
    watts: Mapped[int]
    colour: Mapped[str | None]
    made_at: Mapped[datetime]


class Lamp(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    watts: int


class LampFilter(PaginatedFilter):
    name: str | None = None
    name__contains: str | None = None
    name__startswith: str | None = None
    watts__ge: int | None = None
    watts__gt: int | None = None
    watts__le: int | None = None
    watts__lt: int | None = None
    colour__in: list[str] | None = None
    colour__ne: str | None = None
    made_at__ge: datetime | None = None


lamps = QueryOperations(LampEntity, use_session)

NAMES = ("50%", "500", "a_b", "aXb", r"back\slash", "Lamp", "lamplight")


@RestController("/lamps")
class Lamps:
    @Get("/")
    async def get(self, wanted: Annotated[LampFilter, Query()]) -> Paginated[Lamp]:
        return await lamps.query(wanted)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///x.db"))
    return Microservice(controllers=[Lamps], interceptors=[database])


@pytest.fixture(autouse=True)
async def rows(db: TestDatabases, work: Work) -> None:
    """Seven lamps, two of each power and colour, with identities in the reverse order of their making."""
    await db.create_all(BaseEntity.metadata)
    async with work():
        for number, name in enumerate(NAMES):
            use_session().add(
                LampEntity(
                    id=UUID(int=100 - number),
                    name=name,
                    watts=number // 2,
                    colour=("red", "green", None)[number // 2 % 3],
                    made_at=datetime(2026, 1, 1 + number, tzinfo=UTC),
                )
            )


async def found(work: Work, **wanted: Any) -> list[str]:
    async with work():
        page = await lamps.query(LampFilter(sort="made_at", **wanted))
    return [lamp.name for lamp in page.items]


async def test_without_a_filter_everything_is_found_in_the_order_of_the_primary_key(work: Work) -> None:
    async with work():
        page = await lamps.query(PaginatedFilter())

    assert [lamp.name for lamp in page.items] == list(reversed(NAMES))
    assert (page.total, page.total_pages) == (7, 1)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"name": "500"}, ["500"]),
        ({"name__contains": "50%"}, ["50%"]),
        ({"name__contains": "a_b"}, ["a_b"]),
        ({"name__contains": "\\"}, [r"back\slash"]),
        ({"name__contains": "%"}, ["50%"]),
        ({"name__contains": "LAMP"}, ["Lamp", "lamplight"]),
        ({"name__startswith": "lamp"}, ["Lamp", "lamplight"]),
        ({"name__startswith": "_"}, []),
        ({"watts__ge": 2}, [r"back\slash", "Lamp", "lamplight"]),
        ({"watts__gt": 2}, ["lamplight"]),
        ({"watts__le": 0}, ["50%", "500"]),
        ({"watts__lt": 1}, ["50%", "500"]),
        ({"watts__ge": 1, "watts__le": 1}, ["a_b", "aXb"]),
        ({"colour__in": ["green"]}, ["a_b", "aXb"]),
        ({"colour__in": []}, []),
        ({"colour__ne": "red"}, ["a_b", "aXb"]),
        ({"made_at__ge": datetime(2026, 1, 7, tzinfo=UTC)}, ["lamplight"]),
    ],
    ids=str,
)
async def test_a_field_filters_as_its_suffix_says(work: Work, wanted: dict[str, Any], names: list[str]) -> None:
    assert await found(work, **wanted) == names


async def test_conditions_of_sqlalchemy_may_be_added(work: Work) -> None:
    async with work():
        page = await lamps.query(LampFilter(watts__ge=1), LampEntity.colour.is_(None))

    assert (page.total, len(page.items)) == (2, 2)


@pytest.mark.parametrize(
    ("sort", "first"),
    [("watts", ["500", "50%"]), ("-watts", ["Lamp", r"back\slash"])],
)
async def test_rows_that_sort_equal_keep_the_order_of_the_primary_key(work: Work, sort: str, first: list[str]) -> None:
    async with work():
        page = await lamps.query(LampFilter(sort=sort, watts__le=2))

    assert [lamp.name for lamp in page.items][:2] == first


async def test_pages_do_not_overlap_and_are_counted(work: Work) -> None:
    async with work():
        pages = [await lamps.query(LampFilter(sort="watts", page=page, page_size=3)) for page in range(4)]

    assert [len(page.items) for page in pages] == [3, 3, 1, 0]
    assert {(page.total, page.total_pages) for page in pages} == {(7, 3)}
    assert len({lamp.id for page in pages for lamp in page.items}) == 7


async def test_nothing_found_is_no_page(work: Work) -> None:
    async with work():
        page = await lamps.query(LampFilter(name="none"))

    assert (page.items, page.total, page.total_pages) == ([], 0, 0)


async def test_a_filter_that_names_no_column_is_refused(work: Work) -> None:
    class Wrong(PaginatedFilter):
        colr: str | None = None

    async with work():
        with pytest.raises(InvalidOption, match=r"Wrong\.colr: LampEntity has no column 'colr'\. Its columns are col"):
            await lamps.query(Wrong(colr="red"))


async def test_a_suffix_that_does_not_exist_is_refused(work: Work) -> None:
    class Wrong(PaginatedFilter):
        name__like: str | None = None

    async with work():
        with pytest.raises(InvalidOption, match=r"Wrong\.name__like: no such suffix\. Known are __ne, __ge"):
            await lamps.query(Wrong(name__like="x"))


@pytest.mark.parametrize("sort", ["nothing", "-nothing", "", "-", "name; DROP TABLE query_lamps", "__class__"])
async def test_an_order_by_what_is_no_column_is_refused(work: Work, sort: str) -> None:
    async with work():
        with pytest.raises(InvalidSort, match="there is no order by"):
            await lamps.query(LampFilter(sort=sort))


@pytest.mark.parametrize("wrong", [{"page": -1}, {"page_size": 0}, {"page_size": 1001}, {"page": 10**30}])
def test_pages_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        PaginatedFilter(**wrong)


async def test_a_page_is_answered_over_http_as_models(http: AsyncClient) -> None:
    response = await http.get("/lamps", params={"watts__ge": 2, "sort": "-made_at", "page_size": 2})

    assert response.json() == {
        "items": [{"name": "lamplight", "watts": 3}, {"name": "Lamp", "watts": 2}],
        "total": 3,
        "total_pages": 2,
    }


async def test_a_client_that_asks_for_an_unknown_order_is_told(http: AsyncClient) -> None:
    response = await http.get("/lamps", params={"sort": "password"})

    assert response.status_code == 422
    assert response.json()["detail"].startswith("there is no order by 'password'.")
