"""Publishing: what leaves with the commit of a unit of work, and what leaves at once.

A message is checked and turned into bytes when it is published, so that what is wrong with it is raised there, and
changing the model afterwards changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from jararaca.core.context import current_execution
from jararaca.errors import InvalidOption, NotConfigured, NoUnitOfWork
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.flushing import flush
from jararaca.messagebus.outgoing import Options, outgoing
from jararaca.messagebus.staging import Delivery, staged
from jararaca.ports.outbox import Outbox


def use_publisher(connection_name: str = "default") -> "Publisher":
    """What publishes messages of the application that this code runs in.

    Raises:
        OutsideExecution: nothing is being handled here.
        NotConfigured: the application has no broker connection of this name.
    """
    environment = current_execution("use_publisher()").environment
    connection: BusConnection | None = environment.resource(BusKey(connection_name))
    if connection is None:
        known = sorted(key.name for key in environment.resource_keys() if isinstance(key, BusKey))
        raise NotConfigured(_nothing_configured(connection_name, known))
    return Publisher(connection)


def _nothing_configured(name: str, known: list[str]) -> str:
    if known:
        return (
            f"use_publisher({name!r}): no broker connection has this name; there are: {', '.join(known)}. Use one of "
            f"them, or add MessageBusPublisherInterceptor(..., connection_name={name!r}) to "
            "Microservice(interceptors=[...])."
        )
    return (
        "use_publisher(): this application has no message broker. Set JARARACA_BROKER_URL (or pass --url) to one, such "
        "as amqp://localhost/, or add "
        "MessageBusPublisherInterceptor(AIOPikaConnectionFactory(url)) to Microservice(interceptors=[...])."
    )


class Publisher:
    """Publishes over one connection, on behalf of whatever is being handled when it is called."""

    __slots__ = ("_connection",)

    def __init__(self, connection: BusConnection) -> None:
        self._connection = connection

    async def publish(
        self,
        message: Any,
        topic: str,
        *,
        headers: Mapping[str, Any] | None = None,
        message_id: str | UUID | None = None,
        delay: float | None = None,
        at: datetime | None = None,
        key: str | None = None,
        dedupe_key: str | None = None,
        expires_in: float | None = None,
        mandatory: bool = False,
        delivery: Delivery | None = None,
        timeout: float | None = None,
    ) -> str:
        """Publish to whoever listens to `topic`, and return the message's id.

        In a unit of work the message leaves after the commit, and never if it is rolled back; with an outbox it is part
        of the transaction, and cannot be lost. Elsewhere this returns when the broker has confirmed it.

        Args:
            message: a pydantic model or a dataclass.
            headers: of the application; text, numbers, bytes, datetimes, lists and tables of them, 8 kB together.
            message_id: one that receivers have not seen; a fresh one unless given.
            delay: seconds after which it is to be handled, never early. `at`: the same as a moment.
            key: messages of one key are handled one at a time by handlers with `ordered=True`.
            dedupe_key: by which idempotent handlers know it, instead of its id: of one key each handles one message.
            expires_in: seconds after which the broker gives up keeping it in a queue.
            delivery: `after_commit` lets it leave past an outbox, for what may be lost; `outbox` makes sure of one.
            timeout: seconds to wait for the confirm; a flush takes the longest of its messages, an outbox ignores it.

        Raises:
            InvalidTopic, InvalidOption, MessageTooLarge, UnencodableMessage, UnencodableValue: it cannot travel so.
            NoUnitOfWork: `delivery="outbox"`, and there is no transaction of which it could be a part.
            UnroutableMessage: with `mandatory`, no queue took it. Like the next, not in a unit of work.
            BrokerUnavailable, PublishRefused: the broker did not confirm it.
        """
        options = Options(headers or {}, message_id, delay, at, key, dedupe_key, expires_in, mandatory, timeout)
        return await self._publish(message, topic, options, delivery)

    async def _publish(self, message: Any, topic: str, options: Options, delivery: Delivery | None) -> str:
        execution = current_execution("publish()")
        ready = outgoing(message, topic, options, execution, max_bytes=self._connection.config.max_message_bytes)
        work = execution.open_unit_of_work
        outbox = self._connection.outbox if delivery is None else self._chosen(delivery, is_in_work=work is not None)
        if work is not None:
            staged(work, self._connection, execution, outbox).add(ready)
        elif unsent := await flush(self._connection, [ready], execution):
            raise unsent[0].error
        return str(ready.envelope.message_id)

    def _chosen(self, delivery: Delivery, *, is_in_work: bool) -> Outbox | None:
        outbox = self._connection.outbox
        if delivery not in get_args(Delivery):
            advice = f"Use {' or '.join(map(repr, get_args(Delivery)))}."
            raise InvalidOption(f"publish(delivery={delivery!r}) cannot work. {advice}")
        if delivery == "after_commit":
            return None
        if outbox is None:
            raise InvalidOption(
                f"publish(delivery='outbox') cannot work: the connection {self._connection.name!r} has no outbox. Give "
                'it one: MessageBusPublisherInterceptor(..., delivery="outbox").'
            )
        if not is_in_work:
            raise NoUnitOfWork(
                "publish(delivery='outbox') needs a transaction, and none is open here. Open one with `async with "
                "unit_of_work()`."
            )
        return outbox
