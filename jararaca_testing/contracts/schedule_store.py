"""The contract of a schedule store. Stores that one fixture makes are like schedulers that share one server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import UsageError
from jararaca.ports.schedule_store import Lease, ScheduleStore
from jararaca_testing.contracts.proofs import proves

TICK = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
TTL = 30.0  # seconds
Connect = Callable[[], ScheduleStore]
Elapse = Callable[[float], Awaitable[None]]


async def acquired(store: ScheduleStore, name: str = "app.job", holder: str = "a", ttl: float = TTL) -> Lease:
    lease = await store.acquire(name, holder=holder, ttl=ttl)
    assert lease is not None
    return lease


class ScheduleStoreContract:
    """Every test of a `ScheduleStore`. Inherit it in a class whose name begins with `Test`, and override `new_store`.

    A store with a clock of its own, such as one in memory, overrides `elapse` too. Each test begins with an empty one.
    """

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def new_store(self) -> Callable[[], ScheduleStore]:
        """Override this: makes stores, or connections to one, that share what they remember; it is empty at first."""
        raise UsageError(
            f"{type(self).__name__} says not which store is under contract. Override its fixture new_store with one "
            "that returns a function, which makes one more store at each call."
        )

    @pytest.fixture
    def elapse(self) -> Elapse:
        """Lets so many seconds pass for the store; really, unless it is overridden. No test asks for a whole one."""
        return SystemClock().sleep

    @pytest_asyncio.fixture
    async def connect(self, new_store: Callable[[], ScheduleStore]) -> AsyncIterator[Connect]:
        """Connects one more scheduler, whose store is closed after the test."""
        stores: list[ScheduleStore] = []

        def connect() -> ScheduleStore:
            stores.append(new_store())
            return stores[-1]

        yield connect
        for store in stores:
            await store.close()

    @pytest.fixture
    def store(self, connect: Connect) -> ScheduleStore:
        return connect()

    @proves("STORE-01")
    async def test_a_tick_is_claimed_once(self, connect: Connect) -> None:
        stores = [connect() for _ in range(5)]
        ticks = [TICK + timedelta(seconds=second) for second in range(50)]

        claims = [await asyncio.gather(*(store.claim("app.job", tick) for store in stores)) for tick in ticks]

        assert [sum(claim) for claim in claims] == [1] * 50

    @proves("STORE-02")
    async def test_a_watermark_never_moves_back(self, store: ScheduleStore) -> None:
        assert await store.claim("app.job", TICK)
        assert not await store.claim("app.job", TICK - timedelta(seconds=1))
        assert await store.last("app.job") == TICK

    @proves("STORE-02")
    async def test_a_watermark_may_leave_ticks_out(self, store: ScheduleStore) -> None:
        await store.claim("app.job", TICK)

        assert await store.claim("app.job", TICK + timedelta(days=3))
        assert await store.last("app.job") == TICK + timedelta(days=3)

    @proves("STORE-02")
    async def test_without_a_claim_there_is_no_watermark(self, store: ScheduleStore) -> None:
        assert await store.last("app.job") is None

    @proves("STORE-03")
    async def test_watermarks_of_actions_do_not_meet(self, store: ScheduleStore) -> None:
        await store.claim("app.job", TICK)

        assert await store.last("app.job2") is None
        assert await store.claim("app.job2", TICK - timedelta(hours=1))

    @proves("STORE-04")
    async def test_a_watermark_is_seen_by_every_scheduler_and_outlives_time(
        self, connect: Connect, elapse: Elapse
    ) -> None:
        await connect().claim("app.job", TICK)
        await elapse(0.5)

        assert await connect().last("app.job") == TICK
        assert not await connect().claim("app.job", TICK)

    @proves("STORE-05")
    async def test_fractions_of_a_second_count(self, store: ScheduleStore) -> None:
        await store.claim("app.job", TICK)

        assert await store.claim("app.job", TICK + timedelta(microseconds=1))
        assert await store.last("app.job") == TICK + timedelta(microseconds=1)

    @proves("STORE-06")
    async def test_a_lease_has_one_holder(self, connect: Connect) -> None:
        leases = await asyncio.gather(*(connect().acquire("app.job", holder=holder, ttl=TTL) for holder in "abc"))
        assert [lease is not None for lease in leases].count(True) == 1

    @proves("STORE-06")
    async def test_a_lease_that_is_held_is_not_given_to_its_holder_again(self, store: ScheduleStore) -> None:
        """It stands for one run of one action, not for a process."""
        await acquired(store, holder="a")
        assert await store.acquire("app.job", holder="a", ttl=TTL) is None

    @proves("STORE-03")
    async def test_leases_of_different_names_do_not_meet(self, store: ScheduleStore) -> None:
        first, second = await acquired(store, "app.job"), await acquired(store, "app.job2", holder="b")
        assert (first.name, first.holder, second.name, second.holder) == ("app.job", "a", "app.job2", "b")

    @proves("STORE-07", "STORE-08")
    async def test_a_released_lease_can_be_taken_at_once_with_a_larger_token(self, connect: Connect) -> None:
        first, second = connect(), connect()
        lease = await acquired(first)
        await first.release(lease)

        assert (await acquired(second, holder="b")).token > lease.token

    @proves("STORE-08", "STORE-09")
    async def test_a_lease_ends_by_itself_and_its_successor_has_a_larger_token(
        self, connect: Connect, elapse: Elapse
    ) -> None:
        lease = await acquired(connect(), ttl=0.1)
        await elapse(0.2)

        assert (await acquired(connect(), holder="b")).token > lease.token

    @proves("STORE-09")
    async def test_a_lease_does_not_end_early(self, store: ScheduleStore, elapse: Elapse) -> None:
        await acquired(store, ttl=60.0)
        await elapse(0.2)

        assert await store.acquire("app.job", holder="b", ttl=TTL) is None

    @proves("STORE-10")
    async def test_renewing_holds_a_lease_beyond_its_first_end(self, store: ScheduleStore, elapse: Elapse) -> None:
        lease = await acquired(store, ttl=0.5)

        assert await store.renew(lease, ttl=60.0)
        await elapse(0.6)
        assert await store.acquire("app.job", holder="b", ttl=TTL) is None
        assert await store.renew(lease, ttl=60.0)

    @proves("STORE-10")
    async def test_a_lease_that_ended_is_held_again_or_lost_but_never_both(
        self, store: ScheduleStore, elapse: Elapse
    ) -> None:
        """Whoever is told that it holds the lease is the only one."""
        lease = await acquired(store, ttl=0.1)
        await elapse(0.2)

        is_held = await store.renew(lease, ttl=TTL)
        successor = await store.acquire("app.job", holder="b", ttl=TTL)

        assert is_held is (successor is None)

    @proves("STORE-07")
    async def test_a_released_lease_cannot_be_renewed(self, store: ScheduleStore) -> None:
        lease = await acquired(store)
        await store.release(lease)

        assert not await store.renew(lease, ttl=TTL)
        assert await store.acquire("app.job", holder="b", ttl=TTL) is not None

    @proves("STORE-11")
    async def test_a_lease_that_somebody_else_took_cannot_be_renewed(
        self, store: ScheduleStore, elapse: Elapse
    ) -> None:
        lease = await acquired(store, ttl=0.1)
        await elapse(0.2)
        successor = await acquired(store, holder="b")

        assert not await store.renew(lease, ttl=TTL)
        assert await store.renew(successor, ttl=TTL)

    @proves("STORE-11")
    async def test_a_former_holder_cannot_release_the_lease_of_its_successor(
        self, store: ScheduleStore, elapse: Elapse
    ) -> None:
        lease = await acquired(store, ttl=0.1)
        await elapse(0.2)
        successor = await acquired(store, holder="b")

        await store.release(lease)

        assert await store.acquire("app.job", holder="c", ttl=TTL) is None
        assert await store.renew(successor, ttl=TTL)

    @proves("STORE-11")
    async def test_the_same_holder_with_an_older_token_is_a_former_holder(self, store: ScheduleStore) -> None:
        lease = await acquired(store, holder="a")
        await store.release(lease)
        await acquired(store, holder="a")

        assert not await store.renew(lease, ttl=TTL)

    @proves("STORE-07")
    async def test_releasing_twice_and_releasing_what_nobody_holds_have_no_effect(self, store: ScheduleStore) -> None:
        lease = await acquired(store)
        await store.release(lease)
        await store.release(lease)
        await store.release(Lease("app.unknown", "a", 1))

        assert await store.acquire("app.job", holder="b", ttl=TTL) is not None
        assert not await store.renew(Lease("app.unknown", "a", 1), ttl=TTL)

    @proves("STORE-08")
    async def test_tokens_only_grow(self, store: ScheduleStore) -> None:
        tokens = []
        for holder in "abcabc":
            lease = await acquired(store, holder=holder)
            tokens.append(lease.token)
            await store.release(lease)

        assert tokens == sorted(set(tokens))

    @proves("STORE-03")
    async def test_a_watermark_and_a_lease_of_one_name_do_not_meet(self, store: ScheduleStore) -> None:
        await store.claim("app.job", TICK)
        lease = await acquired(store, "app.job")
        await store.release(lease)

        assert await store.last("app.job") == TICK
