"""Schedule stores in databases. Imported only where one is asked for: others need no SQLAlchemy."""

from urllib.parse import urlsplit

from sqlalchemy import make_url

from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.core.environment import Environment
from jararaca.errors import InvalidOption
from jararaca.persistence.config import AIOSQAConfig, EngineFactory, create_engine
from jararaca.persistence.session import Database, database_of


def schedule_database(url: str, environment: Environment) -> Database:
    """The database at `url`, through an engine of its own: who waits for a connection must not lose a lease over it.

    Raises:
        NotConfigured: it is one of the application's own, and none of that name is declared.
        MissingExtra: see `create_engine`.
        InvalidOption: see there; or it is a file that the application writes to as well.
    """
    config = _config(url, environment)
    make: EngineFactory = environment.container.find(EngineFactory) or create_engine
    return Database(config, make(config))


def _config(url: str, environment: Environment) -> AIOSQAConfig:
    parts = urlsplit(url)
    if parts.scheme != "database":
        return AIOSQAConfig("schedules", url)
    config = database_of(environment, parts.netloc).config
    if make_url(config.url).get_backend_name() == "sqlite":
        raise InvalidOption(
            f"schedules cannot be kept in the database {config.connection_name!r}, which is SQLite: whoever writes to "
            "it keeps others from writing, and leases could not be renewed. Give schedules a file of their own, such "
            "as sqlite+aiosqlite:///schedules.sqlite3."
        )
    return AIOSQAConfig(f"schedules in {config.connection_name}", config.url, engine_options=config.engine_options)


def store_in_database(url: str, environment: Environment) -> SQLScheduleStore:
    """The schedule store at `url`; raises what `schedule_database` raises."""
    return SQLScheduleStore(schedule_database(url, environment).engine, environment.clock)
