"""The world of the services and containers profiles: the same tests in real time, on servers that are really there."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.redis.connection import RedisClientFactory
from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.core.environment import Ports
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import BrokerUnavailable
from jararaca.persistence.config import EngineFactory
from jararaca.ports.broker import Broker, BrokerState
from jararaca.ports.schedule_store import ScheduleStore
from jararaca_testing.chance import SeededChance
from jararaca_testing.errors import NotSettled
from jararaca_testing.inflight import InFlight
from jararaca_testing.profiles.redis_server import TestRedis
from jararaca_testing.profiles.scaled import Made, ScaledBroker, ScaledClock
from jararaca_testing.profiles.schedules import ScaledStore
from jararaca_testing.profiles.schemas import TestSchemas
from jararaca_testing.realtime import RealTimeLoop
from jararaca_testing.servers import Servers

LEAST = 15.0
"""Real seconds that settling may take at least: user code that sleeps does so in real time."""

MOMENT = 2.5
"""Real seconds that what came due while time advanced has to be handled; what sleeps longer goes on sleeping."""

TURNS = 20


class RealWorld:
    """One test's corner of real servers: every name begins with its namespace, and it is removed in the end."""

    def __init__(
        self,
        loop: RealTimeLoop,
        servers: Servers,
        chance: SeededChance,
        *,
        scale: float,
        test: str,
        clock: ScaledClock | None = None,
    ) -> None:
        self.clock = clock or ScaledClock(scale, longest=loop.patience, rest=self._rest)
        self._loop = loop
        self._servers = servers
        self._chance = chance
        self._test = test
        self._namespace = "t" + hashlib.blake2s(f"{test} {os.getpid()} {id(self)}".encode(), digest_size=6).hexdigest()
        self._scale = scale
        self._made = Made()
        self._brokers: list[RabbitMQBroker] = []
        self.databases = TestSchemas(servers.database, self._namespace)
        self._redis = TestRedis(servers.redis, owner=self._namespace)
        self.checkouts = self.databases.checkouts
        self._hub = FanoutHub()
        self._store = MemoryScheduleStore(self.clock)
        self._in_flight = InFlight(())
        self._changed = asyncio.Event()
        self.ports = Ports(
            clock=self.clock,
            chance=chance,
            broker=self._broker,
            fanout=lambda: MemoryFanout(self._hub),
            schedule_store=self._schedule_store,
            namespace=f"{self._namespace}.",
        )

    def _broker(self, url: str, *, heartbeat: int, name: str) -> Broker:  # noqa: ARG002 -- the profile says where
        broker = RabbitMQBroker(self._servers.amqp, heartbeat=heartbeat, name=name)
        self._brokers.append(broker)
        return ScaledBroker(broker, self._scale, self._made)

    def _schedule_store(self, declared: Callable[[], ScheduleStore] | None) -> ScheduleStore:
        if declared is None:
            return self._store
        store = declared()
        # SQLite, in place of a server, has no time of its own: leases end by the clock of the test, scaled already
        own_time = self._servers.database is not None or not isinstance(store, SQLScheduleStore)
        return ScaledStore(store, self._scale) if own_time else store

    @property
    def providers(self) -> Sequence[ProviderSpec]:
        return (
            ProviderSpec(EngineFactory, use_value=self.databases.engine),
            ProviderSpec(RedisClientFactory, use_value=self._redis.instead_of),
        )

    @property
    def redis(self) -> Any:
        return self._redis.client

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator["RealWorld"]:
        chance = self._chance.again()
        world = RealWorld(self._loop, self._servers, chance, scale=self._scale, test=self._test, clock=self.clock)
        before, self.clock.rest = self.clock.rest, world._rest
        try:
            yield world
        finally:
            self.clock.rest = before
            await world.close()

    def watch(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        in_flight.changed = self._changed.set

    def fail(self, failure: AssertionError) -> bool:
        return self._loop.fail(failure)

    async def settle(self, *, max_steps: int, within: float) -> None:
        """What was published and matches a handler has been settled, and nothing is being handled."""
        last_step = self._in_flight.steps + max_steps
        limit = max(within * self._scale, LEAST)
        if not await self._comes_to_rest(limit, last_step):
            in_flight = self._in_flight
            why = (
                f"it took more than {max_steps} steps"
                if in_flight.steps > last_step
                else f"it still moves after {limit:g} real seconds"
            )
            moving = (*in_flight.handling(), *in_flight.unsettled(), *in_flight.travelling())
            lines = [f"The application does not come to rest: {why}.", *(f"  still moving: {each}" for each in moving)]
            raise NotSettled("\n".join([*lines, *in_flight.cycles()]), moving=moving)

    async def _rest(self) -> None:
        await self._comes_to_rest(MOMENT, self._in_flight.steps + 10_000)

    async def _comes_to_rest(self, limit: float, last_step: int) -> bool:
        """Wait for it, woken by each step; no silence is ever taken for an answer."""
        try:
            async with asyncio.timeout(limit):
                while not await self._is_at_rest():
                    if self._in_flight.steps > last_step:
                        return False
                    await self._changed.wait()
                    self._changed.clear()
                await self._flush()
        except TimeoutError:
            return False
        return True

    async def _flush(self) -> None:
        """Let acknowledgements reach the server: one that is lost with its connection brings its message back."""
        for broker in self._brokers:
            if broker.state is BrokerState.READY:
                with contextlib.suppress(BrokerUnavailable):
                    await broker.flush()

    async def _is_at_rest(self) -> bool:
        """Nothing is in flight, also after everything that is runnable had its turns."""
        for _turn in range(TURNS):
            if not self._in_flight.is_empty:
                return False
            await asyncio.sleep(0)
        return self._in_flight.is_empty

    def lose_connections(self) -> None:
        """Cut every connection to RabbitMQ under its socket; those to the other servers stay."""
        for broker in self._brokers:
            broker.drop()

    def close_at_once(self) -> bool:
        return False

    async def close(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.databases.close)
            stack.push_async_callback(self._redis.close)
            if self._made.queues or self._made.exchanges:
                broker = RabbitMQBroker(self._servers.amqp, name=f"removal of {self._namespace}")
                await broker.connect()
                stack.push_async_callback(broker.close)
                await self._made.delete_from(broker)
