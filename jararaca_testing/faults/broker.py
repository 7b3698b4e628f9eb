"""The broker as one process sees it through a network that does not always do what it should."""

import asyncio
from collections.abc import Callable
from typing import Any

from jararaca.errors import BrokerUnavailable
from jararaca.messagebus.headers import ORIGINAL_TOPIC
from jararaca.ports.broker import BrokerState, Confirm, Delivery, Envelope, Subscription
from jararaca_testing.dump import expecting
from jararaca_testing.faults.process import Process
from jararaca_testing.loop import VirtualLoop

LONGEST_HOLD = 1.0
"""Seconds that a message waits for another one to overtake it."""


class FaultyBroker:
    """A `Broker` on another one; what no fault is about it hands on."""

    def __init__(self, broker: Any, process: Process) -> None:
        self._broker = broker
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def connect(self) -> None:
        if not self._process.reaches("broker"):
            raise BrokerUnavailable("a fault of the test cuts this process off from the broker. Let the test heal it.")
        await self._broker.connect()

    def drop(self) -> bool:
        """Lose the connection; False if there was none."""
        was_open: bool = self._broker.state is not BrokerState.LOST
        self._broker.drop()
        return was_open

    def publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool = False
    ) -> asyncio.Future[Confirm]:
        topic = topic_of(envelope, routing_key)

        def publish() -> asyncio.Future[Confirm]:
            future: asyncio.Future[Confirm] = self._broker.publish(
                envelope, exchange=exchange, routing_key=routing_key, mandatory=mandatory
            )
            return future

        fault = self._process.rules.meet("publish", topic, self._process)
        return self._confirming(publish() if fault is None else self._befallen(fault.act, publish), topic)

    def _befallen(self, act: str, publish: Callable[[], asyncio.Future[Confirm]]) -> asyncio.Future[Confirm]:
        if act == "drop":
            return _unanswered()
        if act == "disconnect at publish":
            self.drop()
            return publish()
        future = publish()
        if act == "duplicate":
            publish().add_done_callback(lambda again: again.cancelled() or again.exception())  # it is nobody's
        elif act == "lose confirm":
            future.cancel()
            return _unanswered()
        elif act == "disconnect at confirm":
            self.drop()
        return future

    def _confirming(self, future: asyncio.Future[Confirm], topic: str) -> asyncio.Future[Confirm]:
        """The same future, but that the process may die when the confirm comes, before anybody knows."""
        if self._process.life is None:
            return future
        known: asyncio.Future[Confirm] = asyncio.get_running_loop().create_future()

        def arrived(confirmed: asyncio.Future[Confirm]) -> None:
            if confirmed.cancelled() or known.done() or self._process.dies_at("before", "confirm", topic):
                return
            error = confirmed.exception()
            if error is None:
                known.set_result(confirmed.result())
            else:
                known.set_exception(error)

        future.add_done_callback(arrived)
        return known

    async def consume(
        self, queue: str, *, prefetch: int, on_delivery: Callable[[Delivery], None], priority: int = 0
    ) -> Subscription:
        incoming = _Incoming(self, self._process, on_delivery)
        subscription: Subscription = await self._broker.consume(
            queue, prefetch=prefetch, on_delivery=incoming.take, priority=priority
        )
        return subscription


class _Incoming:
    """What one consumer is given: late, in another order, or not at all because the connection is lost."""

    def __init__(self, broker: FaultyBroker, process: Process, hand_over: Callable[[Delivery], None]) -> None:
        self._broker = broker
        self._process = process
        self._hand_over = hand_over
        self._overtaken: list[Callable[[], None]] = []

    def take(self, delivery: Delivery) -> None:
        topic = topic_of(delivery.envelope, delivery.routing_key)
        arriving: Any = FaultyDelivery(delivery, self._broker, self._process, topic)
        fault = self._process.rules.meet("delivery", topic, self._process)
        if fault is None:
            self._hand_over(arriving)
            for release in tuple(self._overtaken):
                release()
        elif fault.act == "disconnect at delivery":
            self._broker.drop()
        else:
            overtakes = fault.act == "reorder"
            self._hold(arriving, LONGEST_HOLD if overtakes else fault.seconds, topic, overtakes=overtakes)

    def _hold(self, delivery: Any, seconds: float, topic: str, *, overtakes: bool) -> None:
        """Hand it over later; it is on its way until then, and settling waits for it."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        activity = loop.activity(f"a message of {topic}, which a fault holds up")

        def release() -> None:
            timer.cancel()
            activity.end()
            if release in self._overtaken:
                self._overtaken.remove(release)
            self._hand_over(delivery)

        timer = loop.call_later(seconds, release)
        if overtakes:
            self._overtaken.append(release)
        if self._process.life is not None:
            self._process.life.on_end.append(activity.end)


class FaultyDelivery:
    """A `Delivery` whose acknowledgement may come too late."""

    def __init__(self, delivery: Delivery, broker: FaultyBroker, process: Process, topic: str) -> None:
        self._delivery = delivery
        self._broker = broker
        self._process = process
        self._topic = topic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._delivery, name)

    def ack(self) -> bool:
        if self._process.rules.meet("ack", self._topic, self._process) is not None:
            self._broker.drop()
        return self._delivery.ack()


def topic_of(envelope: Envelope, routing_key: str) -> str:
    """The topic under which a message was first published; copies travel under the name of a queue."""
    return str(envelope.headers.get(ORIGINAL_TOPIC, routing_key))


def _unanswered() -> asyncio.Future[Confirm]:
    future: asyncio.Future[Confirm] = asyncio.get_running_loop().create_future()
    return expecting(future, "a confirm that a fault of the test has lost")
