"""The processes of a soak, which are killed and started again: a RabbitMQ node of its own, and the application."""

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import aio_pika

HERE = Path(__file__).parent
SCRIPT = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""The wrapper on the path changes the user, whose files would not be ours."""


class Part:
    """One process in a group of its own, so that what it started dies with it. What it prints goes to a file."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self.kills = 0
        self._command = command
        self._environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        return self._folder / f"{self.name}.log"

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=HERE,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to all of it, and wait until it is gone."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        await self._process.wait()

    async def again(self, number: signal.Signals) -> None:
        """End it, and start it anew."""
        self.kills += 1
        await self.end(number)
        await self.start()


class Node(Part):
    """A RabbitMQ of its own, on a port of its own; what it keeps is in the folder."""

    def __init__(self, port: int, folder: Path) -> None:
        home = folder / "rabbitmq"
        home.mkdir()
        (home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
        (home / "env.conf").touch()
        self.port = port
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/"
        environment = {
            "HOME": str(home),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_NODENAME": f"soak-{port}@localhost",
            "RABBITMQ_DIST_PORT": str(port + 20_000),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
        }
        super().__init__("rabbitmq", [SCRIPT], environment, folder)

    async def until_up(self, within: float = 120.0) -> None:
        """Return once it takes a login.

        Raises:
            TimeoutError: it does not.
        """
        async with asyncio.timeout(within):
            while True:
                try:
                    connection = await aio_pika.connect(self.url)
                except (OSError, aio_pika.exceptions.AMQPError):
                    await asyncio.sleep(0.1)
                else:
                    await connection.close()
                    return

    @staticmethod
    def is_installed() -> bool:
        return shutil.which(SCRIPT) is not None


def parts_of(environment: dict[str, str], port: int, folder: Path) -> dict[str, Part]:
    """A server, three workers and two schedulers, by name."""

    def part(name: str, *words: str) -> Part:
        return Part(name, [sys.executable, "-m", "jararaca", *words], environment, folder)

    workers = (part(f"worker-{number}", "worker", "soaked:app") for number in range(1, 4))
    schedulers = (part(f"scheduler-{number}", "scheduler", "soaked:app") for number in range(1, 3))
    server = part("server", "server", "soaked:app", "--port", str(port))
    return {each.name: each for each in (server, *workers, *schedulers)}


class Chaos:
    """Kills one thing after the other, in an order that follows from the seed, with pauses in between."""

    def __init__(self, node: Node, parts: dict[str, Part], seed: int, *, on_node_up: Callable[[], None]) -> None:
        self._node = node
        self._parts = parts
        self._random = random.Random(seed)
        self._on_node_up = on_node_up
        self.told: list[str] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(2.0, 5.0))
            if self._random.random() < 0.25:
                await self._kill_node()
            else:
                await self._kill_part()

    async def _kill_node(self) -> None:
        self.told.append("rabbitmq KILL")
        await self._node.end()
        self._node.kills += 1
        await asyncio.sleep(self._random.uniform(0.0, 3.0))
        await self._node.start()
        await self._node.until_up()
        self._on_node_up()

    async def _kill_part(self) -> None:
        part = self._parts[self._random.choice(sorted(self._parts))]
        number = signal.SIGKILL if self._random.random() < 0.7 else signal.SIGTERM
        self.told.append(f"{part.name} {number.name.removeprefix('SIG')}")
        await part.again(number)
