"""Soaks the whole system: every part of it is killed at random, and at the end nothing may be lost or doubled.

A server, three workers and two schedulers run on PostgreSQL, and on a RabbitMQ and a Redis of their own, which are
killed as well. All the while orders are posted. What was answered with 201 was accepted; in the end each accepted order
must have had its effect once, or be a dead letter. No tick may have fired twice, no run have met another of its action,
and a websocket client is told of orders that were handled, of none twice, and again after the last kill.

    python tests/soak/soak.py [--minutes 10] [--seed N] [--port 5683]

JARARACA_TEST_DATABASE_URL names a PostgreSQL server; the soak makes a database of its own there. The last lines are
counts. Exits 1 if one of these is not so, or a recovery took more than ten seconds.
"""

import argparse
import asyncio
import logging
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aio_pika
from counting import LONGEST_RECOVERY, Counts, Effects, account
from customers import heard_again, listen, post
from parts import Chaos, Node, Part, Server, Store, parts_of
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca_testing.rabbitmq_node import installed_program

DATABASE = "postgresql+asyncpg://postgres@127.0.0.1:5432/test"
POSTERS = 4
LONGEST_START = 60.0
SETTLING = 5.0
"""Seconds from the first orders that were handled to the first kill."""

QUIET = 60.0
"""Seconds without any news after which what is missing counts as lost."""


async def settled(effects: Effects) -> None:
    """Return once orders have been handled for a while.

    RabbitMQ 3.10 loses a quorum queue for good if it is killed within a second or two of its declaration; no client can
    help that, and what was confirmed to such a queue is not what is asked here.
    """
    async with asyncio.timeout(LONGEST_START):
        while not await effects.count("soak_handled"):
            await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLING)


async def dead_letters(url: str, name: str) -> set[str]:
    """The ids of the messages that were given up; they stay where they are."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{name}.Orders.handle.dlq", passive=True)
        found: set[str] = set()
        while (letter := await queue.get(fail=False)) is not None:
            found.add(str(letter.message_id))
        return found


async def until_done(accepted: set[int], effects: Effects) -> None:
    """Wait until every accepted order has had its effect, or nothing has happened for a while."""
    quiet_since, seen = time.monotonic(), -1
    while time.monotonic() - quiet_since < QUIET:
        done = await effects.handled()
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
    node, store = Node(port, folder), Store(port + 2, folder)
    environment = {
        "SOAK_NAME": name,
        "SOAK_DATABASE_URL": own,
        "SOAK_BROKER_URL": node.url,
        "SOAK_REDIS_URL": store.url,
        "JARARACA_APP_DIR": ".",
        "JARARACA_WAIT_FOR_BROKER": "120",  # nobody starts again who gives up
    }
    parts = parts_of(environment, port + 1, folder)
    engine = create_async_engine(own)
    try:
        await create_tables(engine, environment)
        for server in (node, store):
            await server.start()
            await server.until_up()
        for part in parts.values():
            await part.start()
        effects = Effects(engine, broker=node.recovery, redis=store.recovery)
        counts = await run(minutes, seed, port + 1, [node, store], parts, effects, name)
        print(counts)
        return 0 if counts.is_as_promised else 1
    finally:
        for part in (*parts.values(), node, store):
            await part.end()
        await engine.dispose()
        await say(admin, f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.dispose()


async def run(
    minutes: float, seed: int, port: int, servers: list[Server], parts: dict[str, Part], effects: Effects, name: str
) -> Counts:
    accepted: set[int] = set()
    frames: Counter[int] = Counter()
    chaos = Chaos(servers, parts, seed)
    numbers = random.Random(seed)
    posting = [asyncio.create_task(post(port, accepted, numbers)) for _ in range(POSTERS)]
    looking = [asyncio.create_task(effects.watch()), asyncio.create_task(listen(port, frames))]
    await settled(effects)
    killing = asyncio.create_task(chaos.run())
    ended, _ = await asyncio.wait([killing, *looking], timeout=minutes * 60, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
    await cancelled(killing)
    for server in servers:
        await server.killed()
    await cancelled(*posting)
    await until_done(accepted, effects)
    late = asyncio.create_task(post(port, accepted, numbers))
    heard = await heard_again(set(accepted), accepted, frames, LONGEST_RECOVERY)
    await cancelled(late)
    await until_done(accepted, effects)
    await cancelled(*looking)
    print(f"killed: {', '.join(chaos.told)}")
    dead = await dead_letters(servers[0].url, name)
    kills = sum(part.kills for part in (*parts.values(), *servers))
    return await counted(kills, accepted, dead, frames, heard, effects)


async def counted(
    kills: int, accepted: set[int], dead: set[str], frames: Counter[int], heard: bool, effects: Effects
) -> Counts:
    handled = await effects.handled()
    found = account(accepted, handled, dead)
    for message, _handler in found.lost:
        print(f"lost: {message}")
    return Counts(
        kills=kills,
        accepted=len(accepted),
        found=found,
        ticks=await effects.doubled_ticks(),
        runs=await effects.overlapping_runs(),
        frames=frames,
        ghosts=len(frames.keys() - handled.keys()),
        is_heard_again=heard,
        broker=effects.broker.longest,
        redis=effects.redis.longest,
    )


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
    parser.add_argument(
        "--port", type=int, default=5683, help="of RabbitMQ; the two next ones are the server's and Redis's"
    )
    said = parser.parse_args()
    if installed_program() is None:
        sys.stderr.write("RabbitMQ is not installed here: apt install rabbitmq-server\n")
        return 2
    if shutil.which("redis-server") is None:
        sys.stderr.write("Redis is not installed here: apt install redis-server\n")
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
