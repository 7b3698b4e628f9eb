"""RabbitMQ and Redis in containers that live as long as a test run.

They are plain containers that anybody could start: nothing is assumed of an image but the port and the default login
of its product. A server counts as started when it answers in its own protocol, since the engine's proxy accepts
connections long before there is anybody behind it.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jararaca.adapters.system.chance import SystemChance
from jararaca.errors import MissingExtra, ServerUnavailable
from jararaca_testing.servers import Servers

LABEL = "jararaca.test-run"
BOOT = 120.0  # seconds
PAUSE = 0.1  # seconds
LAST_LINES = 10


@dataclass(frozen=True, slots=True)
class Product:
    """What is known of a server in a container: how it is greeted on its port, and how that answer begins."""

    option: str
    port: int
    greeting: bytes
    answer: bytes
    url: str


RABBITMQ = Product("jararaca_rabbitmq_image", 5672, b"AMQP\x00\x00\x09\x01", b"\x01", "amqp://guest:guest@{}:{}/")
REDIS = Product("jararaca_redis_image", 6379, b"PING\r\n", b"+PONG", "redis://{}:{}/0")


@contextlib.contextmanager
def started(settings: Mapping[str, str], database: str | None) -> Iterator[Servers]:
    """Servers in containers of the images that `settings` name, removed at the end of the block.

    Raises:
        MissingExtra: testcontainers is not installed.
        ServerUnavailable: there is no Docker engine, an image cannot be had, or its server does not start.
    """
    run = SystemChance().uuid().hex
    engine = _engine()
    try:
        rabbitmq, redis = (_Container(product, settings[product.option], run) for product in (RABBITMQ, REDIS))
        for container in (rabbitmq, redis):
            container.wait()
        yield Servers(amqp=rabbitmq.url, redis=redis.url, database=database)
    finally:
        _remove(engine, run)


def _engine() -> Any:
    """A client of the Docker engine."""
    try:
        from testcontainers.core.docker_client import DockerClient
    except ModuleNotFoundError as error:
        raise MissingExtra("containers", feature="the containers profile") from error
    try:
        return DockerClient().client
    except _refusals() as error:
        where = os.environ.get("DOCKER_HOST", "its usual address")
        raise ServerUnavailable(
            f"no Docker engine answers at {where}: {_reason(error)}. Start one, say with DOCKER_HOST where it is, or "
            "run on servers that are there already with --jararaca-profile=services."
        ) from error


def _refusals() -> tuple[type[Exception], ...]:
    """What is raised when the engine, or the way to it, says no."""
    from docker.errors import DockerException  # type: ignore[import-untyped] # it comes without types

    return DockerException, OSError


class _Container:
    """One started container."""

    def __init__(self, product: Product, image: str, run: str) -> None:
        from testcontainers.core.container import DockerContainer

        self._product = product
        self._image = image
        self._outer = DockerContainer(image).with_exposed_ports(product.port).with_kwargs(labels={LABEL: run})
        try:
            self._outer.start()
        except _refusals() as error:
            raise _not_started(product, image, error) from error
        self._inner = self._outer.get_wrapped_container()

    @property
    def url(self) -> str:
        return self._product.url.format(*self._address())

    def _address(self) -> tuple[str, int]:
        return self._outer.get_container_host_ip(), int(self._outer.get_exposed_port(self._product.port))

    def wait(self) -> None:
        """Return when the server answers.

        Raises:
            ServerUnavailable: its container ended, or it took too long.
        """
        patience = time.monotonic() + BOOT
        while not self._answers():
            self._inner.reload()
            if self._inner.status == "exited":
                raise self._failure("ended by itself")
            if time.monotonic() > patience:
                raise self._failure(f"does not answer on port {self._product.port} after {BOOT:g} s")
            time.sleep(PAUSE)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(self._address(), timeout=1.0) as connection:
                connection.sendall(self._product.greeting)
                return connection.recv(64).startswith(self._product.answer)
        except OSError:  # also if it has no address, because it does not run
            return False

    def _failure(self, what: str) -> ServerUnavailable:
        said = self._inner.logs(tail=LAST_LINES).decode(errors="replace").rstrip()
        return ServerUnavailable(
            f"the container of {self._image} {what}. Correct {self._product.option}, or see what it said last:\n{said}"
        )


def _not_started(product: Product, image: str, error: Exception) -> ServerUnavailable:
    reason = _reason(error)
    if "ryuk" in f"{error}":
        return ServerUnavailable(
            f"testcontainers cannot start Ryuk, which removes what an aborted run leaves: {reason}. Pull its image, or "
            "do without it by setting TESTCONTAINERS_RYUK_DISABLED=true."
        )
    return ServerUnavailable(
        f"no container of the image {image} can be started: {reason}. Pull it with `docker pull {image}`, or name one "
        f"that you have with {product.option}."
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error).strip().rstrip(".")


def _remove(engine: Any, run: str) -> None:
    """Remove every container of the run, found by its label: the start of one may have been interrupted."""
    for container in engine.containers.list(all=True, filters={"label": f"{LABEL}={run}"}, ignore_removed=True):
        container.remove(force=True, v=True)
    engine.close()
