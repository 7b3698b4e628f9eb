"""Databases as they were after their tables were created: made once in a test run, copied ever after.

A copy takes a fifth of a millisecond where creating the tables takes several. What decides is what was created since
the database was empty, and in which order; as soon as anything else is written, tables are created as anywhere else.
What listeners of `after_create` write is part of the copy; the listeners themselves are called when it is made.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from sqlalchemy import MetaData, Table
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca_testing.sqlite import SQLiteDatabase

MOST = 16
"""Templates kept for one database, the latest used ones."""


@dataclass(frozen=True, slots=True)
class Template:
    """A copy of a database; the tables that it was made for are kept, so that no others are taken for them."""

    copy: sqlite3.Connection
    tables: tuple[Table, ...]


class Templates:
    """The templates of one database, and what was created in it since it was empty."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[Hashable, ...], Template] = OrderedDict()
        self.start_over()

    def start_over(self) -> None:
        """The database is empty again."""
        self._created: tuple[Hashable, ...] = ()
        self._writes = self._database.writes

    async def create_all(self, engine: AsyncEngine, metadata: MetaData) -> None:
        """Have the tables of `metadata` in the database, which `engine` leads to."""
        if self._database.writes != self._writes:
            await _create(engine, metadata)
            return
        tables = tuple(metadata.tables.values())
        created = (*self._created, tuple(map(_shape, tables)))
        if created[-1] in self._created:
            return
        if created in self._kept:
            await self._database.restore(self._kept[created].copy)
            self._kept.move_to_end(created)
        else:
            await _create(engine, metadata)
            if self._database.writes > self._writes + 1:
                return  # somebody else wrote meanwhile
            self._keep(created, tables)
        self._created, self._writes = created, self._database.writes

    def _keep(self, created: tuple[Hashable, ...], tables: tuple[Table, ...]) -> None:
        self._kept[created] = Template(self._database.copy(), tables)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)[1].copy.close()

    def close(self) -> None:
        for template in self._kept.values():
            template.copy.close()
        self._kept.clear()


async def _create(engine: AsyncEngine, metadata: MetaData) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


def _shape(table: Table) -> Hashable:
    return id(table), len(table.columns), len(table.indexes), len(table.constraints)
