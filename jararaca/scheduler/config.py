"""How the schedulers of one application remember what they fired."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """What an operator may decide about schedulers; the field has a twin in the environment.

    Args:
        store_url: where ticks and leases are kept, so that replicas share them. `redis://...`, `rediss://...` or
            `unix://...` is a Redis server; `database://default` is the application's own database of that connection
            name, `postgresql+asyncpg://...` or `sqlite+aiosqlite:///...` another one. None keeps them in the process.
    """

    store_url: str | None = field(default=None, repr=False)
