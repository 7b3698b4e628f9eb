"""Pages of entities: filtered, stably sorted, counted."""

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from jararaca.errors import InvalidOption, InvalidSort
from jararaca.persistence.entities import BaseEntity

E = TypeVar("E", bound=BaseEntity)
T = TypeVar("T")

ESCAPE = "\\"


class PaginatedFilter(BaseModel):
    """Which page. Derive from it and add one optional field per column that may be filtered by.

    A field filters when it is not None. Its suffix chooses how: `name__contains` and `name__startswith` (escaped LIKE,
    case-insensitive, on SQLite for ASCII letters only), `age__ge`, `__gt`, `__le`, `__lt`, `state__in`, `state__ne`, or
    no suffix for equality.
    `sort` is a column, with `-` in front for descending; rows that sort equal keep the order of the primary key. An
    order tells something about what is in a column: narrow the field to a `Literal` where clients must not choose.
    """

    page: int = Field(default=0, ge=0, le=1_000_000_000, description="counted from 0")
    page_size: int = Field(default=20, ge=1, le=1000)
    sort: str | None = None


class Paginated(BaseModel, Generic[T]):
    """One page of `items`, of `total` in all, in `total_pages` pages."""

    items: list[T]
    total: int
    total_pages: int


class _Comparison(enum.Enum):
    EQUAL = ""
    NOT_EQUAL = "ne"
    AT_LEAST = "ge"
    GREATER = "gt"
    AT_MOST = "le"
    LESS = "lt"
    AMONG = "in"
    CONTAINS = "contains"
    STARTS_WITH = "startswith"


_COMPARE: dict[_Comparison, Callable[[Any, Any], ColumnElement[bool]]] = {
    _Comparison.EQUAL: lambda column, value: column == value,
    _Comparison.NOT_EQUAL: lambda column, value: column != value,
    _Comparison.AT_LEAST: lambda column, value: column >= value,
    _Comparison.GREATER: lambda column, value: column > value,
    _Comparison.AT_MOST: lambda column, value: column <= value,
    _Comparison.LESS: lambda column, value: column < value,
    _Comparison.AMONG: lambda column, value: column.in_(list(value)),
    _Comparison.CONTAINS: lambda column, value: column.ilike(f"%{escaped(value)}%", escape=ESCAPE),
    _Comparison.STARTS_WITH: lambda column, value: column.ilike(f"{escaped(value)}%", escape=ESCAPE),
}


class QueryOperations(Generic[E]):
    """Pages of one entity class from the session of the unit of work at hand."""

    def __init__(self, entity: type[E], session: Callable[[], AsyncSession]) -> None:
        self._entity = entity
        self._session = session
        self._columns = inspect(entity).columns

    async def query(self, filter: PaginatedFilter, *conditions: ColumnElement[bool]) -> "Paginated[Any]":  # noqa: A002
        """The page of entities that satisfy the filter and every condition.

        Raises:
            InvalidOption: a field of the filter's class is no column of the entity, or has an unknown suffix.
            InvalidSort: `sort` names something that is no column of the entity; HTTP answers it with 422.
        """
        wanted = [*self._conditions(filter), *conditions]
        session = self._session()
        total = await session.scalar(select(func.count()).select_from(self._entity).where(*wanted)) or 0
        page = self._sorted(select(self._entity).where(*wanted), filter.sort)
        page = page.limit(filter.page_size).offset(filter.page * filter.page_size)
        items: Sequence[E] = (await session.scalars(page)).all()
        pages = math.ceil(total / filter.page_size)
        return Paginated[Any].model_construct(items=list(items), total=total, total_pages=pages)

    def _conditions(self, filter: PaginatedFilter) -> list[ColumnElement[bool]]:  # noqa: A002 -- the public word
        conditions = []
        for field in type(filter).model_fields:
            value = getattr(filter, field)
            if field in PaginatedFilter.model_fields or value is None:
                continue
            name, _, suffix = field.partition("__")
            try:
                compare = _COMPARE[_Comparison(suffix)]
            except ValueError:
                known = ", ".join(f"__{each.value}" for each in _Comparison if each.value)
                raise InvalidOption(f"{type(filter).__name__}.{field}: no such suffix. Known are {known}.") from None
            conditions.append(compare(self._filtered(name, f"{type(filter).__name__}.{field}"), value))
        return conditions

    def _sorted(self, statement: Select[E], sort: str | None) -> Select[E]:
        keys = [column.asc() for column in inspect(self._entity).primary_key]
        if sort is None:
            return statement.order_by(*keys)
        name = sort.removeprefix("-")
        if name not in self._columns:
            raise InvalidSort(f"there is no order by {name[:40]!r}. Name a column, with '-' in front for descending.")
        column = getattr(self._entity, name)
        return statement.order_by(column.desc() if sort.startswith("-") else column.asc(), *keys)

    def _filtered(self, name: str, where: str) -> Any:
        if name not in self._columns:
            known = ", ".join(sorted(self._columns.keys()))
            raise InvalidOption(f"{where}: {self._entity.__name__} has no column {name!r}. Its columns are {known}.")
        return getattr(self._entity, name)


def escaped(text: str) -> str:
    """`text` with what LIKE treats specially made literal."""
    return text.replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_")
