"""The fixtures, under names of their own; the short ones are aliases that a project's own fixtures may replace.

Nothing of the harness depends on a short name. What a fixture is made of is imported inside of it.
"""

import gc
from collections.abc import AsyncIterator, Collection, Iterator
from typing import Any

import pytest

from jararaca_testing.loops import loop_factory_of
from jararaca_testing.options import marked, option, settings_of
from jararaca_testing.provisioning import servers_of
from jararaca_testing.replaying import seed_of
from jararaca_testing.reporting import TOLD
from jararaca_testing.run import refuse_in_a_loop
from jararaca_testing.runner import run_of

FIXTURES = (
    *("app", "bus", "clock", "cluster", "cron", "db", "faults", "harness", "http", "override", "redis", "run", "world"),
    "ws",
)
NAMES = frozenset(f"jararaca_{name}" for name in FIXTURES)
CLUSTER, FAULTS = "jararaca_cluster", "jararaca_faults"
APPLICATION: pytest.StashKey[Any] = pytest.StashKey()
"""The running application of a test, for the hooks."""

GATES: pytest.StashKey[Collection[str]] = pytest.StashKey()
"""The gates that stand after a test."""

WATCHES: pytest.StashKey[tuple[Any, ...]] = pytest.StashKey()
"""Who is told of every application of the session; see `harness.Watch`."""


@pytest.fixture
def jararaca_microservice(request: pytest.FixtureRequest) -> Any:
    """The declaration under test: override this fixture, use the marker, or set the ini key `jararaca_app`."""
    return _declaration(marked(request.node, "app", option(request.config, "jararaca_app")))


def _declaration(target: Any) -> Any:
    from jararaca_testing.target import declaration_of, refused_in_one_line

    with refused_in_one_line():
        return declaration_of(target)


@pytest.fixture(scope="session")
def jararaca_sqlite() -> Iterator[Any]:
    """The SQLite databases of the memory profile, kept over all tests and emptied for each."""
    import jararaca_testing.harness  # noqa: F401 -- what is imported later would be under virtual time
    from jararaca_testing.databases import SQLiteDatabases

    databases = SQLiteDatabases()
    gc.freeze()  # what was imported stays: looking at all of it again and again costs more than a small test
    yield databases
    gc.unfreeze()
    databases.close()


@pytest.fixture
def jararaca_world(
    request: pytest.FixtureRequest,
    jararaca_sqlite: Any,
    jararaca_microservice: Any,  # noqa: ARG001 -- imported before time is virtual: modules are not meant to notice
) -> Iterator[Any]:
    """The surroundings that the profile gives this test."""
    from jararaca_testing.chance import SeededChance
    from jararaca_testing.profiles.opening import open_world

    run = run_of(request.node, loop_factory_of(request.node))
    refuse_in_a_loop(request.fixturename or "")
    settings, servers = settings_of(request.config), servers_of(request.node)
    chance = SeededChance(seed_of(request.node), jitter=marked(request.node, "jitter", False))
    with open_world(run, settings, jararaca_sqlite, servers, chance, test=request.node.nodeid) as world:
        yield world


@pytest.fixture
def jararaca_harness(request: pytest.FixtureRequest, jararaca_microservice: Any, jararaca_world: Any) -> Any:
    """The application under test, built and not started; `harness.fresh()` runs another one for a block."""
    from jararaca_testing.harness import RunningApplication
    from jararaca_testing.target import refused_in_one_line

    def tell(application: Any) -> Any:
        request.node.stash[TOLD] = application
        return lambda: None

    watches = (tell, *request.config.stash.get(WATCHES, ()))
    standing = request.node.stash.get(GATES, ())
    clustered = CLUSTER in request.fixturenames
    faults = _faults(jararaca_world) if clustered or FAULTS in request.fixturenames else None
    declaration = _declaration(jararaca_microservice)
    with refused_in_one_line():
        return RunningApplication(
            declaration, jararaca_world, watches=watches, standing=standing, faults=faults, clustered=clustered
        )


def _faults(world: Any) -> Any:
    from jararaca_testing.faults.vocabulary import Faults

    return Faults(world.clock)


@pytest.fixture
def jararaca_run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine on the test's loop and returns its result, for tests that are plain functions."""
    return run_of(request.node, loop_factory_of(request.node))


@pytest.fixture
async def jararaca_app(request: pytest.FixtureRequest, jararaca_harness: Any) -> AsyncIterator[Any]:
    """The running application: HTTP, worker and scheduler. An unannounced exception of a handler fails the test.

    In a test that asks for `cluster` as well, replicas are what runs of it.
    """
    from jararaca_testing.target import refused_in_one_line

    with refused_in_one_line():
        await jararaca_harness.start()
    request.node.stash[APPLICATION] = jararaca_harness
    try:
        yield jararaca_harness
    finally:
        await jararaca_harness.stop()
    jararaca_harness.raise_unexpected()


@pytest.fixture
async def jararaca_cluster(jararaca_app: Any) -> AsyncIterator[Any]:
    """Runs replicas of the application, each a process of its own: `await cluster(http=2, worker=3)`."""
    from jararaca_testing.cluster.cluster import running_cluster

    async with running_cluster(jararaca_app) as cluster:
        yield cluster


@pytest.fixture
def jararaca_faults(jararaca_harness: Any) -> Any:
    """Declares what goes wrong between the application and its servers."""
    return jararaca_harness.faults


@pytest.fixture
def jararaca_override(jararaca_harness: Any) -> Any:
    """Replace what injection hands out: `override[Key] = value`, also before the application starts."""
    return jararaca_harness.override


@pytest.fixture
def jararaca_db(jararaca_harness: Any) -> Any:
    """Tables and sessions of the application's databases."""
    return jararaca_harness.db


@pytest.fixture
def jararaca_redis(jararaca_harness: Any) -> Any:
    """A client of the Redis server that the application's own clients are sent to."""
    return jararaca_harness.redis


@pytest.fixture
def jararaca_clock(jararaca_harness: Any) -> Any:
    """The application's clock, in the test's hands."""
    return jararaca_harness.clock


@pytest.fixture
def jararaca_bus(jararaca_app: Any) -> Any:
    """What was published, handled and given up."""
    return jararaca_app.bus


@pytest.fixture
def jararaca_cron(jararaca_app: Any) -> Any:
    """Fires scheduled actions, and tells what fired and what is due."""
    return jararaca_app.cron


@pytest.fixture
def jararaca_http(jararaca_app: Any) -> Any:
    """An `httpx.AsyncClient` of the running application."""
    return jararaca_app.http


@pytest.fixture
def jararaca_ws(jararaca_app: Any) -> Any:
    """Opens websockets to the running application."""
    return jararaca_app.ws


@pytest.fixture
def jararaca_amqp_server() -> Iterator[Any]:
    """A broker of this test's own that every client of AMQP reaches at its `url`; it needs no profile and no loop."""
    from jararaca_testing.amqp_server import serving

    with serving() as server:
        yield server


@pytest.fixture
def amqp_server(jararaca_amqp_server: Any) -> Any:
    """`jararaca_amqp_server` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_amqp_server


@pytest.fixture
def bus(jararaca_bus: Any) -> Any:
    """`jararaca_bus` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_bus


@pytest.fixture
def clock(jararaca_clock: Any) -> Any:
    """`jararaca_clock` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_clock


@pytest.fixture
def cluster(jararaca_cluster: Any) -> Any:
    """`jararaca_cluster` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_cluster


@pytest.fixture
def cron(jararaca_cron: Any) -> Any:
    """`jararaca_cron` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_cron


@pytest.fixture
def db(jararaca_db: Any) -> Any:
    """`jararaca_db` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_db


@pytest.fixture
def faults(jararaca_faults: Any) -> Any:
    """`jararaca_faults` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_faults


@pytest.fixture
def harness(jararaca_harness: Any) -> Any:
    """`jararaca_harness` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_harness


@pytest.fixture
def http(jararaca_http: Any) -> Any:
    """`jararaca_http` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_http


@pytest.fixture
def override(jararaca_override: Any) -> Any:
    """`jararaca_override` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_override


@pytest.fixture
def redis(jararaca_redis: Any) -> Any:
    """`jararaca_redis` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_redis


@pytest.fixture
def ws(jararaca_ws: Any) -> Any:
    """`jararaca_ws` under a shorter name; a fixture of this name in a project wins."""
    return jararaca_ws
