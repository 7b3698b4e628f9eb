"""Soaks the whole system: every part of it is killed at random, and at the end nothing may be lost or doubled.

A server, three workers and two schedulers run on PostgreSQL, Redis, and a RabbitMQ node of their own, which is killed
as well. All the while orders are posted. What was answered with 201 was accepted; in the end each accepted order must
have had its effect once, or be a dead letter, and no tick may have fired twice.

    python tests/soak/soak.py [--minutes 10] [--seed N] [--port 5683]

JARARACA_TEST_DATABASE_URL names a PostgreSQL server; the soak makes a database of its own there. The last lines are
counts. Exits 1 if anything was lost or doubled, or a recovery took more than ten seconds.
"""

import argparse
import asyncio
import logging
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aio_pika
import httpx
from parts import Chaos, Node, Part, parts_of
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca_testing.rabbitmq_node import installed_program

DATABASE = "postgresql+asyncpg://postgres@127.0.0.1:5432/test"
POSTERS = 4
PAUSE = 0.05
LONGEST_RECOVERY = 10.0
"""Seconds from when the broker takes logins again to the next effect."""

LONGEST_START = 60.0
SETTLING = 5.0
"""Seconds from the first orders that were handled to the first kill."""

QUIET = 60.0
"""Seconds without any news after which what is missing counts as lost."""


class Effects:
    """What the application has done, as its database says, and how long it took to go on after the broker was back."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.longest_recovery = 0.0
        self._broker_up_at: float | None = None
        self._seen = 0

    def broker_is_up(self) -> None:
        self._broker_up_at = time.monotonic()

    async def watch(self) -> None:
        """Look at how many there are, ten times a second, until cancelled."""
        while True:
            await asyncio.sleep(0.1)
            count = await self.count()
            if count > self._seen and self._broker_up_at is not None:
                self.longest_recovery = max(self.longest_recovery, time.monotonic() - self._broker_up_at)
                self._broker_up_at = None
            self._seen = count

    async def count(self) -> int:
        async with self._engine.connect() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM soak_handled"))).scalar_one())

    async def by_number(self) -> Counter[int]:
        async with self._engine.connect() as connection:
            return Counter((await connection.execute(text("SELECT number FROM soak_handled"))).scalars())

    async def doubled_ticks(self) -> tuple[int, int]:
        """How many ticks fired, and how many of them more than once."""
        async with self._engine.connect() as connection:
            ticks = Counter((await connection.execute(text("SELECT scheduled_at FROM soak_ticked"))).scalars())
        return len(ticks), sum(1 for times in ticks.values() if times > 1)


async def post(port: int, accepted: set[int], numbers: random.Random) -> None:
    """Post orders, one after the other, until cancelled; whatever fails is not accepted, and never posted again."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10.0) as client:
        while True:
            number = numbers.randrange(2**31)
            try:
                response = await client.post("/orders", json={"number": number})
            except httpx.HTTPError:
                response = None
            if response is not None and response.status_code == 201:
                accepted.add(number)
            await asyncio.sleep(PAUSE)


async def settled(effects: Effects) -> None:
    """Return once orders have been handled for a while.

    RabbitMQ 3.10 loses a quorum queue for good if it is killed within a second or two of its declaration; no client can
    help that, and what was confirmed to such a queue is not what is asked here.
    """
    async with asyncio.timeout(LONGEST_START):
        while not await effects.count():
            await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLING)


async def dead_letters(node: Node, name: str) -> int:
    async with await aio_pika.connect(node.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{name}.Orders.handle.dlq", passive=True)
        return queue.declaration_result.message_count or 0


async def until_done(accepted: set[int], effects: Effects) -> None:
    """Wait until every accepted order has had its effect, or nothing has happened for a while."""
    quiet_since, seen = time.monotonic(), -1
    while time.monotonic() - quiet_since < QUIET:
        done = await effects.by_number()
        if accepted <= done.keys():
            return
        if len(done) != seen:
            quiet_since, seen = time.monotonic(), len(done)
        await asyncio.sleep(0.5)


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end


async def soak(minutes: float, seed: int, port: int, folder: Path) -> int:
    name = f"soak-{secrets.token_hex(4)}"
    url = make_url(os.environ.get("JARARACA_TEST_DATABASE_URL") or DATABASE)
    admin = create_async_engine(url, isolation_level="AUTOCOMMIT")
    await say(admin, f'CREATE DATABASE "{name}"')
    own = url.set(database=name).render_as_string(hide_password=False)
    node = Node(port, folder)
    environment = {"SOAK_NAME": name, "SOAK_DATABASE_URL": own, "SOAK_BROKER_URL": node.url, "JARARACA_APP_DIR": "."}
    parts = parts_of(environment, port + 1, folder)
    engine = create_async_engine(own)
    try:
        await create_tables(engine, environment)
        await node.start()
        await node.until_up()
        for part in parts.values():
            await part.start()
        return await run(minutes, seed, node, parts, Effects(engine), name)
    finally:
        for part in (*parts.values(), node):
            await part.end()
        await engine.dispose()
        await say(admin, f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.dispose()


async def run(minutes: float, seed: int, node: Node, parts: dict[str, Part], effects: Effects, name: str) -> int:
    accepted: set[int] = set()
    chaos = Chaos(node, parts, seed, on_node_up=effects.broker_is_up)
    numbers = random.Random(seed)
    posting = [asyncio.create_task(post(node.port + 1, accepted, numbers)) for _ in range(POSTERS)]
    watching = asyncio.create_task(effects.watch())
    await settled(effects)
    killing = asyncio.create_task(chaos.run())
    ended, _ = await asyncio.wait([killing, watching], timeout=minutes * 60, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
    await cancelled(killing, *posting)
    await node.end()
    await node.start()
    await node.until_up()
    effects.broker_is_up()
    await until_done(accepted, effects)
    await cancelled(watching)
    return await report(accepted, effects, await dead_letters(node, name), [*parts.values(), node], chaos)


async def report(accepted: set[int], effects: Effects, dead: int, parts: list[Part], chaos: Chaos) -> int:
    done = await effects.by_number()
    lost = max(0, len(accepted - done.keys()) - dead)
    doubled = sum(1 for times in done.values() if times > 1)
    ticks, doubled_ticks = await effects.doubled_ticks()
    recovery = effects.longest_recovery
    print(f"killed: {', '.join(chaos.told)}")
    print(f"kills: {sum(part.kills for part in parts)}")
    print(f"messages: {len(accepted)} accepted, {len(done)} handled, {dead} dead letters")
    print(f"lost: {lost}")
    print(f"doubled: {doubled}")
    print(f"ticks: {ticks}, doubled: {doubled_ticks}")
    print(f"longest recovery: {recovery:.1f} s")
    failed = bool(lost or doubled or doubled_ticks or recovery > LONGEST_RECOVERY or not accepted or not ticks)
    return 1 if failed else 0


async def create_tables(engine: AsyncEngine, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    from soaked import Handled

    from jararaca.adapters.sql import tables

    async with engine.begin() as connection:
        for metadata in (Handled.metadata, tables.metadata):
            await connection.run_sync(metadata.create_all)


async def say(engine: AsyncEngine, statement: str) -> None:
    async with engine.connect() as connection:
        await connection.execute(text(statement))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="decides what is killed and when; any unless given")
    parser.add_argument("--port", type=int, default=5683, help="of the node; the server takes the next one")
    said = parser.parse_args()
    if installed_program() is None:
        sys.stderr.write("RabbitMQ is not installed here: apt install rabbitmq-server\n")
        return 2
    seed = secrets.randbits(32) if said.seed is None else said.seed
    print(f"seed: {seed}", flush=True)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # that a node which starts does not answer yet is no news
    with tempfile.TemporaryDirectory() as folder:
        code = asyncio.run(soak(said.minutes, seed, said.port, Path(folder)))
        if code:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
    return code


if __name__ == "__main__":
    sys.exit(main())
