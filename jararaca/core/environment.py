"""What surrounds everything that runs in one application: ports, container, resources, the wish to stop."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol, TypeVar

from jararaca.core.container import Container
from jararaca.core.lifecycle import TaskScope
from jararaca.core.measures import Measure
from jararaca.core.shutdown import Shutdown
from jararaca.core.steps import Steps
from jararaca.ports.broker import Broker
from jararaca.ports.chance import Chance
from jararaca.ports.clock import Clock
from jararaca.ports.fanout import Fanout
from jararaca.ports.loop_watch import LoopWatch
from jararaca.ports.schedule_store import ScheduleStore

T = TypeVar("T")


class BrokerFactory(Protocol):
    """Makes an unconnected broker for a URL. `name` shows up in the server's list of connections."""

    def __call__(self, url: str, *, heartbeat: int, name: str) -> Broker: ...


class ScheduleStoreFactory(Protocol):
    """Makes the schedule store of one runtime.

    `declared` connects to the one that the application declares, if it declares one; a process that is the whole system
    does without.
    """

    def __call__(self, declared: Callable[[], ScheduleStore] | None) -> ScheduleStore: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything through which an application can reach the world.

    `namespace` is put before every name on servers; empty outside tests. `embedded` says that this process is the
    whole system: what an application declares for reaching other processes is not used. `polls` is whether something
    may happen that this process is not told of, and has to look for: rows that other processes leave in its databases,
    consumers that a broker forgets, and dead letters that it makes. `loop_watch` makes what watches the event loop;
    None where something else does.
    """

    clock: Clock
    chance: Chance
    broker: BrokerFactory
    fanout: Callable[[], Fanout]
    schedule_store: ScheduleStoreFactory
    namespace: str = ""
    embedded: bool = False
    polls: bool = True
    loop_watch: Callable[[], LoopWatch] | None = None


@dataclass(slots=True, eq=False)
class Environment:
    """The surroundings of one running application. `instance` tells its processes and replicas apart."""

    name: str
    ports: Ports
    container: Container
    steps: Steps = field(default_factory=Steps)
    shutdown: Shutdown = field(default_factory=Shutdown)
    interceptors: tuple[Any, ...] = ()
    instance: str = ""
    attempts: int = 0
    """How many attempts at messages this process runs at a time; said before it starts, by those that run any."""
    tasks: TaskScope = field(init=False)
    secrets: set[str] = field(default_factory=set)
    """What the configuration says is secret: no log and no dead letter has it."""
    _resources: dict[Hashable, Any] = field(default_factory=dict)
    _checks: dict[str, Callable[[], bool]] = field(default_factory=dict)
    _needed: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    _measures: dict[Measure, None] = field(default_factory=dict)
    _executions: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.instance = self.instance or self.ports.chance.uuid().hex[:12]
        self.tasks = TaskScope(self.name)

    @property
    def clock(self) -> Clock:
        return self.ports.clock

    @property
    def chance(self) -> Chance:
        return self.ports.chance

    def checks(self, name: str, is_ready: Callable[[], bool]) -> Callable[[], None]:
        """Make readiness depend on `is_ready()`, shown as `name`, until the returned function is called."""
        self._checks[name] = is_ready

        def withdraw() -> None:
            self._checks.pop(name, None)

        return withdraw

    def needs(self, until_there: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """Let nothing be consumed before `until_there()` returns, until the returned function is called."""
        self._needed.append(until_there)

        def withdraw() -> None:
            self._needed.remove(until_there)

        return withdraw

    async def until_there(self) -> None:
        """Return once everything is there that handlers of messages need."""
        for until_there in tuple(self._needed):
            await until_there()

    def readiness(self) -> dict[str, bool]:
        """Every dependency that a room watches, and whether it is there."""
        return {name: is_ready() for name, is_ready in self._checks.items()}

    def measures(self, *measures: Measure) -> Callable[[], None]:
        """Let whoever shows metrics read these, until the returned function is called."""
        self._measures.update(dict.fromkeys(measures))

        def withdraw() -> None:
            for measure in measures:
                self._measures.pop(measure, None)

        return withdraw

    def measured(self) -> tuple[Measure, ...]:
        """Everything that can be read now."""
        return tuple(self._measures)

    def owned(self, name: str) -> str:
        """The full name on servers of something this application owns: `{namespace}{app}.{name}`."""
        return f"{self.ports.namespace}{self.name}.{name}"

    def shared(self, name: str) -> str:
        """The full name on servers of something that applications share: `{namespace}{name}`."""
        return f"{self.ports.namespace}{name}"

    def next_execution_id(self) -> str:
        """An identity that no other execution of any process has."""
        return f"{self.instance}-{next(self._executions)}"

    def offer(self, key: Hashable, resource: Any) -> Callable[[], None]:
        """Let rooms and users find `resource` under `key` until the returned function is called."""
        self._resources[key] = resource

        def withdraw() -> None:
            if self._resources.get(key) is resource:
                del self._resources[key]

        return withdraw

    def resource(self, key: Hashable) -> Any | None:
        """What was offered under `key`, or None."""
        return self._resources.get(key)

    def resource_keys(self) -> tuple[Hashable, ...]:
        """Every key under which something is offered, for messages about what is missing."""
        return tuple(self._resources)
