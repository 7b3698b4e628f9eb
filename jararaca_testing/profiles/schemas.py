"""One test's corner of a database server, or files in place of one."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import MetaData, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca.errors import UsageError
from jararaca.persistence.config import POOL_TIMEOUT, AIOSQAConfig, limit_statements
from jararaca.persistence.session import Database
from jararaca_testing.database import Snapshot
from jararaca_testing.gates.connections import Checkouts
from jararaca_testing.sqlite import PORTABLE

END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name AND pid <> pg_backend_pid()"
)


class TestSchemas:
    """A PostgreSQL schema for each connection name of one test; without a server's `url`, an SQLite file for each."""

    __test__ = False

    def __init__(self, url: str | None, namespace: str) -> None:
        self._url = url
        self._namespace = namespace
        self._engines: list[AsyncEngine] = []
        self.checkouts = Checkouts()
        self._schemas: dict[str, None] = {}
        self._directory: TemporaryDirectory[str] | None = None

    def engine(self, config: AIOSQAConfig) -> AsyncEngine:
        """The engine that serves this connection name, with those of its options that mean the same anywhere."""
        declared = {"pool_timeout": POOL_TIMEOUT, **config.engine_options}
        options = {name: value for name, value in declared.items() if name in PORTABLE}
        url = self._url
        engine = self._sqlite(config, options) if url is None else self._postgres(url, config, options)
        self._engines.append(engine)
        self.checkouts.watch(engine, config.connection_name)
        return engine

    def _postgres(self, url: str, config: AIOSQAConfig, options: dict[str, Any]) -> AsyncEngine:
        digest = hashlib.blake2s(config.connection_name.encode(), digest_size=6).hexdigest()
        schema = f"{self._namespace}_{digest}"  # a connection name may be longer than an identifier, or no identifier
        settings = {"search_path": schema, "application_name": self._namespace}
        engine = create_async_engine(url, connect_args={"server_settings": settings}, **options)
        event.listen(engine.sync_engine, "first_connect", _creating(schema))
        limit_statements(engine, config)
        self._schemas[schema] = None
        return engine

    def _sqlite(self, config: AIOSQAConfig, options: dict[str, Any]) -> AsyncEngine:
        self._directory = self._directory or TemporaryDirectory(prefix="jararaca-test-")
        name = hashlib.blake2s(config.connection_name.encode(), digest_size=6).hexdigest()
        return create_async_engine(f"sqlite+aiosqlite:///{Path(self._directory.name) / name}.sqlite3", **options)

    async def create_all(self, database: Database, metadata: Sequence[MetaData]) -> None:
        """Create the tables that are not there."""
        async with database.engine.begin() as connection:
            for each in metadata:
                await connection.run_sync(each.create_all)

    async def snapshot(self, databases: Sequence[Database]) -> Snapshot:
        """Refused: a server copies a whole database only when nobody is connected to it."""
        names = ", ".join(each.config.connection_name for each in databases)
        raise UsageError(
            f"db.snapshot() of {names} needs the databases of the memory profile, which are files. Mark the test with "
            "@pytest.mark.virtual_only, or let it undo what it did."
        )

    async def close(self) -> None:
        """Drop every schema and delete every file. A transaction that the test left open does not keep it from it."""
        async with AsyncExitStack() as stack:
            if self._directory is not None:
                stack.callback(self._directory.cleanup)
            for engine in self._engines:
                stack.push_async_callback(engine.dispose)
            if self._url is not None and self._schemas:
                await self._drop(self._url)

    async def _drop(self, url: str) -> None:
        engine = create_async_engine(url)
        try:
            async with engine.begin() as connection:
                await connection.execute(END_OTHERS, {"name": self._namespace})
                for schema in self._schemas:
                    await connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))
        finally:
            await engine.dispose()


def _creating(schema: str) -> Callable[[Any, Any], None]:
    def create(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        cursor.close()
        connection.commit()

    return create
