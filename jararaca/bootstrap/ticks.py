"""Actions whose ticks travel over the broker: what publishes a tick, and the message handler that runs it.

Such an action gets a queue of its own, as a handler of messages does, and everything that holds for those.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from copy import copy
from functools import lru_cache
from typing import Any

from jararaca.bootstrap.outboxes import outboxes_of
from jararaca.core.container import Container
from jararaca.core.context import current_execution
from jararaca.core.environment import Environment
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.messagebus.decorators import IncomingHandler, MessageBusController
from jararaca.messagebus.interceptor import DEFAULT
from jararaca.messagebus.messages import Message
from jararaca.messagebus.publisher import use_publisher
from jararaca.messagebus.retry import RetryPolicy
from jararaca.ports.schedule_store import ScheduleStore
from jararaca.scheduler.actions import ActionSpec, collect_actions
from jararaca.scheduler.dispatch import ScheduledTick, Turns
from jararaca.scheduler.firing import STILL_RUNS
from jararaca.scheduler.misfire import Due
from jararaca.scheduler.records import Records

ATTEMPTS = RetryPolicy().max_attempts
"""As many as a message has that asks for a retry without a policy of its own."""


def topic_of(application: str, action: str) -> str:
    """Where the ticks of an action are published."""
    return f"tick.{application}.{action}"


async def publish_tick(action: ActionSpec, scheduled: ScheduledTick, message_id: str | None) -> None:
    """Publish a tick in the unit of work at hand; it is an error if no queue takes it."""
    topic = topic_of(current_execution().environment.name, action.name)
    await use_publisher().publish(scheduled, topic=topic, message_id=message_id, mandatory=True)


class EndOfRun(AsyncExitStack):
    """What is done when a unit of work has ended, however it did."""


async def end_of_run() -> AsyncIterator[EndOfRun]:
    """The provider of that."""
    async with EndOfRun() as end:
        yield end


class TickController:
    """Receives the ticks of an action and runs it."""

    def __init__(self, environment: Environment, turns: Turns) -> None:
        self._environment = environment
        self._turns = turns

    async def receive(self, action: ActionSpec, message: Message[ScheduledTick]) -> None:
        """Run the action in the unit of work of the message, unless its time has passed or another run lasts."""
        records, due = Records(self._environment, action), _due(message)
        grace = action.fact.misfire_grace
        if grace is not None and (self._environment.clock.now() - due.scheduled_at).total_seconds() > grace:
            records.skip(due, "it is older than its grace")
            return
        scope = current_execution().scope
        assert scope is not None
        controller: Any = await scope.resolve(action.controller)
        end = await scope.resolve(EndOfRun)
        try:
            turn = await self._turns.take(action, due)
        except ScheduleStoreUnavailable:
            await message.retry(reason="the schedule store is not available")
            return
        if turn is None:
            await self._is_held(action, message, records)
            return
        end.push_async_callback(turn.end)
        method = getattr(controller, action.method)
        await (method(turn.tick) if action.takes_tick else method())

    async def _is_held(self, action: ActionSpec, message: Message[ScheduledTick], records: Records) -> None:
        """Skip a tick that meets another run. One that was handed out before may meet the lease of its own dead one."""
        if (message.redelivered or message.attempt > 1) and message.attempt < ATTEMPTS:
            await message.retry(delay=action.fact.lease_ttl / 3, reason="the lease of an earlier run has not ended")
        else:
            records.skip(_due(message), STILL_RUNS)


def _due(message: Message[ScheduledTick]) -> Due:
    scheduled = message.payload()
    return Due(scheduled.scheduled_at, scheduled.missed)


def with_tick_handlers(declaration: Microservice) -> Microservice:
    """The application, with a message handler for each action whose ticks travel; itself if there is none.

    The handlers are idempotent where there is an outbox.
    """
    actions = [action for action in collect_actions(declaration) if action.fact.dispatch == "broker"]
    if not actions:
        return declaration
    idempotent = any(each.connection_name == DEFAULT for each in outboxes_of(declaration))
    handlers = [_controller(declaration.name, action, idempotent) for action in actions]
    complete = copy(declaration)
    complete.controllers = (*declaration.controllers, *handlers)
    return complete


def receives_ticks(declaration: Microservice) -> bool:
    """Whether `with_tick_handlers` has added any."""
    return any(issubclass(controller, TickController) for controller in declaration.controllers)


@lru_cache(maxsize=256)  # an application is put together anew for every test
def _controller(application: str, action: ActionSpec, idempotent: bool) -> type[TickController]:
    async def receive(self: TickController, message: Message[ScheduledTick]) -> None:
        await self.receive(action, message)

    handler = IncomingHandler(
        topic_of(application, action.name),
        action.fact.timeout,
        _exception_handler(action),
        name=action.name,
        idempotent=idempotent,
    )
    name = action.controller.__name__  # by which messages and errors call it
    return MessageBusController()(type(name, (TickController,), {action.method: handler(receive)}))


def _exception_handler(action: ActionSpec) -> Callable[[BaseException, Message[ScheduledTick]], Any] | None:
    handler = action.fact.exception_handler
    if handler is None:
        return None

    def handle(error: BaseException, message: Message[ScheduledTick]) -> Any:
        records = Records(current_execution().environment, action)
        return handler(error, records.tick(_due(message), 0))

    return handle


def tick_providers(container: Container, open_store: Callable[[], ScheduleStore]) -> Iterator[ProviderSpec]:
    """What the handlers of ticks are built from."""

    async def turns() -> AsyncIterator[Turns]:
        turns = Turns(container.get_by_type(Environment), open_store())
        try:
            yield turns
        finally:
            await turns.close()

    yield ProviderSpec(Turns, use_factory=turns, after_interceptors=True)
    yield ProviderSpec(EndOfRun, use_factory=end_of_run, scope="uow")
