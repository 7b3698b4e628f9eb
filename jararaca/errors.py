"""Every exception of the framework, drawn as a tree.

    JararacaError
    ├── DeclarationError                the application is written wrongly (exit code 2)
    │   ├── InvalidProvider, MissingProvider, CircularDependency, ScopeViolation, UnresolvedAnnotation
    │   ├── InvalidDeclaration          several of them at once
    │   ├── InvalidCron, InvalidTopic, InvalidHandler, InvalidOption
    │   └── ConfigurationError          the environment does not give what a declaration asks for
    ├── UsageError                      a call at a place or time where it cannot work (exit code 2)
    │   ├── OutsideExecution, NoUnitOfWork, NotConfigured, AsyncFactory, AlreadySettled, SharedSession
    │   └── UnencodableValue, UnencodableMessage
    ├── MissingExtra                    an optional dependency is not installed
    ├── ServerUnavailable               a server cannot be reached (exit code 3)
    │   ├── BrokerUnavailable, FanoutUnavailable, ScheduleStoreUnavailable, DatabaseUnavailable
    │   ├── InventoryUnavailable
    │   └── LoginRefused
    ├── BrokerError                     the broker answered, and refused
    │   ├── ChannelClosed, ConnectionClosed
    │   ├── PublishRefused, UnroutableMessage, MessageTooLarge, NotEmulated
    │   └── TopologyMismatch            (exit code 4)
    ├── MissingTable                    a database lacks what is kept in it (exit code 4)
    ├── HandlerTimeout                  a handler or action ran longer than it may
    ├── CommittedNotAnnounced           the commit stands, what followed it failed
    ├── InvalidSort                     a query asks for an order that cannot be had
    └── NotFound                        an entity that is not in the database

The class name is the fact, the attributes are plain data, and the text ends with the next move.
"""

from collections.abc import Sequence
from typing import NamedTuple


class JararacaError(Exception):
    """The root: whatever the framework raises on purpose derives from it."""


class DeclarationError(JararacaError):
    """The application is declared in a way that cannot work; nothing was started."""


class InvalidProvider(DeclarationError):
    """A `ProviderSpec` has no source, or more than one, or one of the wrong kind."""


class MissingProvider(DeclarationError):
    """Something needs a key that no provider offers."""

    def __init__(self, message: str, *, key: object = None, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.key = key
        self.path = path


class CircularDependency(DeclarationError):
    """Providers need each other in a circle; `path` starts and ends with the same name."""

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class ScopeViolation(DeclarationError):
    """Something that lives as long as the process needs something that lives for one unit of work."""


class UnresolvedAnnotation(DeclarationError):
    """An annotation names something that cannot be found at run time."""


class InvalidDeclaration(DeclarationError):
    """A declaration has more than one problem; `problems` has them all, the text lists them."""

    def __init__(self, problems: Sequence[DeclarationError]) -> None:
        lines = "".join(f"\n{number}. {problem}" for number, problem in enumerate(problems, 1))
        super().__init__(f"the declaration has {len(problems)} problems, to be solved one by one:{lines}")
        self.problems = tuple(problems)


class InvalidCron(DeclarationError):
    """A cron expression does not parse or never matches."""


class InvalidTopic(DeclarationError):
    """A topic is empty, too long, or has a wildcard where a concrete one is needed."""


class InvalidHandler(DeclarationError):
    """A decorated method has a signature that its trigger cannot call."""


class InvalidOption(DeclarationError):
    """An option does not exist or has a value that cannot work."""


class ConfigurationError(DeclarationError):
    """The environment lacks or mistypes settings; all of them are listed at once, values never shown."""


class UsageError(JararacaError):
    """A call at a place or time where it cannot work."""


class OutsideExecution(UsageError):
    """A `use_*` function was called where no request, message, tick or unit of work is being handled."""


class NoUnitOfWork(UsageError):
    """The call needs a transaction, and none is open here."""


class NotConfigured(UsageError):
    """The application declares nothing that could serve the call (no broker, no such database connection)."""


class AsyncFactory(UsageError):
    """A synchronous look-up met a provider that can only be built by awaiting."""


class AlreadySettled(UsageError):
    """A second, different decision was taken about one message."""


class SharedSession(UsageError):
    """Two tasks use one session at the same time; `tasks` has their names, first that which was there first."""

    def __init__(self, message: str, *, tasks: tuple[str, str]) -> None:
        super().__init__(message)
        self.tasks = tasks


class UnencodableValue(UsageError):
    """A body, header, argument or name that AMQP has no way to carry."""


class UnencodableMessage(UsageError):
    """Something to publish is neither a pydantic model nor a dataclass, or holds what JSON cannot carry."""


class MissingExtra(JararacaError, ImportError):
    """An optional dependency is not installed; the text has the exact command."""

    def __init__(self, extra: str, *, feature: str) -> None:
        super().__init__(f'{feature} needs an extra: pip install "jararaca[{extra}]"')
        self.extra = extra


class ServerUnavailable(JararacaError):
    """A server cannot be reached or refuses the login. Addresses are shown without their passwords."""


class BrokerUnavailable(ServerUnavailable):
    """The broker cannot be reached, or the connection was lost before it answered."""


class InventoryUnavailable(ServerUnavailable):
    """Nobody tells what there is on the broker: its management API cannot be reached, or refuses."""


class FanoutUnavailable(ServerUnavailable):
    """The fan-out backend cannot be reached."""


class ScheduleStoreUnavailable(ServerUnavailable):
    """The schedule store cannot be reached: exclusive actions do not fire."""


class DatabaseUnavailable(ServerUnavailable):
    """The database cannot be reached, or every connection of its pool is in use for too long."""


class LoginRefused(ServerUnavailable):
    """The server answered and refused TLS, the user, password or virtual host: retrying cannot help."""


class BrokerError(JararacaError):
    """The broker answered, and refused."""


class ChannelClosed(BrokerError):
    """The broker closed the channel: `code` and `text` are its own (404, 403, 405, 406, ...).

    `class_id` and `method_id` name the AMQP method that it refused; 0 where that is not known, or where it was none.
    """

    def __init__(self, code: int, text: str, *, class_id: int = 0, method_id: int = 0) -> None:
        super().__init__(f"the broker closed the channel: {code} {text}")
        self.code = code
        self.text = text
        self.class_id = class_id
        self.method_id = method_id


class ConnectionClosed(BrokerError):
    """The broker closed the whole connection: `code` and `text` are its own (320, 504, 530, 540, ...).

    `class_id` and `method_id` name the AMQP method that it refused; 0 where it was none.
    """

    def __init__(self, code: int, text: str, *, class_id: int = 0, method_id: int = 0) -> None:
        super().__init__(f"the broker closed the connection: {code} {text}")
        self.code = code
        self.text = text
        self.class_id = class_id
        self.method_id = method_id


class PublishRefused(BrokerError):
    """The broker nacked a publish: a queue is full and rejects, or the broker failed internally."""


class UnroutableMessage(BrokerError):
    """A mandatory message matched no queue.

    `nearest` is the pattern of this application's handlers that looks most like the topic; None if it has none.
    """

    def __init__(self, message: str, *, topic: str, exchange: str, nearest: str | None = None) -> None:
        super().__init__(message)
        self.topic = topic
        self.exchange = exchange
        self.nearest = nearest


class MessageTooLarge(BrokerError):
    """A body is longer than `max_message_bytes`."""


class NotEmulated(BrokerError):
    """The in-memory broker does not model this argument or method, and says so instead of doing something else."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the in-memory broker does not emulate {what}. Run this against RabbitMQ instead.")
        self.what = what


class Difference(NamedTuple):
    """One argument of a queue or exchange, as the server has it and as we declare it; None where it is not set."""

    kind: str
    name: str
    argument: str
    server: str | None
    ours: str | None


class TopologyMismatch(BrokerError):
    """Queues or exchanges have other arguments than the application declares, or are missing where they must exist.

    `differences` are those arguments; `missing` has kind and name of what is not there.
    """

    def __init__(
        self, message: str, *, differences: Sequence[Difference] = (), missing: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.differences = tuple(differences)
        self.missing = tuple(missing)


class MissingTable(JararacaError):
    """A database lacks tables or columns of outbox, inbox or schedules; `names` has what it lacks, in words."""

    def __init__(self, message: str, *, names: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.names = names


class HandlerTimeout(JararacaError):
    """A handler or action ran longer than its timeout and was cancelled."""


class CommittedNotAnnounced(JararacaError):
    """The transaction is committed, but messages or frames that should follow it were not sent.

    `message_ids` are the messages that may be missing; the cause is chained.
    """

    def __init__(self, message: str, *, message_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message_ids = message_ids


class InvalidSort(JararacaError):
    """A query asks to be sorted by something that is no column; what a client asks for, so HTTP answers 422."""


class NotFound(JararacaError):
    """No entity has this identity."""
