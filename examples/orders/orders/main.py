"""The application. ORDERS_DATABASE_URL says where orders are kept, JARARACA_BROKER_URL where the broker is."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    Container,
    MessageBusPublisherInterceptor,
    Microservice,
    ProviderSpec,
    create_http_server,
)
from jararaca.adapters.sql.tables import metadata
from jararaca.core.environment import Environment
from jararaca.persistence.session import database_of
from orders.billing import Billing
from orders.payments import PAYMENTS, DemoGateway
from orders.shop import Shop


class CreateTables:
    """Creates missing tables at start; a service with a history uses migrations instead."""

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        """Runs after the database's own lifecycle, which is listed before it."""
        async with database_of(container.get_by_type(Environment), "default").engine.begin() as connection:
            await connection.run_sync(BaseEntity.metadata.create_all)
            await connection.run_sync(metadata.create_all)  # of the outbox and the inbox
        yield


app = Microservice(
    name="orders",
    providers=[ProviderSpec(provide=PAYMENTS, use_class=DemoGateway)],
    controllers=[Shop, Billing],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(
            AIOSQAConfig("default", os.environ.get("ORDERS_DATABASE_URL", "sqlite+aiosqlite:///orders.sqlite3"))
        ),
        MessageBusPublisherInterceptor(
            AIOPikaConnectionFactory(os.environ.get("JARARACA_BROKER_URL", "amqp://guest:guest@localhost/")),
            delivery="outbox",
        ),
        CreateTables(),
    ],
)

web_app = create_http_server(app)
