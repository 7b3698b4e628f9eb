"""The schedule store of an application under test, where that is a database."""

from jararaca.bootstrap.wiring import is_redis
from jararaca.core.environment import Environment
from jararaca.scheduler.config import SchedulerConfig
from jararaca_testing.database import Databases


async def create_schedule_tables(config: SchedulerConfig, environment: Environment, databases: Databases) -> None:
    """Where the application keeps ticks in a database, it finds its tables, as after a migration."""
    if config.store_url is None or is_redis(config.store_url):
        return
    from jararaca.adapters.sql.tables import metadata
    from jararaca.bootstrap.schedule_database import schedule_database

    await databases.create_all(schedule_database(config.store_url, environment), [metadata])
