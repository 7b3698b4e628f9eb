"""Gives an application a database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import InvalidOption
from jararaca.persistence.config import ENVIRONMENT, AIOSQAConfig, EngineFactory, create_engine, create_session
from jararaca.persistence.pools import sized
from jararaca.persistence.probing import Probe
from jararaca.persistence.session import Database, DatabaseKey, use_session

DEFAULT = "default"


class AIOSqlAlchemySessionInterceptor:
    """Opens the engine of one database while the application runs, so that `use_session` finds it.

    With `inject_default` an injected `AsyncSession` is the one of the unit of work at hand; what needs it lives for
    one unit of work itself.
    """

    def __init__(self, config: AIOSQAConfig) -> None:
        self.config = config

    def check(self, app: Microservice, container: Container) -> None:
        """Find a name that is taken, and a URL or options that cannot be used.

        Raises:
            InvalidOption: see `create_engine` and `create_session`.
            MissingExtra: the URL's driver is not installed.
        """
        name = self.config.connection_name
        if [each.connection_name for each in _databases(app)].count(name) > 1:
            raise InvalidOption(
                f"two databases are called {name!r}. Give each AIOSQAConfig a connection_name of its own."
            )
        create_session(self.config, None)
        if container.find(EngineFactory) is None:
            create_engine(self.config)

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:  # noqa: ARG002
        """Make the engine, offer it, and dispose of its connections at the end.

        An application whose database is away starts without: it is not ready, and consumes nothing, until it is there.
        """
        name = self.config.connection_name
        environment: Environment = container.get_by_type(Environment)
        make: EngineFactory | None = container.find(EngineFactory)
        engine = make(self.config) if make else create_engine(sized(self.config, environment.attempts))
        engine = engine.execution_options(**{ENVIRONMENT: environment})
        async with AsyncExitStack() as stack:
            stack.push_async_callback(engine.dispose)
            probe = Probe(environment, name, engine)
            stack.push_async_callback(probe.stop)
            await probe.start()
            stack.callback(environment.offer(DatabaseKey(name), Database(self.config, engine, probe)))
            stack.callback(environment.checks(f"database {name}", lambda: probe.ready))
            stack.callback(environment.needs(probe.until_there))
            yield

    def providers(self, app: Microservice) -> tuple[ProviderSpec, ...]:
        """What injection can hand out because of this database."""
        injectable = [config.connection_name for config in _databases(app) if config.inject_default]
        chosen = DEFAULT if DEFAULT in injectable else next(iter(injectable), None)
        if self.config.connection_name != chosen:
            return ()
        name = self.config.connection_name

        def session() -> AsyncSession:
            return use_session(name)

        return (ProviderSpec(AsyncSession, use_factory=session, scope="uow"),)


def _databases(app: Microservice) -> list[AIOSQAConfig]:
    return [each.config for each in app.interceptors if isinstance(each, AIOSqlAlchemySessionInterceptor)]
