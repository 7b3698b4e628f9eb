"""The application: declared once, served by any number of processes.

Without settings it runs on SQLite and, under `jararaca dev`, on embedded defaults for everything else. In production
TASKS_DATABASE_URL, TASKS_REDIS_URL and TASKS_TOKEN say where things are, and JARARACA_BROKER_URL where the broker is.
TASKS_NAME keeps two deployments on the same servers apart.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from sqlalchemy import text

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    Container,
    Microservice,
    ProviderSpec,
    RedisWebSocketConnectionBackend,
    WebSocketInterceptor,
    create_http_server,
)
from jararaca.core.environment import Environment
from jararaca.persistence.session import database_of
from tasks.auth import AUTH_CONFIG, AuthConfig
from tasks.controller import TasksController
from tasks.page import PageController

NAME = os.environ.get("TASKS_NAME", "tasks")


class CreateTables:
    """Creates missing tables at start; a service with a history uses migrations instead."""

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        """Runs after the database's own lifecycle, which is listed before it."""
        engine = database_of(container.get_by_type(Environment), "default").engine
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # several processes start at once, and one of them makes the tables
                await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('tasks'))"))
            await connection.run_sync(BaseEntity.metadata.create_all)
        yield


def auth_config() -> AuthConfig:
    """The token that clients must send."""
    return AuthConfig(token=SecretStr(os.environ.get("TASKS_TOKEN", "demo")))


def redis_backend() -> RedisWebSocketConnectionBackend | None:
    """The way to the other server processes, if there are any."""
    url = os.environ.get("TASKS_REDIS_URL")
    if url is None:
        return None
    from redis.asyncio import Redis

    return RedisWebSocketConnectionBackend(
        Redis.from_url(url), broadcast_pubsub_channel=f"{NAME}.broadcast", send_pubsub_channel=f"{NAME}.send"
    )


app = Microservice(
    name=NAME,
    providers=[ProviderSpec(provide=AUTH_CONFIG, use_factory=auth_config)],
    controllers=[TasksController, PageController],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(
            AIOSQAConfig("default", os.environ.get("TASKS_DATABASE_URL", "sqlite+aiosqlite:///tasks.sqlite3"))
        ),
        CreateTables(),
        WebSocketInterceptor(redis_backend()),
    ],
)

web_app = create_http_server(app)
