"""Five nodes of which the two outermost are torn down again, in a scope of their own each time."""

import asyncio
from collections.abc import AsyncIterator

from dishka import Provider, Scope, make_async_container
from measuring import Stopwatch, chosen

from jararaca import Container, Microservice, ProviderSpec

ROUNDS = 30_000
WARM_UP = 1_000


class Settings: ...


class Engine:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings


class Session:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


class Repository:
    def __init__(self, session: Session) -> None:
        self.session = session


class Service:
    def __init__(self, repository: Repository, settings: Settings) -> None:
        self.repository = repository


async def session(engine: Engine) -> AsyncIterator[Session]:
    yield Session(engine)


async def service(repository: Repository, settings: Settings) -> AsyncIterator[Service]:
    yield Service(repository, settings)


async def ours() -> None:
    container = Container(
        Microservice(
            providers=[
                Settings,
                Engine,
                ProviderSpec(Session, use_factory=session, scope="uow"),
                ProviderSpec(Repository, use_class=Repository, scope="uow"),
                ProviderSpec(Service, use_factory=service, scope="uow"),
            ]
        )
    )
    await container.start()

    async def once() -> None:
        scope = container.open_scope()
        await scope.resolve(Service)
        await scope.close()

    for _ in range(WARM_UP):
        await once()
    watch = Stopwatch()
    for _ in range(ROUNDS):
        await once()
    watch.print(ROUNDS)


async def dishka() -> None:
    provider = Provider(scope=Scope.REQUEST)
    provider.provide(Settings, scope=Scope.APP)
    provider.provide(Engine, scope=Scope.APP)
    provider.provide(session, provides=Session)
    provider.provide(Repository)
    provider.provide(service, provides=Service)
    container = make_async_container(provider)

    async def once() -> None:
        async with container() as request:
            await request.get(Service)

    for _ in range(WARM_UP):
        await once()
    watch = Stopwatch()
    for _ in range(ROUNDS):
        await once()
    watch.print(ROUNDS)


if __name__ == "__main__":
    asyncio.run(chosen({"container": ours, "dishka": dishka})())
