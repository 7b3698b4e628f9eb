"""Several processes of one application in one test's world, started and stopped one by one."""

from typing import Any

from jararaca import Microservice, use_publisher
from jararaca.bootstrap.assembly import assemble
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.environment import Environment
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.worker import WorkerRuntime
from jararaca_testing.ledger import Ledger
from jararaca_testing.profiles.world import World

A_WHILE = 1.0
"""Seconds in which everything that could happen has happened; for what should not."""


class Process:
    """One process: its own connection to the broker, and a worker once `work` was called."""

    def __init__(self, declaration: Microservice, world: World, config: MessageBusConfig) -> None:
        self._assembly = assemble(declaration, world.ports, config, needs_broker=True)
        self.application = self._assembly.application
        self.environment = self.application.environment
        self.worker: WorkerRuntime | None = None

    async def start(self) -> None:
        await self.application.start()
        await self._assembly.connect(60.0)

    async def work(self) -> None:
        self.worker = self._assembly.worker()
        await self.worker.start()

    async def publish(self, message: Any, topic: str, **options: Any) -> str:
        """Publish as code of this process outside of a unit of work does."""
        token = enter(self.application.execution(Trigger("manual", "test")))
        try:
            return await use_publisher().publish(message=message, topic=topic, **options)
        finally:
            leave(token)

    async def stop(self, grace: float = 0.0) -> bool:
        """Stop as on a signal. True if no attempt had to be cancelled."""
        worker, self.worker = self.worker, None
        clean = worker is None or await worker.stop(grace)
        await self.application.stop()
        return clean


class System:
    """The processes of a test. `ledger` sees all of them; `environment` is that of the latest."""

    def __init__(self, declaration: Microservice, world: World) -> None:
        self._declaration = declaration
        self.world = world
        self.clock = world.clock
        self.ledger = Ledger(world.clock.monotonic)
        self._processes: list[Process] = []

    @property
    def environment(self) -> Environment:
        return self._processes[-1].environment

    async def start(self, *, working: bool = True, declaration: Microservice | None = None, **config: Any) -> Process:
        """Start a process, with a worker unless it should only publish. `config` are fields of `MessageBusConfig`."""
        process = Process(declaration or self._declaration, self.world, MessageBusConfig(url="memory://", **config))
        process.environment.steps.add(self.ledger)
        self._processes.append(process)
        await process.start()
        if working:
            await process.work()
        return process

    async def settle(self) -> None:
        """Let a while pass."""
        await self.clock.sleep(A_WHILE)

    async def stop(self) -> None:
        for process in self._processes:
            await process.stop()
