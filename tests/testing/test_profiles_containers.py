"""The containers profile on a Docker engine: started once, shared by all workers, and gone however the run ends."""

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker  # type: ignore[import-untyped] # it comes without types
import pytest
from children import Child
from children import start as start
from redis import Redis

from jararaca.adapters.system.chance import SystemChance
from jararaca.errors import ServerUnavailable
from jararaca_testing.profiles.containers import started
from jararaca_testing.servers import Servers

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.real", "profiles.opening", "clock", "wallclock"):
    importlib.import_module(f"jararaca_testing.{module}")
importlib.import_module("testcontainers.core.container")

pytestmark = pytest.mark.needs_docker

Run = Callable[..., pytest.RunResult]

NOTE_WHERE = """
    import os
    from pathlib import Path
    import pytest
    from jararaca_testing.provisioning import SERVERS
    from storefront import Orders

    @pytest.fixture(autouse=True)
    def note_where(request, jararaca_harness):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        Path(f"seen-by-{worker}").write_text(request.config.stash[SERVERS]["containers"].amqp)
"""
MODULE = """
    @pytest.mark.parametrize("number", range(4))
    async def test_orders_are_charged(http, bus, jararaca_app, number):
        await http.post("/orders", json={"id": number})
        await jararaca_app.settle()
        assert bus.handled(Orders.charge).one().payload.id == number
"""

HANGS = """
    import asyncio
    import os

    async def test_hang(jararaca_app):
        os.write(2, b"it hangs\\n")
        await asyncio.Event().wait()
"""


class Images:
    """The images of this suite under names of one test's own, so that their containers can be told from all others."""

    def __init__(self) -> None:
        self._engine = docker.from_env()
        self._tag = f"test-{SystemChance().uuid().hex[:12]}"
        self.names = {
            name: self._named(f"jararaca_{name}_image", os.environ[f"JARARACA_TEST_{name.upper()}_IMAGE"])
            for name in ("rabbitmq", "redis")
        }

    def _named(self, name: str, image: str) -> str:
        self._engine.images.get(image).tag(name, self._tag)
        return f"{name}:{self._tag}"

    @property
    def options(self) -> list[str]:
        return [f"--jararaca-{name}-image={image}" for name, image in self.names.items()]

    @property
    def settings(self) -> dict[str, str]:
        return {f"jararaca_{name}_image": image for name, image in self.names.items()}

    def containers(self) -> list[Any]:
        """Those of these images, running or not."""
        everybody = self._engine.containers.list(all=True, ignore_removed=True)
        return [each for each in everybody if each.attrs["Config"]["Image"] in self.names.values()]

    def one_that_ends(self) -> str:
        """An image whose server says something and gives up."""
        container = self._engine.containers.create(
            self.names["redis"], command=["sh", "-c", "echo no space left; exit 3"]
        )
        container.commit("jararaca_ending_image", self._tag)
        container.remove()
        self.names["ending"] = f"jararaca_ending_image:{self._tag}"
        return self.names["ending"]

    def close(self) -> None:
        for container in self.containers():
            container.remove(force=True, v=True)
        for name in self.names.values():
            self._engine.images.remove(name)
        self._engine.close()


@pytest.fixture
def images() -> Iterator[Images]:
    images = Images()
    yield images
    images.close()


def test_workers_share_containers_that_outlive_a_crash_of_one_and_not_the_run(
    shop: pytest.Pytester, images: Images
) -> None:
    crash = "    def test_crash():\n        os._exit(1)\n"
    shop.makepyfile(test_storefront=NOTE_WHERE + MODULE + crash)

    result = shop.runpytest_subprocess("-n2", "--jararaca-profile=containers", *images.options)

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'test_storefront.py::test_crash'*"])
    result.stdout.fnmatch_lines(["jararaca: containers on RabbitMQ *.* at *, Redis *.* at *"])
    seen = [path.read_text() for path in shop.path.glob("seen-by-gw*")]
    assert (len(seen) >= 2, len(set(seen))) == (True, 1)
    assert images.containers() == []


def test_without_workers_profiles_can_be_mixed_and_what_only_virtual_time_shows_is_counted(
    run: Run, images: Images
) -> None:
    virtual = "    @pytest.mark.virtual_only\n    async def test_virtual(clock):\n        await clock.jump(days=3)\n"
    result = run(
        NOTE_WHERE + MODULE + virtual,
        "--jararaca-profile=memory,containers",
        *images.options,
    )

    result.assert_outcomes(passed=9, skipped=1)
    result.stdout.fnmatch_lines(["jararaca: 1 virtual_only skipped: *"])
    assert images.containers() == []


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "two workers"])
def test_ctrl_c_in_the_middle_leaves_nothing(
    shop: pytest.Pytester, images: Images, start: Callable[..., Child], workers: tuple[str, ...]
) -> None:
    shop.makepyfile(test_storefront=HANGS)
    child = start(*pytest_in_containers(images), *workers, folder=shop.path, environment=docker_environment())
    child.until("it hangs")

    child.press_ctrl_c()

    assert child.end() == pytest.ExitCode.INTERRUPTED, child.output
    assert images.containers() == []


def test_ctrl_c_while_they_start_leaves_nothing(
    shop: pytest.Pytester, images: Images, start: Callable[..., Child]
) -> None:
    child = start(*pytest_in_containers(images), folder=shop.path, environment=docker_environment())
    child.until("jararaca: starting")
    while not images.containers():
        pass

    child.press_ctrl_c()

    assert child.end() == pytest.ExitCode.INTERRUPTED, child.output
    assert images.containers() == []


def pytest_in_containers(images: Images) -> tuple[str, ...]:
    return ("pytest", "-p", "no:cacheprovider", "--capture=sys", "--jararaca-profile=containers", *images.options)


def docker_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("DOCKER_", "TESTCONTAINERS_"))}


def test_an_image_that_cannot_be_had_is_an_error_with_the_remedy_and_takes_the_others_down(
    run: Run, images: Images
) -> None:
    nowhere = "localhost:1/jararaca/nothing:1"
    result = run("", "--jararaca-profile=containers", *images.options, f"--jararaca-redis-image={nowhere}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: jararaca: the containers profile cannot run: no container of the image {nowhere} can be started: *"
            f"Pull it with `docker pull {nowhere}`, or name one that you have with jararaca_redis_image."
        ]
    )
    assert images.containers() == []


def test_a_server_that_ends_is_shown_with_its_last_words(images: Images) -> None:
    settings = images.settings | {"jararaca_rabbitmq_image": images.one_that_ends()}

    with pytest.raises(ServerUnavailable) as failure, started(settings, None):
        pass

    first, *last = str(failure.value).splitlines()
    assert first.endswith(" ended by itself. Correct jararaca_rabbitmq_image, or see what it said last:")
    assert last == ["no space left"]
    assert images.containers() == []


def test_a_server_that_never_answers_is_shown_with_its_last_words(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What listens on no port of RabbitMQ is Redis."""
    monkeypatch.setattr("jararaca_testing.profiles.containers.BOOT", 1.0)
    settings = images.settings | {"jararaca_rabbitmq_image": images.names["redis"]}

    with (
        pytest.raises(ServerUnavailable, match=r"does not answer on port 5672 after 1 s\..*\n(.*\n)*.*Ready to accept"),
        started(settings, None),
    ):
        pass

    assert images.containers() == []


LEAVERS = """
    import pytest
    from fastapi import WebSocket
    from redis.asyncio import Redis
    from jararaca import (
        Microservice, RedisWebSocketConnectionBackend, RestController, WebSocketEndpoint, WebSocketInterceptor,
        use_ws_manager,
    )
    from storefront import Gateway, Orders

    @RestController("/feed")
    class Feed:
        @WebSocketEndpoint("/")
        async def listen(self, websocket: WebSocket) -> None:
            await websocket.accept()
            await use_ws_manager().add_websocket(websocket)
            await websocket.receive_text()

    class Broken(Gateway):
        async def charge(self, order):
            raise TimeoutError

    @pytest.fixture
    def jararaca_microservice():
        backend = RedisWebSocketConnectionBackend(Redis.from_url("redis://nowhere.invalid"))
        return Microservice(name="shop", controllers=[Orders, Feed], interceptors=[WebSocketInterceptor(backend)])

    async def test_passes(http, bus, jararaca_app):
        await http.post("/orders", json={"id": 1})
        await jararaca_app.settle()

    async def test_fails_with_a_message_in_a_wait(http, bus, override, jararaca_app):
        override[Gateway] = Broken()
        await http.post("/orders", json={"id": 1})
        await jararaca_app.settle()

    async def test_fails_with_a_client_connected(ws, bus, db):
        async with ws.connect("/feed") as feed:
            assert False

    async def test_fails_with_its_connections_lost(bus, jararaca_world):
        jararaca_world.lose_connections()
        assert False
"""


@pytest.fixture
def servers(images: Images) -> Iterator[Servers]:
    """Servers that nobody else knows: whatever is there was left by the test."""
    with started(images.settings, None) as servers:
        yield servers


def test_nothing_is_left_on_servers_whatever_became_of_the_tests(
    run: Run, servers: Servers, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JARARACA_TEST_AMQP_URL", servers.amqp)
    monkeypatch.setenv("JARARACA_TEST_REDIS_URL", servers.redis)
    [rabbitmq] = [each for each in images.containers() if each.attrs["Config"]["Image"] == images.names["rabbitmq"]]

    def listed(what: str) -> set[str]:
        code, said = rabbitmq.exec_run(["rabbitmqctl", "--quiet", "--no-table-headers", f"list_{what}", "name"])
        assert code == 0, said
        return {line for line in said.decode().splitlines() if line.strip() and not line.startswith("amq.")}

    run(LEAVERS, "--jararaca-profile=services").assert_outcomes(passed=1, failed=3)

    assert (listed("queues"), listed("exchanges")) == (set(), set())
    with Redis.from_url(servers.redis) as client:
        assert (client.keys(), client.pubsub_channels()) == ([], [])
