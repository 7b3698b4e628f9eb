"""Where the servers of a test run are: a value that travels from the session to every worker and every test."""

import os
import re
from dataclasses import dataclass, field

AMQP_URL = "JARARACA_TEST_AMQP_URL"
REDIS_URL = "JARARACA_TEST_REDIS_URL"
DATABASE_URL = "JARARACA_TEST_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Servers:
    """The URLs of RabbitMQ, Redis and PostgreSQL; without a `database`, databases are SQLite files."""

    amqp: str = field(repr=False)
    redis: str = field(repr=False)
    database: str | None = field(repr=False)


def named_servers() -> Servers:
    """Those that the environment names; `check_options` saw to it that it does."""
    return Servers(amqp=os.environ[AMQP_URL], redis=os.environ[REDIS_URL], database=named_database())


def named_database() -> str | None:
    """The database server that the environment names, or None."""
    return os.environ.get(DATABASE_URL) or None


def masked(url: str) -> str:
    """A URL for people: without its password and its options, which may hold another one."""
    return re.sub(r"(?<=://)([^:@/?]*):.*@", r"\1:***@", url).partition("?")[0]
