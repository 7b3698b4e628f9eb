"""What processes under test have done to a database, counted from outside."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca.adapters.sql.tables import metadata


class Effects:
    """Tables of one column, without a key that would hide a double, beside those of outbox and inbox."""

    def __init__(self, url: str, *tables: str) -> None:
        self._url = url
        asyncio.run(self._create(tables))

    async def _create(self, tables: Sequence[str]) -> None:
        engine = create_async_engine(self._url)
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            for table in tables:
                await connection.execute(text(f"CREATE TABLE {table} (what text)"))
        await engine.dispose()

    def counted(self, table: str) -> Counter[str]:
        """How often each value is in the table."""

        async def read() -> Counter[str]:
            engine = create_async_engine(self._url)
            async with engine.connect() as connection:
                found = Counter((await connection.scalars(text(f"SELECT what FROM {table}"))).all())
            await engine.dispose()
            return found

        return asyncio.run(read())
