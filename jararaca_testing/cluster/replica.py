"""One replica: a process of the application, with a container and connections of its own, on the loop of the test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Literal, TypeVar

from httpx import AsyncClient

from jararaca.bootstrap.assembly import Assembly, assemble
from jararaca.bootstrap.factories import as_http
from jararaca.core.lifecycle import Host
from jararaca.core.runtimes import Runtime
from jararaca.errors import UsageError
from jararaca.presentation.server import HttpRuntime
from jararaca.scheduler.scheduler import SchedulerRuntime
from jararaca_testing.cluster.door import Door
from jararaca_testing.faults.attaching import attach
from jararaca_testing.faults.boundaries import StepBoundaries
from jararaca_testing.faults.process import Process, Server
from jararaca_testing.faults.vocabulary import Partition
from jararaca_testing.gates.findings import Finding
from jararaca_testing.harness import RunningApplication
from jararaca_testing.http import ServedApp, http_client
from jararaca_testing.mortality import Life
from jararaca_testing.origins import caller
from jararaca_testing.outboxes import outbox_tables
from jararaca_testing.traffic import Traffic
from jararaca_testing.websocket import WebSocketClient

T = TypeVar("T")

Role = Literal["http", "worker", "scheduler", "app"]
ROLES: tuple[Role, ...] = ("http", "worker", "scheduler", "app")
"""What a replica may be; `app` is all of it in one process, as `jararaca dev` runs it."""

CONNECT_WITHIN = 60.0


class Replica:
    """One process of a cluster, `name` being its role and number, such as `worker-1`.

    `http` and `ws` are clients of this replica alone. What the test asks it to do is done in its own life, so it may
    die on the way.
    """

    def __init__(self, app: RunningApplication, role: Role, number: int) -> None:
        assert app.faults is not None, "an application that is clustered has faults"
        self.name = f"{role}-{number}"
        self.role = role
        self.process: Process = app.faults.process(self.name, role)
        self.door = Door(self.name)
        traffic = Traffic(self.door, app.ledger)
        self.http: AsyncClient = http_client(traffic)
        self.ws = WebSocketClient(traffic, app.tasks)
        self.on_death: list[Callable[[Replica], None]] = []
        self.left_open: list[Finding] = []
        self._app = app
        self._births = 0
        self._stack = AsyncExitStack()
        self._runtimes: list[Runtime] = []
        self.assembly: Assembly | None = None
        self.scheduler: SchedulerRuntime | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has neither died nor been drained."""
        return self.process.life is not None and not self.process.life.is_over

    @property
    def deaths(self) -> int:
        """How often it has died or was drained."""
        return self._births - self.is_running

    async def start(self) -> None:
        """Start it, for the first time or again: with nothing but what its servers remember.

        Raises:
            UsageError: it runs.
        """
        if self.is_running:
            raise UsageError(f"{self.name} runs already. Kill or drain it first.")
        self._births += 1
        life = self.process.life = Life(self.name)
        life.on_end.append(lambda: self._died(life))
        self._stack, self._runtimes = AsyncExitStack(), []
        await self._live(life, self._come_up(life), f"start of {self.name}")

    async def _come_up(self, life: Life) -> None:
        declaration = as_http(self._app.declaration)
        attachment = attach(self._app.world, self.process)
        self._stack.callback(lambda: self.left_open.extend(attachment.checkouts.findings()))
        assembly = self.assembly = assemble(
            declaration.app, attachment.ports, self._app.assembly.config, needs_broker=True
        )
        environment = assembly.application.environment
        environment.instance = self.name if self._births == 1 else f"{self.name}.{self._births}"
        for spec in (*attachment.providers, outbox_tables(environment, self._app.world.databases)):
            environment.container.register(spec)
        self._app.override.follow(environment.container)
        environment.steps.locate = caller
        for observer in (self._app.ledger, self._app.verdict, StepBoundaries(self.process)):
            environment.steps.add(observer)
        http = assembly.http(declaration) if self.role in ("http", "app") else None
        self._stack.push_async_callback(assembly.application.stop)
        await assembly.application.start()
        await assembly.connect(CONNECT_WITHIN)
        if self.role in ("worker", "app"):
            await self._run(assembly.worker())
        if self.role in ("scheduler", "app"):
            self.scheduler = assembly.scheduler()
            await self._run(self.scheduler)
        if http is not None:
            await self._serve(http, life)

    async def _run(self, runtime: Runtime) -> None:
        self._runtimes.append(runtime)
        await runtime.start()

    async def _serve(self, http: HttpRuntime, life: Life) -> None:
        served = ServedApp(lambda: http.asgi)

        @asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            async with http.asgi.router.lifespan_context(http.asgi) as state:
                served.state.update(state or {})
                yield

        await self._run(http)
        host = Host(lifespan, name=f"lifespan of {self.name}")
        await host.start()
        self._stack.push_async_callback(host.stop)
        self.door.open(life, served)

    async def kill(self) -> None:
        """Let it die as of a SIGKILL: not one instruction of it runs any more, and its connections are lost.

        No effect if it does not run.
        """
        life = self.process.life
        if life is not None and not life.is_over:
            life.end()
            await life.ended()

    def _died(self, life: Life) -> None:
        self.door.close()
        self.scheduler = None
        self._app.in_flight.forget(life)
        for listener in self.on_death:
            listener(self)

    async def drain(self, grace: float | None = None) -> bool:
        """Stop it as a SIGTERM does, within `grace` seconds (the application's own unless given).

        True if no work had to be cancelled. No effect if it does not run.
        """
        life = self.process.life
        if life is None or life.is_over or self.assembly is None:
            return True
        within = self.assembly.application.declaration.shutdown_grace if grace is None else grace
        clean = await self._live(life, self._go_down(within), f"end of {self.name}")
        if not life.is_over:
            self.process.life, self.scheduler = None, None
            self.process.on_cut.clear()
        return bool(clean)

    async def _go_down(self, grace: float) -> bool:
        assert self.assembly is not None
        self.assembly.application.environment.shutdown.request()
        clean = [await runtime.stop(grace) for runtime in reversed(self._runtimes)]
        self.door.close()
        await self._stack.aclose()
        return all(clean)

    def partition(self, *servers: Server) -> Partition:
        """Cut it off from servers; see `faults.partition`."""
        assert self._app.faults is not None
        return self._app.faults.partition(*servers, on=self)

    async def fire(self, action: str, at: datetime) -> None:
        """Fire an action beside its schedule."""
        life, scheduler = self.process.life, self.scheduler
        assert life is not None
        assert scheduler is not None
        await self._live(life, scheduler.fire(action, at), f"firing of {action}")

    async def _live(self, life: Life, coroutine: Coroutine[Any, Any, T], name: str) -> T | None:
        """Let it do something in its own life, and wait for that; None if it died on the way."""
        task = life.spawn(coroutine, name=name)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise
        return None if task.cancelled() else task.result()

    def __repr__(self) -> str:
        return f"<replica {self.name}{'' if self.is_running else ', which does not run'}>"
