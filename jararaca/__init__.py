"""The names that an application is written with; each module is imported when one of its names is first used.

Importing `jararaca` loads no driver, no web framework and no database toolkit: a project pays for the rooms it enters.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from jararaca.errors import MissingExtra

if TYPE_CHECKING:  # what a type checker sees; the table below is what Python sees, and a test compares the two
    from jararaca.adapters.prometheus.metrics import PrometheusInterceptor as PrometheusInterceptor
    from jararaca.adapters.redis.fanout import RedisWebSocketConnectionBackend as RedisWebSocketConnectionBackend
    from jararaca.bootstrap.factories import create_http_server as create_http_server
    from jararaca.bootstrap.factories import create_messagebus_worker as create_messagebus_worker
    from jararaca.core.configuration import AppConfigurationInterceptor as AppConfigurationInterceptor
    from jararaca.core.container import Container as Container
    from jararaca.core.context import use_current_container as use_current_container
    from jararaca.core.microservice import Microservice as Microservice
    from jararaca.core.tokens import ProviderSpec as ProviderSpec
    from jararaca.core.tokens import Token as Token
    from jararaca.messagebus.decorators import IncomingHandler as IncomingHandler
    from jararaca.messagebus.decorators import MessageBusController as MessageBusController
    from jararaca.messagebus.interceptor import AIOPikaConnectionFactory as AIOPikaConnectionFactory
    from jararaca.messagebus.interceptor import MessageBusPublisherInterceptor as MessageBusPublisherInterceptor
    from jararaca.messagebus.messages import Message as Message
    from jararaca.messagebus.publisher import use_publisher as use_publisher
    from jararaca.messagebus.worker import MessageBusWorker as MessageBusWorker
    from jararaca.persistence.config import AIOSQAConfig as AIOSQAConfig
    from jararaca.persistence.crud import CRUDOperations as CRUDOperations
    from jararaca.persistence.entities import BaseEntity as BaseEntity
    from jararaca.persistence.entities import DatedEntity as DatedEntity
    from jararaca.persistence.entities import IdentifiableEntity as IdentifiableEntity
    from jararaca.persistence.identifiable import Identifiable as Identifiable
    from jararaca.persistence.interceptor import AIOSqlAlchemySessionInterceptor as AIOSqlAlchemySessionInterceptor
    from jararaca.persistence.query import Paginated as Paginated
    from jararaca.persistence.query import PaginatedFilter as PaginatedFilter
    from jararaca.persistence.query import QueryOperations as QueryOperations
    from jararaca.persistence.session import use_session as use_session
    from jararaca.presentation.decorators import Delete as Delete
    from jararaca.presentation.decorators import Get as Get
    from jararaca.presentation.decorators import Patch as Patch
    from jararaca.presentation.decorators import Post as Post
    from jararaca.presentation.decorators import Put as Put
    from jararaca.presentation.decorators import RestController as RestController
    from jararaca.presentation.websocket.decorators import WebSocketEndpoint as WebSocketEndpoint
    from jararaca.presentation.websocket.interceptor import WebSocketInterceptor as WebSocketInterceptor
    from jararaca.presentation.websocket.manager import use_ws_manager as use_ws_manager
    from jararaca.scheduler.decorators import ScheduledAction as ScheduledAction

_HOME = {
    "AIOPikaConnectionFactory": "jararaca.messagebus.interceptor",
    "AIOSQAConfig": "jararaca.persistence.config",
    "AIOSqlAlchemySessionInterceptor": "jararaca.persistence.interceptor",
    "AppConfigurationInterceptor": "jararaca.core.configuration",
    "BaseEntity": "jararaca.persistence.entities",
    "CRUDOperations": "jararaca.persistence.crud",
    "Container": "jararaca.core.container",
    "DatedEntity": "jararaca.persistence.entities",
    "Delete": "jararaca.presentation.decorators",
    "Get": "jararaca.presentation.decorators",
    "Identifiable": "jararaca.persistence.identifiable",
    "IdentifiableEntity": "jararaca.persistence.entities",
    "IncomingHandler": "jararaca.messagebus.decorators",
    "Message": "jararaca.messagebus.messages",
    "MessageBusController": "jararaca.messagebus.decorators",
    "MessageBusPublisherInterceptor": "jararaca.messagebus.interceptor",
    "MessageBusWorker": "jararaca.messagebus.worker",
    "Microservice": "jararaca.core.microservice",
    "Paginated": "jararaca.persistence.query",
    "PaginatedFilter": "jararaca.persistence.query",
    "Patch": "jararaca.presentation.decorators",
    "Post": "jararaca.presentation.decorators",
    "PrometheusInterceptor": "jararaca.adapters.prometheus.metrics",
    "ProviderSpec": "jararaca.core.tokens",
    "Put": "jararaca.presentation.decorators",
    "QueryOperations": "jararaca.persistence.query",
    "RedisWebSocketConnectionBackend": "jararaca.adapters.redis.fanout",
    "RestController": "jararaca.presentation.decorators",
    "ScheduledAction": "jararaca.scheduler.decorators",
    "Token": "jararaca.core.tokens",
    "WebSocketEndpoint": "jararaca.presentation.websocket.decorators",
    "WebSocketInterceptor": "jararaca.presentation.websocket.interceptor",
    "create_http_server": "jararaca.bootstrap.factories",
    "create_messagebus_worker": "jararaca.bootstrap.factories",
    "use_current_container": "jararaca.core.context",
    "use_publisher": "jararaca.messagebus.publisher",
    "use_session": "jararaca.persistence.session",
    "use_ws_manager": "jararaca.presentation.websocket.manager",
}

_EXTRA = {
    "prometheus_client": "prometheus",
    "redis": "redis",
    "sqlalchemy": "sqlalchemy",
}  # by the package that is missed

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    """Import the module that `name` lives in, and keep what was found for the next look.

    Raises:
        MissingExtra: the module needs a package that is not installed.
    """
    if name not in _HOME:
        raise AttributeError(f"module 'jararaca' has no attribute {name!r}", name=name)
    try:
        value: object = getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise MissingExtra(_EXTRA[missing], feature=f"jararaca.{name}") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
