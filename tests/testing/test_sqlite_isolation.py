"""Several sessions at once, in any order: each sees its own writes and what others committed, and nothing else."""

import asyncio
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run
from jararaca_testing.sqlite import SQLiteDatabase

METADATA = MetaData()
ROWS = Table("rows", METADATA, Column("id", Integer, primary_key=True))


@dataclass(frozen=True)
class Act:
    """What a session does: write and keep, write and roll back to a savepoint, or read; after a pause."""

    what: str
    pause: int


@dataclass(frozen=True)
class Story:
    acts: list[Act]
    commits: bool


PAUSES = st.integers(0, 3)
ACTS = st.builds(Act, st.sampled_from(["write", "undo", "read"]), PAUSES)
STORIES = st.lists(st.builds(Story, st.lists(ACTS, min_size=1, max_size=4), st.booleans()), min_size=2, max_size=5)


class Sessions:
    def __init__(self, database: SQLiteDatabase) -> None:
        self._engine = database.engine({"pool_size": 10})
        self.committed: set[int] = set()

    async def rows(self, connection: AsyncConnection) -> set[int]:
        return set((await connection.execute(select(ROWS.c.id))).scalars())

    async def tell(self, number: int, story: Story) -> None:
        """Act in one transaction, and look at every step at what it sees of the others."""
        own: set[int] = set()
        async with self._engine.connect() as connection:
            for index, act in enumerate(story.acts):
                await asyncio.sleep(act.pause)
                row = 10 * number + index
                if act.what != "read":
                    savepoint = await connection.begin_nested() if act.what == "undo" else None
                    await connection.execute(insert(ROWS).values(id=row))
                    if savepoint is not None:
                        await savepoint.rollback()
                    else:
                        own.add(row)
                assert await self.rows(connection) == self.committed | own
            if story.commits:
                await connection.commit()
                self.committed |= own
            else:
                await connection.rollback()

    async def all_at_once(self, stories: list[Story]) -> set[int]:
        await asyncio.gather(*(self.tell(number, story) for number, story in enumerate(stories, start=1)))
        async with self._engine.connect() as connection:
            return await self.rows(connection)


@given(stories=STORIES)
def test_sessions_are_isolated_savepoints_roll_back_and_no_two_writers_block_each_other(stories: list[Story]) -> None:
    """A writer that waits for another does so in virtual time; a deadlock would fail at once."""
    database = SQLiteDatabase()
    database.create_all(METADATA)
    run = Run(VirtualLoop)
    try:
        sessions = Sessions(database)
        assert run(sessions.all_at_once(stories)) == sessions.committed
    finally:
        run.close()
        database.close()
