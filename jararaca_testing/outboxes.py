"""The tables of an outbox, which are there under test without a migration: a test's databases are empty."""

from jararaca.bootstrap.outboxes import outbox_factory
from jararaca.core.environment import Environment
from jararaca.core.tokens import ProviderSpec
from jararaca.ports.outbox import OutboxFactory
from jararaca_testing.database import Databases


def outbox_tables(environment: Environment, databases: Databases) -> ProviderSpec:
    """What makes the outboxes of an application under test, and their tables when it starts."""

    async def create(database: str) -> None:
        from jararaca.adapters.sql.tables import metadata
        from jararaca.persistence.session import database_of

        await databases.create_all(database_of(environment, database), [metadata])

    return ProviderSpec(OutboxFactory, use_value=outbox_factory(environment, create))
