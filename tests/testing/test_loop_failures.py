"""How a virtual loop ends a test that can never go on, and what it refuses."""

import asyncio
import contextlib
import socket
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from jararaca_testing.errors import Deadlock, ForeignPeer, HungThread, NotSettled, PatienceSpent, UnfinishedTasks
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(lambda: VirtualLoop(hang_limit=5.0))
    yield run
    run.close()


def virtual() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_a_test_that_nothing_can_wake_fails_at_once(run: Run) -> None:
    with pytest.raises(Deadlock) as failure:
        run(asyncio.Event().wait())

    assert "Nothing can ever happen" in str(failure.value)
    assert "an asyncio.Event that nobody has set" in str(failure.value)


def test_after_a_deadlock_the_same_loop_goes_on(run: Run) -> None:
    """Fixtures are torn down on the loop of the test that failed."""

    async def scenario() -> str:
        await asyncio.sleep(1)
        return "torn down"

    with pytest.raises(Deadlock):
        run(asyncio.Event().wait())
    assert run(scenario()) == "torn down"


def test_a_deadlocked_test_unwinds_before_it_fails(run: Run) -> None:
    """Its `finally` blocks run, and may wait: a lock that it holds must not outlive it."""
    seen: list[str] = []

    async def scenario() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)
            seen.append("unwound")

    with pytest.raises(Deadlock):
        run(scenario())
    assert seen == ["unwound"]


def test_a_deadlock_cannot_be_swallowed(run: Run) -> None:
    async def scenario() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "all is well"
        return "never"

    with pytest.raises(Deadlock):
        run(scenario())


def test_what_goes_wrong_while_a_test_unwinds_is_shown_as_the_cause(run: Run) -> None:
    async def scenario() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError("no such row")

    with pytest.raises(Deadlock) as failure:
        run(scenario())
    assert isinstance(failure.value.__cause__, LookupError)


def test_a_test_that_waits_again_after_its_failure_is_given_up() -> None:
    run = Run(VirtualLoop)

    async def scenario() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(Deadlock):
        run(scenario())
    with pytest.raises(UnfinishedTasks, match="swallow their cancellation"):
        run.close()


def test_a_wait_is_given_up_when_the_patience_is_spent_although_timers_are_armed(run: Run) -> None:
    """A cron timer must not hide that nobody will ever answer."""

    async def scenario() -> None:
        async def cron() -> None:
            while True:
                await asyncio.sleep(7)

        ticker = asyncio.create_task(cron(), name="cron")
        await asyncio.Event().wait()
        ticker.cancel()

    with pytest.raises(PatienceSpent, match="has waited for 60 virtual seconds") as failure:
        run(scenario())
    assert "the next timer is due at t=63.000 only" in str(failure.value)
    assert "sleep(7) until t=63.000" in str(failure.value)


def test_each_await_of_a_test_has_a_patience_of_its_own(run: Run) -> None:
    async def scenario() -> float:
        for _await in range(5):
            await asyncio.sleep(50)
        return virtual().time()

    assert run(scenario()) == 250.0


def test_time_that_was_asked_to_pass_costs_no_patience(run: Run) -> None:
    async def scenario() -> float:
        virtual().leap(3600)
        await asyncio.sleep(60)
        await asyncio.gather(virtual().advance(3600), asyncio.sleep(3660))
        return virtual().time()

    assert run(scenario()) == 3600.0 + 60 + 3660


def test_patience_can_be_given_for_a_block(run: Run) -> None:
    async def scenario() -> None:
        with virtual().patience(3600):
            await asyncio.sleep(3600)
        await asyncio.sleep(61)

    with pytest.raises(PatienceSpent, match="60 virtual seconds"):
        run(scenario())


def test_an_explicit_timeout_of_the_test_counts_instead_of_patience(run: Run) -> None:
    async def scenario() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await asyncio.Event().wait()
        async with asyncio.timeout(0.5):
            await asyncio.sleep(0.25)
        return virtual().time()

    assert run(scenario()) == 300.25


@pytest.mark.parametrize("wait", [asyncio.wait_for, lambda event, seconds: asyncio.wait([event], timeout=seconds)])
def test_each_way_to_limit_a_wait_counts_instead_of_patience(run: Run, wait: Callable[..., Awaitable[Any]]) -> None:
    async def scenario() -> float:
        never = virtual().create_future()
        with contextlib.suppress(TimeoutError):
            await wait(never, 300)
        return virtual().time()

    assert run(scenario()) == 300


def test_a_timeout_that_somebody_else_set_does_not_extend_patience(run: Run) -> None:
    async def scenario() -> None:
        async def limited() -> None:
            async with asyncio.timeout(300):
                await asyncio.Event().wait()

        task = asyncio.create_task(limited())
        await asyncio.Event().wait()
        task.cancel()

    with pytest.raises(PatienceSpent):
        run(scenario())


def test_autojump_lifts_the_limit_of_patience(run: Run) -> None:
    async def scenario() -> float:
        virtual().autojumps = True
        await asyncio.sleep(86_400 * 3)
        return virtual().time()

    assert run(scenario()) == 86_400.0 * 3


def test_a_test_that_spins_is_given_up_after_very_many_turns(run: Run) -> None:
    async def scenario() -> None:
        async def spin() -> None:
            while True:
                await asyncio.sleep(0)

        virtual().max_turns = 1_000
        spinner = asyncio.create_task(spin(), name="spinner")
        await asyncio.sleep(1)
        spinner.cancel()

    with pytest.raises(NotSettled, match="1001 turns") as failure:
        run(scenario())
    assert "spinner" in str(failure.value)


@pytest.mark.parametrize(
    ("reach", "peer"),
    [
        (lambda: asyncio.open_connection("db.example", 5432), "db.example:5432"),
        (lambda: asyncio.open_unix_connection("/run/db.socket"), "/run/db.socket"),
        (lambda: asyncio.start_server(print, ["127.0.0.1", "::1"], 80), "127.0.0.1,::1:80"),
        (lambda: asyncio.start_unix_server(print, "/run/us.socket"), "/run/us.socket"),
        (lambda: virtual().create_datagram_endpoint(print, remote_addr=("ns.example", 53)), "ns.example:53"),
        (lambda: virtual().create_datagram_endpoint(print), "an unnamed address"),
        (lambda: asyncio.create_subprocess_exec("psql", "-c", "select 1"), "psql -c select 1"),
        (lambda: asyncio.create_subprocess_shell("ls | wc"), "ls | wc"),
    ],
)
def test_reaching_out_of_the_process_is_refused_by_name(run: Run, reach: object, peer: str) -> None:
    async def scenario() -> None:
        assert callable(reach)
        await reach()

    with pytest.raises(ForeignPeer) as refusal:
        run(scenario())
    assert refusal.value.peer == peer
    assert peer in str(refusal.value)


def test_a_connected_socket_that_is_handed_over_is_refused_by_its_peer(run: Run) -> None:
    async def scenario(sock: socket.socket) -> None:
        await asyncio.open_connection(sock=sock)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as sock, pytest.raises(ForeignPeer) as refusal:
            run(scenario(sock))
    assert refusal.value.peer == f"127.0.0.1:{port}"


def test_an_unconnected_socket_is_refused_as_well(run: Run) -> None:
    async def scenario() -> list[str]:
        peers = []
        with socket.socket(socket.AF_UNIX) as sock:
            for reach in (
                asyncio.open_unix_connection(sock=sock),
                virtual().sock_connect(sock, "/run/db.socket"),
                virtual().sock_connect(sock, ("db.example", 5432)),
            ):
                with pytest.raises(ForeignPeer) as refusal:
                    await reach
                peers.append(refusal.value.peer)
        return peers

    assert run(scenario()) == ["an unconnected socket", "/run/db.socket", "db.example:5432"]


def connect(family: socket.AddressFamily, address: Any) -> None:
    with socket.socket(family) as sock:
        sock.connect_ex(address)


@pytest.mark.parametrize(
    ("reach", "peer"),
    [
        (lambda: httpx.get("http://api.example/"), "api.example:80"),
        (lambda: urllib.request.urlopen("https://api.example/"), "api.example:443"),
        (lambda: socket.create_connection(("127.0.0.1", 1)), "127.0.0.1:1"),
        (lambda: connect(socket.AF_INET, ("127.0.0.1", 1)), "127.0.0.1:1"),
        (lambda: connect(socket.AF_UNIX, "/run/db.socket"), "/run/db.socket"),
    ],
)
def test_a_call_that_blocks_is_refused_by_name(run: Run, reach: Callable[[], object], peer: str) -> None:
    async def scenario() -> None:
        reach()

    with pytest.raises(ForeignPeer) as refusal:
        run(scenario())
    assert refusal.value.peer == peer


def test_a_thread_that_the_loop_waits_for_may_reach_out(run: Run) -> None:
    def reach(address: tuple[str, int]) -> Any:
        with socket.create_connection(address) as sock:
            return sock.getpeername()

    with socket.create_server(("127.0.0.1", 0)) as server:
        assert run(asyncio.to_thread(reach, server.getsockname())) == server.getsockname()


def test_time_stands_still_for_an_open_file_until_somebody_writes(run: Run) -> None:
    async def scenario() -> tuple[bytes, float]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            async with asyncio.timeout(0.001):
                threading.Timer(0.05, theirs.send, [b"hello"]).start()
                data = await virtual().sock_recv(ours, 5)
        return data, virtual().time()

    assert run(scenario()) == (b"hello", 0.0)


def test_an_open_file_that_stays_silent_fails_the_test_by_name() -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            await virtual().sock_recv(ours, 5)

    run = Run(lambda: VirtualLoop(hang_limit=0.05))
    with pytest.raises(HungThread, match="the open file descriptor"):
        run(scenario())
    run.close()


def test_a_group_of_tasks_is_aborted_in_the_order_of_birth(run: Run) -> None:
    """asyncio keeps them in a set, whose order would depend on addresses in memory."""
    order: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append(number)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(wait(number))
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(BaseExceptionGroup):
        run(scenario())
    assert order == list(range(200))


def test_tasks_that_are_done_are_reported_in_the_same_order_in_every_run() -> None:
    def order() -> list[int]:
        async def answer(number: int) -> int:
            return number

        async def scenario() -> list[int]:
            done, _pending = await asyncio.wait([asyncio.create_task(answer(number)) for number in range(200)])
            return [task.result() for task in done]

        run = Run(VirtualLoop)
        answers = run(scenario())
        run.close()
        return answers

    first = order()
    ballast = [bytearray(number) for number in range(999)]
    assert order() == first
    assert len(ballast) == 999


def test_names_of_tasks_begin_anew_in_each_loop() -> None:
    def first_name() -> str:
        async def scenario() -> str:
            task = asyncio.create_task(asyncio.sleep(0))
            await task
            return task.get_name()

        run = Run(VirtualLoop)
        name = run(scenario())
        run.close()
        return name

    assert first_name() == first_name() == "Task-2"


def test_debug_mode_is_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slows every callback down and changes nothing that a test could see."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")

    async def scenario() -> bool:
        return asyncio.get_running_loop().get_debug()

    assert run(scenario()) is False


def test_closing_waits_for_tasks_that_clean_up(run: Run) -> None:
    seen: list[str] = []

    async def clean() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            seen.append("clean")

    async def scenario() -> None:
        scenario.task = asyncio.create_task(clean())  # type: ignore[attr-defined] # so that it is not collected
        await asyncio.sleep(0)

    inner = Run(VirtualLoop)
    inner(scenario())
    inner.close()
    assert seen == ["clean"]
