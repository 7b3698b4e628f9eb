"""kombu, on which Celery stands, and Celery itself with a worker in another process."""

import importlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from children import start as start

kombu: Any = importlib.import_module("kombu")  # whose names are lazy, and not typed
PATIENCE = 30.0  # seconds
TASKS = """
from celery import Celery

app = Celery("tasks", broker={url!r}, backend="rpc://")
app.conf.update(task_acks_late=True, task_default_queue={name!r}, broker_connection_retry_on_startup=True)


@app.task
def add(left, right):
    return left + right


@app.task(bind=True, max_retries=2)
def stubborn(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries
"""


def test_what_a_producer_publishes_a_consumer_gets(either: str, name: str) -> None:
    queue = kombu.Queue(name, kombu.Exchange(name, "topic", durable=False), routing_key="order.#", durable=False)
    received: list[Any] = []

    def receive(body: Any, message: Any) -> None:
        received.append(body)
        message.ack()

    with kombu.Connection(either) as connection:
        producer = kombu.Producer(connection)
        producer.publish(
            {"id": 1}, exchange=queue.exchange, routing_key="order.placed", declare=[queue], headers={"tenant": "a"}
        )
        producer.publish({"id": 2}, exchange=queue.exchange, routing_key="invoice", declare=[queue])
        with kombu.Consumer(connection, [queue], callbacks=[receive]):
            connection.drain_events(timeout=PATIENCE)

        simple = connection.SimpleQueue(queue)
        assert simple.qsize() == 0
        simple.close()
        channel = connection.channel()
        channel.queue_delete(name)
        channel.exchange_delete(name)
    assert received == [{"id": 1}]


def test_a_publish_is_confirmed(either: str, name: str) -> None:
    with kombu.Connection(either, transport_options={"confirm_publish": True}) as connection:
        simple = connection.SimpleQueue(name, queue_opts={"durable": False}, exchange_opts={"durable": False})
        simple.put("x")

        message = simple.get(timeout=PATIENCE)
        message.ack()
        assert message.payload == "x"
        simple.close()
        connection.channel().queue_delete(name)
        connection.channel().exchange_delete(name)


@pytest.mark.processes
def test_tasks_of_celery_run_in_a_worker_and_answer(
    start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Results by reply queue, and a task that is retried twice."""
    (tmp_path / "celery_tasks.py").write_text(TASKS.format(url=url, name="work"))
    worker = start("celery", "-A", "celery_tasks", "worker", "--pool", "solo", "--loglevel", "INFO")
    worker.until("ready.")
    monkeypatch.syspath_prepend(tmp_path)
    tasks: Any = importlib.import_module("celery_tasks")

    with tasks.app.connection_for_write():
        sums = [tasks.add.delay(number, 1) for number in range(3)]
        assert [each.get(timeout=PATIENCE) for each in sums] == [1, 2, 3]
        assert tasks.stubborn.delay().get(timeout=PATIENCE) == 2
    tasks.app.close()
    worker.ask(signal.SIGTERM)
    assert worker.end() == 0
