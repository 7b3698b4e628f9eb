"""The processes of a soak, which are killed and started again: a RabbitMQ node of its own, and the application."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import aio_pika

from jararaca_testing.rabbitmq_node import RabbitMQNode

HERE = Path(__file__).parent


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
        node = RabbitMQNode(home, port=port)
        self.port = port
        self.url = node.url
        super().__init__("rabbitmq", node.command, node.environment, folder)

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
