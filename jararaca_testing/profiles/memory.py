"""The memory profile: virtual time, the in-memory broker, SQLite in the loop, the real Redis adapter on fakeredis."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.adapters.redis.connection import RedisClientFactory
from jararaca.bootstrap.wiring import MemoryBrokers
from jararaca.core.environment import Ports
from jararaca.core.tokens import ProviderSpec
from jararaca.persistence.config import EngineFactory
from jararaca.ports.broker import Broker
from jararaca.ports.schedule_store import ScheduleStore
from jararaca_testing.chance import SeededChance
from jararaca_testing.clock import VirtualClock
from jararaca_testing.databases import SQLiteDatabases
from jararaca_testing.inflight import InFlight
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.profiles.schedules import SettableStore, SetTimes


class MemoryWorld:
    """One test's world in one process. Nothing in it can be reached from outside, and time is the test's."""

    def __init__(
        self, loop: VirtualLoop, clock: VirtualClock, databases: SQLiteDatabases, chance: SeededChance
    ) -> None:
        self.clock = clock
        self._loop = loop
        self._chance = chance
        self.databases = databases
        self.checkouts = databases.checkouts
        self._brokers = MemoryBrokers(clock)
        self._hub = FanoutHub()
        self._redis_server: Any = None
        self._redis: Any = None
        self._store = MemoryScheduleStore(clock)
        self._stack = ExitStack()
        self._stack.callback(databases.reset)
        self._stack.callback(clock.on_set(self._store.rewind))
        self._set_times = SetTimes()
        self._stack.callback(clock.on_set(self._set_times.moments.append))
        self.ports = Ports(
            clock=clock,
            chance=chance,
            broker=self._broker,
            fanout=lambda: MemoryFanout(self._hub),
            schedule_store=self._schedule_store,
            polls=False,
        )

    def _broker(self, url: str, *, heartbeat: int, name: str) -> Broker:  # noqa: ARG002 -- one host serves every URL
        return self._brokers("memory://", heartbeat=heartbeat, name=name)

    def _schedule_store(self, declared: Callable[[], ScheduleStore] | None) -> ScheduleStore:
        return self._store if declared is None else SettableStore(declared(), self._set_times)

    @property
    def providers(self) -> Sequence[ProviderSpec]:
        return (
            ProviderSpec(EngineFactory, use_value=self.databases.engine),
            ProviderSpec(RedisClientFactory, use_value=self._fake_redis),
        )

    def _fake_redis(self, client: Any) -> Any:
        return self._redis_client(client.connection_pool.connection_kwargs.get("decode_responses", False))

    def _redis_client(self, decodes: bool) -> Any:
        from fakeredis import FakeServer

        from jararaca_testing.profiles.fake_redis import fake_client

        self._redis_server = self._redis_server or FakeServer()
        return fake_client(self._redis_server, decode_responses=decodes)

    @property
    def redis(self) -> Any:
        if self._redis is None:
            self._redis = self._redis_client(False)
        return self._redis

    def watch(self, in_flight: InFlight) -> None:
        watching = self._loop.waiting.watching(
            busy=(in_flight.handling, in_flight.unsettled),
            explain=(in_flight.cycles,),
            steps=lambda: in_flight.steps,
        )
        self._stack.enter_context(watching)

    def fail(self, failure: AssertionError) -> bool:
        return self._loop.fail(failure)

    async def settle(self, *, max_steps: int, within: float) -> None:
        """The loop is idle and nothing is being handled: a proof, not a guess."""
        await self._loop.settle(max_steps=max_steps, within=within)

    def lose_connections(self) -> None:
        """Cut every connection to the broker."""
        self._brokers.host().drop_connections()

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator["MemoryWorld"]:
        self.databases.reset()
        self._loop.start_over()
        world = MemoryWorld(self._loop, self.clock, self.databases, self._chance.again())
        try:
            yield world
        finally:
            await world.close()

    def close_at_once(self) -> bool:
        if self._redis is not None:
            return False
        self._stack.close()
        return True

    async def close(self) -> None:
        with self._stack:
            if self._redis is not None:
                await self._redis.aclose()
