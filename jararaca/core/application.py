"""An application that runs: its environment, and the order in which it comes up and goes down.

Up: providers are built, interceptors' lifecycles entered in list order, late providers built. Down: the reverse.
Runtimes (HTTP, worker, scheduler) are started on top of it by whoever owns the process; in development and in tests
all of them share one application.
"""

import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from jararaca.core.container import Container
from jararaca.core.context import Execution, Trigger
from jararaca.core.ending import CANCEL_GRACE, ToldEnding
from jararaca.core.environment import Environment, Ports
from jararaca.core.interceptors import check_interceptors, checks, has_lifecycle, provides, wraps_work
from jararaca.core.invocation import new_execution
from jararaca.core.lifecycle import Host, take_down
from jararaca.core.microservice import Microservice
from jararaca.core.shutdown import Shutdown
from jararaca.core.tokens import ProviderSpec, key_of
from jararaca.ports.chance import Chance
from jararaca.ports.clock import Clock

logger = logging.getLogger("jararaca.core")


class Application:
    """One declaration brought to life over a set of ports. It may be started again after it was stopped.

    Raises:
        DeclarationError: a provider or an interceptor is none.
    """

    def __init__(
        self,
        declaration: Microservice,
        ports: Ports,
        *,
        extra_interceptors: tuple[object, ...] = (),
        instance: str = "",
    ) -> None:
        check_interceptors(declaration)
        self.declaration = declaration
        container = Container(declaration)
        container.register(ProviderSpec(Clock, use_value=ports.clock))
        container.register(ProviderSpec(Chance, use_value=ports.chance))
        self.interceptors = (*extra_interceptors, *declaration.interceptors)
        """Those of the declaration, behind those that were added to it."""
        self.environment = Environment(
            name=declaration.name,
            ports=ports,
            container=container,
            interceptors=tuple(each for each in self.interceptors if wraps_work(each)),
            instance=instance,
        )
        container.register(ProviderSpec(Environment, use_value=self.environment))
        declared = {key_of(getattr(provider, "provide", provider)) for provider in declaration.providers}
        for each in self.interceptors:
            if provides(each):
                for spec in each.providers(declaration):
                    if key_of(spec.provide) not in declared:
                        container.register(spec)
        self._host = Host(self._lifetime, name=f"lifecycle of {declaration.name}")
        self._validations: list[Callable[[Application], None]] = []
        self._background: ToldEnding | None = None
        self._patience = math.inf
        self.is_running = False

    def validates(self, check: Callable[["Application"], None]) -> None:
        """Let a room look at the declaration before anything starts; it raises a `DeclarationError`."""
        self._validations.append(check)

    def validate(self) -> None:
        """Find what cannot work in the declaration without starting anything.

        Raises:
            DeclarationError: a provider is missing or circular, a scope is violated, or a room objects.
        """
        for interceptor in self.interceptors:
            if checks(interceptor):
                interceptor.check(self.declaration, self.environment.container)
        self.environment.container.validate()
        for check in self._validations:
            check(self)

    async def start(self) -> None:
        """Validate, then come up. What fails on the way up is raised after everything was taken down again.

        What fails while it is taken down is a note on that error, and logged.
        """
        self.validate()
        self.environment.shutdown = Shutdown()
        await self._host.start()
        self.is_running = True

    async def stop(self, grace: float | None = None, *, patience: float = math.inf) -> bool:
        """Go down in reverse order, each part on its own. True if nothing had to be cancelled.

        Args:
            grace: seconds that background work has to end by itself; None is the declared `shutdown_grace`.
            patience: seconds that lifecycles and providers have after that, before they are cancelled.
        """
        self.is_running = False
        self.environment.shutdown.request()
        self._background = ToldEnding("tasks", self.environment.tasks.running, logger)
        self._patience = patience
        try:
            clean = await self._background.within(self.declaration.shutdown_grace if grace is None else grace)
        finally:
            self._background = None
        return await self._host.stop(self._patience) and clean

    def at_once(self) -> None:
        """Let a stop that is under way wait no longer: what runs is cancelled, and what does not leave soon as well."""
        self._patience = min(self._patience, CANCEL_GRACE)
        if self._background is not None:
            self._background.at_once()
        self._host.at_once()

    @asynccontextmanager
    async def _lifetime(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await self._come_up(stack)
            except BaseException as cause:
                await take_down(cause, partial(stack.__aexit__, type(cause), cause, cause.__traceback__))
                raise
            yield

    async def _come_up(self, stack: AsyncExitStack) -> None:
        container = self.environment.container
        stack.push_async_callback(container.close)
        await container.start()
        for interceptor in self.interceptors:
            if has_lifecycle(interceptor):
                await stack.enter_async_context(interceptor.lifecycle(self.declaration, container))
        stack.push_async_callback(container.close_late)
        await container.start_late()

    def execution(self, trigger: Trigger) -> Execution:
        """A new execution of this application that nothing else caused."""
        return new_execution(self.environment, trigger)
