"""The processes of a soak, which are killed and started again: a RabbitMQ, a Redis, and the application."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import aio_pika
from counting import Recovery
from redis.asyncio import Redis
from redis.exceptions import RedisError

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


class Server(Part):
    """A server of the soak's own, on a port of its own; what it keeps is in a folder, and outlives it."""

    url: str

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        super().__init__(name, command, environment, folder)
        self.recovery = Recovery()

    async def ask(self) -> None:
        """Return if it answers, and raise something if it does not."""
        raise NotImplementedError

    async def until_up(self, within: float = 120.0) -> None:
        """Return once it answers.

        Raises:
            TimeoutError: it does not.
        """
        async with asyncio.timeout(within):
            while True:
                try:
                    await self.ask()
                except (OSError, aio_pika.exceptions.AMQPError, RedisError):
                    await asyncio.sleep(0.1)
                else:
                    return

    async def killed(self, away: float = 0.0) -> None:
        """Kill it, and start it again after so many seconds; its recovery is measured."""
        self.kills += 1
        self.recovery.down()
        await self.end()
        await asyncio.sleep(away)
        await self.start()
        await self.until_up()
        self.recovery.up()


class Node(Server):
    """A RabbitMQ."""

    def __init__(self, port: int, folder: Path) -> None:
        home = folder / "rabbitmq"
        home.mkdir()
        node = RabbitMQNode(home, port=port)
        self.url = node.url
        super().__init__("rabbitmq", node.command, node.environment, folder)

    async def ask(self) -> None:
        await (await aio_pika.connect(self.url)).close()


class Store(Server):
    """A Redis that has on disk what it has answered: without that, ticks may fire again after it was killed."""

    def __init__(self, port: int, folder: Path) -> None:
        home = folder / "redis"
        home.mkdir()
        self.url = f"redis://127.0.0.1:{port}/0"
        listening = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(home)]
        keeping = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        super().__init__("redis", ["redis-server", *listening, *keeping], {}, folder)

    async def ask(self) -> None:
        async with Redis.from_url(self.url) as client:
            await client.ping()


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

    def __init__(self, servers: Sequence[Server], parts: dict[str, Part], seed: int) -> None:
        self._servers = servers
        self._parts = parts
        self._random = random.Random(seed)
        self.told: list[str] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(2.0, 5.0))
            if self._random.random() < 0.35:
                await self._kill_server()
            else:
                await self._kill_part()

    async def _kill_server(self) -> None:
        server = self._random.choice(self._servers)
        self.told.append(f"{server.name} KILL")
        await server.killed(self._random.uniform(0.0, 3.0))

    async def _kill_part(self) -> None:
        part = self._parts[self._random.choice(sorted(self._parts))]
        number = signal.SIGKILL if self._random.random() < 0.7 else signal.SIGTERM
        self.told.append(f"{part.name} {number.name.removeprefix('SIG')}")
        await part.again(number)
