"""The dump of a test that can never go on: one entry for each task, with its lines and what it waits for."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jararaca.core.lifecycle import TaskScope
from jararaca_testing.dump import dump, expecting
from jararaca_testing.errors import Deadlock
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.realtime import RealTimeLoop
from jararaca_testing.run import Run


def dump_of(**tasks: Coroutine[Any, Any, object]) -> str:
    """The failure of a test that awaits these, each in a task of that name."""
    run = Run(VirtualLoop)

    async def scenario() -> None:
        started = [asyncio.create_task(coroutine, name=name) for name, coroutine in tasks.items()]
        await asyncio.wait(started)

    with pytest.raises(Deadlock) as failure:
        run(scenario())
    run.close()
    return str(failure.value)


def entry(text: str, name: str) -> str:
    """The lines of one task, down to what it waits for."""
    match = re.search(rf"^  {name}\n((?:    .*\n?)+?    waits for .*\n?|    waits for .*\n?)", text, flags=re.MULTILINE)
    assert match is not None, text
    return match[1]


async def of_event() -> None:
    await asyncio.Event().wait()


async def of_lock() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    async with lock:
        pass


async def of_semaphore() -> None:
    async with asyncio.Semaphore(0):
        pass


async def of_queue() -> None:
    await asyncio.Queue[int](maxsize=3).get()


async def of_condition() -> None:
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()


async def of_future() -> None:
    await asyncio.get_running_loop().create_future()


async def of_named_future() -> None:
    await expecting(asyncio.get_running_loop().create_future(), "a confirm of order.placed")


async def of_gather() -> None:
    await asyncio.gather(of_event(), asyncio.create_task(of_event(), name="refund"), asyncio.sleep(0))


async def of_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(of_event(), name="refund-1")
        group.create_task(of_event(), name="refund-2")


async def of_task() -> None:
    await asyncio.create_task(of_event(), name="refund")


@pytest.mark.parametrize(
    ("coroutine", "reason"),
    [
        (of_event, "an asyncio.Event that nobody has set"),
        (of_lock, "an asyncio.Lock that is taken"),
        (of_semaphore, "an asyncio.Semaphore that is taken"),
        (of_queue, "asyncio.Queue.get() (0 items, maxsize 3)"),
        (of_condition, "an asyncio.Condition that nobody has notified"),
        (of_future, "a future that nobody has resolved"),
        (of_named_future, "a confirm of order.placed"),
        (of_gather, "a gather of Task-4, refund"),
        (of_group, "the end of its TaskGroup: refund-1, refund-2"),
        (of_task, "the task 'refund'"),
    ],
)
def test_what_a_task_waits_for_is_said_in_words(coroutine: Any, reason: str) -> None:
    assert entry(dump_of(billing=coroutine()), "billing").splitlines()[-1] == f"    waits for {reason}"


def test_a_sleep_says_when_it_ends() -> None:
    run = Run(VirtualLoop)

    async def scenario() -> str:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(asyncio.sleep(12.5), name="billing")
        await asyncio.sleep(0)
        text = dump(loop, "Look:")
        task.cancel()
        return text

    text = run(scenario())
    run.close()
    assert text.startswith("Look:\n")
    assert "waits for sleep(12.5) until t=12.500" in entry(text, "billing")
    assert "waits for its next turn" in text


class Billing:
    """Calls through every kind of frame that can wait."""

    def __init__(self) -> None:
        self.confirmed = asyncio.Event()

    async def charge(self) -> None:
        async for amount in self.amounts():
            print(amount)

    async def amounts(self) -> AsyncIterator[int]:
        async with self.opened() as amount:
            yield amount

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[int]:
        await self.confirm()
        yield 1

    async def confirm(self) -> None:
        await self.confirmed.wait()


def test_the_lines_through_which_a_task_waits_are_shown_outermost_first() -> None:
    """Also through asynchronous generators and context managers, which Python's own stack of a task does not show."""
    lines = entry(dump_of(billing=Billing().charge()), "billing").splitlines()

    assert [line.strip().partition(" in ")[2] for line in lines[:-1]] == [
        "Billing.charge: async for amount in self.amounts():",
        "Billing.amounts: async with self.opened() as amount:",
        "Billing.opened: await self.confirm()",
        "Billing.confirm: await self.confirmed.wait()",
    ]
    assert all("test_dump.py:" in line for line in lines[:-1])


def test_asynchronous_generators_that_are_stepped_by_hand_are_looked_into() -> None:
    async def step() -> None:
        amounts = Billing().amounts()
        await anext(amounts)

    async def step_with_default() -> None:
        await anext(Billing().amounts(), None)

    async def send() -> None:
        amounts = Billing().amounts()
        assert hasattr(amounts, "asend")
        await amounts.asend(None)

    text = dump_of(step=step(), defaulted=step_with_default(), send=send())
    for name in ("step", "defaulted", "send"):
        assert "Billing.confirm: await self.confirmed.wait()" in entry(text, name)


def test_a_library_on_the_way_is_named_and_its_lines_are_not_shown() -> None:
    import anyio

    async def wait() -> None:
        await anyio.Event().wait()

    lines = entry(dump_of(billing=wait()), "billing").splitlines()
    assert len(lines) == 2
    assert lines[-1] == "    waits for an asyncio.Event that nobody has set (through anyio)"


def test_the_test_itself_is_in_the_dump() -> None:
    text = dump_of(billing=of_event())
    assert "in dump_of.<locals>.scenario: await asyncio.wait(started)" in entry(text, "the test")


def test_the_test_comes_first_and_the_others_in_the_order_of_their_making() -> None:
    text = dump_of(b10=of_event(), b9=of_event(), a=of_event())
    assert re.findall(r"^  (\S.*)$", text, flags=re.MULTILINE) == ["the test", "b10", "b9", "a"]


def test_a_sleep_in_real_time_says_how_long_it_still_takes() -> None:
    """A real loop counts from when the machine was started, or from anywhere."""

    async def scenario() -> str:
        task = asyncio.create_task(asyncio.sleep(1234.5678904), name="billing")
        await asyncio.sleep(0)
        text = dump(asyncio.get_running_loop(), "Look:")
        task.cancel()
        return text

    run = Run(lambda: RealTimeLoop(patience=5.0))
    text = run(scenario())
    run.close()

    assert re.search(r"sleep\(1234\.568\) for another 12\d\d\.\d s", text), text


async def of_framework(*waited: Coroutine[Any, Any, object]) -> None:
    """Let the framework make tasks, as its runtimes do, and wait for them as the project's code may."""
    tasks = TaskScope("runtime")
    await asyncio.wait([tasks.spawn(each, name=f"consumer {number}") for number, each in enumerate(waited)])


@pytest.mark.parametrize(
    ("idle", "counted"), [(1, "1 task of the framework that waits"), (3, "3 tasks of the framework")]
)
def test_tasks_that_the_framework_keeps_waiting_are_counted(idle: int, counted: str) -> None:
    async def scenario() -> None:
        tasks = TaskScope("runtime")
        for number in range(idle):
            tasks.spawn(asyncio.Event().wait(), name=f"consumer {number}")
        await asyncio.Event().wait()

    text = dump_of(billing=scenario())

    assert re.findall(r"^  (\S.*)$", text, flags=re.MULTILINE)[:2] == ["the test", "billing"]
    assert "consumer" not in text
    assert text.splitlines()[-1].startswith(f"  and {counted}")


def test_tasks_of_the_framework_are_shown_where_they_call_the_project_or_the_project_waits_for_them() -> None:
    text = dump_of(calls=of_framework(of_event()), waits=of_framework(asyncio.Event().wait()))

    listed = re.findall(r"^  (\S.*)$", text, flags=re.MULTILINE)
    assert listed == ["the test", "calls", "waits", "consumer 0", "consumer 0"]


class Refunds:
    """Creates tasks as applications do: in a group, in a method that somebody else calls, through a library."""

    async def start(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(of_event(), name="in a group")
            self.create("by a method")
            await asyncio.gather(of_event())

    def create(self, name: str) -> None:
        self.task = asyncio.get_running_loop().create_task(of_event(), name=name)


def test_each_task_says_where_it_was_created() -> None:
    text = dump_of(billing=Refunds().start())

    created = dict(re.findall(r"^  (\S.*)\n(?:    .*\n)*?    created at (?:\S+) in (.*)$", text, flags=re.MULTILINE))
    assert created == {
        "the test": "dump_of: run(scenario())",
        "billing": (
            "dump_of.<locals>.scenario.<locals>.<listcomp>: started = [asyncio.create_task(coroutine, name=name) for "
            "name, coroutine in tasks.items()]"
        ).replace(".<locals>.<listcomp>", "" if sys.version_info >= (3, 12) else ".<locals>.<listcomp>"),
        "in a group": 'Refunds.start: group.create_task(of_event(), name="in a group")',
        "by a method": "Refunds.create: self.task = asyncio.get_running_loop().create_task(of_event(), name=name)",
        "Task-5": "Refunds.start: await asyncio.gather(of_event())",
    }


def test_long_lines_are_cut() -> None:
    async def wordy() -> None:
        await asyncio.Event().wait() or ("a line that goes on and on, far beyond what anybody would like to read in a dump, to here")  # fmt: skip  # noqa: E501

    assert "to here" not in dump_of(billing=wordy())
