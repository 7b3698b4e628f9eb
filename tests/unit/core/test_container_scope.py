"""Objects of one unit of work."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from jararaca.core.container import Container, Scope
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token
from jararaca.errors import AsyncFactory, InvalidProvider, MissingProvider, UsageError

pytestmark = pytest.mark.asyncio


class Config:
    pass


class Session:
    pass


class Tasks:
    def __init__(self, session: Session, config: Config) -> None:
        self.session = session
        self.config = config


class Audit:
    def __init__(self, session: Session) -> None:
        self.session = session


class Controller:
    def __init__(self, tasks: Tasks, audit: Audit, *, scope: Scope, alias: "Tasks | None", size: int = 3) -> None:
        self.tasks = tasks
        self.audit = audit
        self.scope = scope
        self.alias = alias
        self.size = size


@pytest.fixture
def log() -> list[str]:
    return []


Provide = Callable[[object], Container]


@pytest.fixture
def provide() -> Provide:
    """A container in which `Session` lives for a unit of work and comes from the given factory."""

    def declare(factory: object) -> Container:
        session = ProviderSpec(Session, use_factory=factory, scope="uow")  # type: ignore[arg-type]
        return Container(Microservice(providers=[session], controllers=[Controller]))

    return declare


def opened() -> Iterator[Session]:
    yield Session()


async def connect() -> Session:
    return Session()


async def connected() -> AsyncIterator[Session]:
    yield Session()


@pytest.mark.parametrize("factory", [Session, opened, connect, connected])
async def test_a_scope_has_one_of_each(provide: Provide, factory: object) -> None:
    async with provide(factory).open_scope() as scope:
        controller = await scope.resolve(Controller)
        assert controller.tasks.session is controller.audit.session
        assert controller.scope is scope
        assert (controller.alias, controller.size) == (None, 3)
        assert (await scope.resolve(Controller)) is controller
        assert (await scope.resolve(Tasks)) is controller.tasks
        assert scope.get(Controller) is controller
        assert scope.get(Scope) is scope


@pytest.mark.parametrize("factory", [Session, opened, connect, connected])
async def test_two_scopes_share_only_what_lives_as_long_as_the_process(provide: Provide, factory: object) -> None:
    container = provide(factory)
    async with container.open_scope() as first, container.open_scope() as second:
        one, other = await first.resolve(Tasks), await second.resolve(Tasks)
    assert one is not other
    assert one.session is not other.session
    assert one.config is other.config


@pytest.mark.parametrize("factory", [Session, opened])
async def test_synchronous_factories_need_no_awaiting(provide: Provide, factory: object) -> None:
    async with provide(factory).open_scope() as scope:
        assert scope.get(Controller).tasks.session is scope.get(Session)


@pytest.mark.parametrize("factory", [connect, connected])
async def test_a_synchronous_look_up_of_something_async_says_what_to_call(provide: Provide, factory: object) -> None:
    async with provide(factory).open_scope() as scope:
        with pytest.raises(AsyncFactory, match=r"is async. Use await scope.resolve\(Tasks\)"):
            scope.get(Tasks)


async def test_a_synchronous_look_up_needs_the_objects_of_the_process_too(provide: Provide) -> None:
    async def load() -> Config:
        return Config()

    container = provide(Session)
    container.register(ProviderSpec(Config, use_factory=load))
    async with container.open_scope() as scope:
        with pytest.raises(AsyncFactory, match=r"Use await container.resolve\(Config\), or start"):
            scope.get(Tasks)
        config = await container.resolve(Config)
        assert scope.get(Tasks).config is config


async def test_a_scope_gives_objects_of_the_process(provide: Provide) -> None:
    container = provide(Session)
    async with container.open_scope() as scope:
        assert (await scope.resolve(Config)) is scope.get(Config) is container.get_by_type(Config)


async def test_tokens_and_aliases_work_in_a_scope(provide: Provide) -> None:
    container = provide(connect)
    container.register(ProviderSpec(Token(Session, "READ"), use_existing=Session))
    async with container.open_scope() as scope:
        session = await scope.resolve(Session)
        assert (await scope.resolve(Token(Session))) is session
        assert (await scope.resolve(Token(Session, "READ"))) is session
        assert scope.get(Token(Session, "READ")) is session
        assert scope.get(Token[Session]) is session


async def test_what_was_opened_is_closed_in_reverse(log: list[str], provide: Provide) -> None:
    def session() -> Iterator[Session]:
        log.append("+session")
        yield Session()
        log.append("-session")

    async def audit(session: Session) -> AsyncIterator[Audit]:
        log.append("+audit")
        yield Audit(session)
        log.append("-audit")

    container = provide(session)
    container.register(ProviderSpec(Audit, use_factory=audit, scope="uow"))
    scope = container.open_scope()
    await scope.resolve(Controller)
    await scope.close()
    await scope.close()
    assert log == ["+session", "+audit", "-audit", "-session"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_the_error_of_a_unit_of_work_reaches_the_generators(
    log: list[str], provide: Provide, is_async: bool
) -> None:
    def session() -> Iterator[Session]:
        try:
            yield Session()
        except ValueError:
            log.append("undone")
            raise

    async def session_async() -> AsyncIterator[Session]:
        try:
            yield Session()
        except ValueError:
            log.append("undone")

    scope = provide([session, session_async][is_async]).open_scope()
    await scope.resolve(Session)
    await scope.close(ValueError())
    assert log == ["undone"]


async def test_an_error_in_a_scope_used_as_a_block_is_thrown_in_and_goes_on(log: list[str], provide: Provide) -> None:
    def session() -> Iterator[Session]:
        try:
            yield Session()
        except ValueError:
            log.append("undone")

    async def fail() -> None:
        async with provide(session).open_scope() as scope:
            await scope.resolve(Session)
            raise ValueError("of the body")

    with pytest.raises(ValueError, match="of the body"):
        await fail()
    assert log == ["undone"]


async def test_a_closed_scope_builds_nothing(provide: Provide) -> None:
    scope = provide(Session).open_scope()
    await scope.resolve(Tasks)
    await scope.close()
    with pytest.raises(UsageError, match="Tasks is asked of a scope that is closed"):
        await scope.resolve(Tasks)
    with pytest.raises(UsageError, match="asked of a scope that is closed"):
        scope.get(Tasks)


@pytest.mark.parametrize("is_generator", [False, True], ids=["coroutine", "generator"])
async def test_coroutines_of_one_scope_share_what_is_being_built(provide: Provide, is_generator: bool) -> None:
    connecting = asyncio.Event()

    async def connect_slowly() -> Session:
        await connecting.wait()
        return Session()

    async def connected_slowly() -> AsyncIterator[Session]:
        await connecting.wait()
        yield Session()

    async with provide([connect_slowly, connected_slowly][is_generator]).open_scope() as scope:
        asyncio.get_running_loop().call_later(0, connecting.set)
        tasks, audit, session = await asyncio.gather(scope.resolve(Tasks), scope.resolve(Audit), scope.resolve(Session))
        assert tasks.session is audit.session is session


async def test_who_waits_for_a_build_that_fails_builds_it_again(provide: Provide) -> None:
    def refuse() -> Session:
        raise ConnectionError

    answers = [refuse, Session]
    asked = asyncio.Event()

    async def connect_slowly() -> Session:
        await asked.wait()
        return answers.pop(0)()

    async with provide(connect_slowly).open_scope() as scope:
        await scope.resolve(Config)
        asyncio.get_running_loop().call_later(0, asked.set)
        results: list[object] = await asyncio.gather(scope.resolve(Tasks), scope.resolve(Tasks), return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionError, Tasks]


@pytest.mark.parametrize("is_generator", [False, True], ids=["coroutine", "generator"])
async def test_nothing_is_left_open_by_a_coroutine_that_outlives_its_unit_of_work(
    log: list[str], provide: Provide, is_generator: bool
) -> None:
    connecting, closed = asyncio.Event(), asyncio.Event()

    async def connect_slowly() -> Session:
        connecting.set()
        await closed.wait()
        return Session()

    async def connected_slowly() -> AsyncIterator[Session]:
        log.append("+session")
        yield await connect_slowly()
        log.append("-session")

    def tasks(session: Session) -> Iterator[Tasks]:
        log.append("+tasks")
        yield Tasks(session, Config())

    container = provide([connect_slowly, connected_slowly][is_generator])
    container.register(ProviderSpec(Tasks, use_factory=tasks, scope="uow"))
    scope = container.open_scope()
    stragglers = asyncio.gather(scope.resolve(Tasks), scope.resolve(Session), return_exceptions=True)
    await connecting.wait()
    await scope.close()
    closed.set()
    errors = await stragglers
    assert [type(error) for error in errors] == [UsageError, UsageError]
    assert "was still being built when its unit of work ended" in str(errors[0])
    assert log == ["+session", "-session"] * is_generator


async def test_a_look_up_that_waits_for_the_process_notices_that_its_scope_was_closed(provide: Provide) -> None:
    loading, closed = asyncio.Event(), asyncio.Event()

    async def load() -> Config:
        loading.set()
        await closed.wait()
        return Config()

    container = provide(Session)
    container.register(ProviderSpec(Config, use_factory=load))
    scope = container.open_scope()
    straggler = asyncio.get_running_loop().create_task(scope.resolve(Tasks))
    await loading.wait()
    await scope.close()
    closed.set()
    with pytest.raises(UsageError, match="Tasks is asked of a scope that is closed"):
        await straggler


async def test_factories_that_break_their_promise_are_named(provide: Provide) -> None:
    def empty() -> Iterator[Session]:
        yield from ()

    async def empty_async() -> AsyncIterator[Session]:
        for session in list[Session]():
            yield session

    def hidden() -> object:
        return connect()

    async with provide(empty).open_scope() as scope:
        with pytest.raises(InvalidProvider, match="empty is a generator and ended without a yield"):
            scope.get(Tasks)
    async with provide(empty_async).open_scope() as scope:
        with pytest.raises(InvalidProvider, match="empty_async is a generator and ended without a yield"):
            await scope.resolve(Tasks)
    async with provide(hidden).open_scope() as scope:
        with pytest.raises(InvalidProvider, match="hidden returned a coroutine"):
            scope.get(Tasks)


async def test_parameters_are_passed_by_position_or_name_as_they_must(provide: Provide) -> None:
    class Probe:
        def __init__(self, gone: int = 1, /, tasks: Tasks | None = None, *, session: Session, kept: int = 2) -> None:
            self.seen = (gone, tasks, session, kept)

    async with provide(Session).open_scope() as scope:
        probe = await scope.resolve(Probe)
        assert probe.seen == (1, None, scope.get(Session), 2)


async def test_what_cannot_be_built_fails_like_validation(provide: Provide) -> None:
    async with provide(Session).open_scope() as scope:
        with pytest.raises(MissingProvider):
            await scope.resolve(str)
        with pytest.raises(MissingProvider):
            scope.get(str)


async def test_a_factory_may_look_others_up_in_its_scope(provide: Provide) -> None:
    def audit(scope: Scope) -> Audit:
        return Audit(scope.get(Session))

    container = provide(Session)
    container.register(ProviderSpec(Audit, use_factory=audit, scope="uow"))
    async with container.open_scope() as scope:
        controller = await scope.resolve(Controller)
        assert controller.audit.session is controller.tasks.session
