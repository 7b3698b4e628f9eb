"""Which database a connection name stands for, and how its engine is made."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca.errors import InvalidOption, MissingExtra
from jararaca.persistence.sharing import OneTaskSession

_EXTRA = {"aiosqlite": "sqlalchemy", "asyncpg": "postgres"}


@dataclass(frozen=True, slots=True)
class AIOSQAConfig:
    """One database of an application.

    Args:
        connection_name: by which `use_session(name)` finds it; names are unique in an application.
        url: SQLAlchemy's, with an asynchronous driver: `sqlite+aiosqlite:///tasks.db`, `postgresql+asyncpg://...`.
        inject_default: whether an injected `AsyncSession` may be this database's. Of several that may, it is the one
            called `default`, else the first.
        engine_options: passed to `create_async_engine`; `pool_pre_ping` and `hide_parameters` are on unless said
            otherwise, and a connection of the pool is waited for for 5 s.
        session_options: passed to `AsyncSession`; `expire_on_commit` is off unless said otherwise, and a session that
            was closed is not used again.
        statement_timeout: seconds after which PostgreSQL ends a statement; None leaves that to the server.
        warn_after: seconds after which a transaction that is still open is logged as a warning, with where it waits.

    Raises:
        InvalidOption: a number of seconds is not above 0.
    """

    connection_name: str
    url: str
    inject_default: bool = field(default=True, kw_only=True)
    engine_options: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    session_options: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    statement_timeout: float | None = field(default=None, kw_only=True)
    warn_after: float = field(default=5.0, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("statement_timeout", "warn_after"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds > 0:
                raise InvalidOption(
                    f"AIOSQAConfig({self.connection_name!r}, {name}={seconds}) cannot work. Use seconds above 0."
                )

    def __repr__(self) -> str:
        return f"AIOSQAConfig({self.connection_name!r})"


ENVIRONMENT = "jararaca_environment"
"""The execution option by which a statement finds the application whose engine runs it."""


class EngineFactory(Protocol):
    """Makes the engine of a database; provide another one to replace the engine of every connection name."""

    def __call__(self, config: AIOSQAConfig) -> AsyncEngine: ...


POOL_TIMEOUT = 5.0
"""Seconds that a session waits for a connection while all of the pool are in use, unless it was told otherwise."""

_DEFAULTS = {"pool_pre_ping": True, "hide_parameters": True}
_SESSION_DEFAULTS = {"expire_on_commit": False, "close_resets_only": False}
_REFUSALS = (ArgumentError, InvalidRequestError, TypeError, ValueError)


def create_engine(config: AIOSQAConfig) -> AsyncEngine:
    """The engine that `config` describes; it connects at its first use.

    What goes wrong later is told without the values of statements, unless `hide_parameters` is turned off.

    Raises:
        MissingExtra: the URL's driver is not installed.
        InvalidOption: the URL does not parse, or names a driver that is unknown or not asynchronous; an option of the
            engine is unknown or cannot be used; or statements are to be limited where that cannot be.
    """
    where = f"the database {config.connection_name!r}"
    try:
        engine = _engine(config.url, config.engine_options)
    except ModuleNotFoundError as error:
        if error.name in _EXTRA:
            raise MissingExtra(_EXTRA[error.name], feature=where) from error
        raise InvalidOption(f"{where} needs {error.name}, which is not installed. Install it.") from error
    except _REFUSALS as error:
        _check_url(config.url, where)
        said = str(error).partition(", using configuration")[0].rstrip(".")
        raise InvalidOption(f"the engine_options of {where} cannot be used: {said}. Correct them.") from None
    limit_statements(engine, config)
    return engine


def _engine(url: str, options: Mapping[str, Any]) -> AsyncEngine:
    try:
        return create_async_engine(url, pool_timeout=POOL_TIMEOUT, **{**_DEFAULTS, **options})
    except TypeError as error:  # of a pool without a limit, which nobody waits for, or because `options` say how long
        if "pool_timeout" not in str(error):
            raise
        return create_async_engine(url, **{**_DEFAULTS, **options})


def limit_statements(engine: AsyncEngine, config: AIOSQAConfig) -> None:
    """Let the database end statements that take longer than the `statement_timeout` of `config`.

    Raises:
        InvalidOption: the database is not PostgreSQL, which alone has such a limit.
    """
    if config.statement_timeout is None:
        return
    if engine.dialect.name != "postgresql":
        raise InvalidOption(
            f"the database {config.connection_name!r} is of the kind {engine.dialect.name}, and statement_timeout is "
            "for postgresql. Leave it out."
        )
    milliseconds = max(round(config.statement_timeout * 1000), 1)

    def limit(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {milliseconds}")
        cursor.close()
        connection.commit()

    event.listen(engine.sync_engine, "connect", limit)


def _check_url(url: str, where: str) -> None:
    try:
        create_async_engine(url)
    except _REFUSALS as error:
        raise InvalidOption(
            f"the URL of {where} cannot be used ({type(error).__name__}). Use one with an asynchronous driver, such as "
            "sqlite+aiosqlite:///tasks.db or postgresql+asyncpg://user:password@host/name."
        ) from None  # what SQLAlchemy says may show the URL, and with it the password


def create_session(
    config: AIOSQAConfig, engine: AsyncEngine | None, owner: "asyncio.Task[Any] | None" = None
) -> OneTaskSession:
    """A session with the options of `config`, which nobody commits for you; `owner` is the task that will use it.

    Raises:
        InvalidOption: an option is unknown.
    """
    try:
        options = {**_SESSION_DEFAULTS, **config.session_options}
        return OneTaskSession(engine, database=config.connection_name, owner=owner, **options)
    except TypeError as error:
        raise InvalidOption(
            f"the session_options of the database {config.connection_name!r} cannot be used: {error}. Correct them."
        ) from error
