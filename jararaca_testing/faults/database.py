"""Connections of one process to its databases, which may be lost, and whose commits may fail."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca.core.context import current_execution_or_none
from jararaca.persistence.config import AIOSQAConfig
from jararaca_testing.databases import SQLiteDatabases
from jararaca_testing.faults.process import Process
from jararaca_testing.gates.connections import Checkouts
from jararaca_testing.sqlite import engine_over
from jararaca_testing.sqlite_driver import Connection

LOST = "connection closed"
"""By which SQLAlchemy knows that a connection is lost, and that others of its pool may be."""


class FaultyConnection(Connection):
    """One connection of a process."""

    def __init__(self, *given: Any, process: Process, database: str, **options: Any) -> None:
        super().__init__(*given, **options)
        self._process = process
        self._database = database

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection itself; one that was lost says so as drivers of servers do."""
        try:
            return super().raw
        except ValueError as error:
            self._process.reaches("database")
            raise sqlite3.OperationalError(f"{LOST} by a fault of the test") from error

    async def run(self, sql: str, call: Callable[[], object]) -> None:
        self._demand()
        await super().run(sql, call)

    async def commit(self) -> None:
        """Commit; what wrote nothing is no boundary, and nothing that could fail."""
        self._demand()
        if not self.in_transaction:
            await super().commit()
            return
        execution = current_execution_or_none()
        what = self._database if execution is None else execution.trigger.name
        await self._process.passes("before", "commit", what)
        fault = self._process.rules.meet("commit", what, self._process)
        if fault is not None and fault.act == "fail commit":
            await self.rollback()
            raise sqlite3.OperationalError("a fault of the test lets this commit fail")
        await super().commit()
        if fault is not None:
            self.stop()
            raise sqlite3.OperationalError(f"{LOST} before the commit was answered, by a fault of the test")
        await self._process.passes("after", "commit", what)

    def _demand(self) -> None:
        if not self._process.reaches("database"):
            raise sqlite3.OperationalError(f"{LOST}: a fault of the test cuts this process off")


class ProcessDatabases:
    """The engines of one process, each with a pool of its own; they lead to the databases of the test."""

    def __init__(self, databases: SQLiteDatabases, process: Process) -> None:
        self._databases = databases
        self._process = process
        self._open: list[FaultyConnection] = []
        self.checkouts = Checkouts()

    def engine(self, config: AIOSQAConfig) -> AsyncEngine:
        """An engine that is this process's own; whoever asks for it disposes of it."""
        name = config.connection_name
        database = self._databases.database(config)
        make = partial(FaultyConnection, process=self._process, database=name)

        async def connect() -> FaultyConnection:
            if not self._process.reaches("database"):
                raise sqlite3.OperationalError("a fault of the test cuts this process off from the database")
            connection = database.connection(make)
            self._open.append(connection)
            return connection

        engine = engine_over(connect, config.engine_options)
        self.checkouts.watch(engine, name)
        return engine

    def lose(self) -> None:
        """Every connection is lost, and what it has not committed rolled back."""
        opened, self._open = self._open, []
        for connection in opened:
            connection.stop()
