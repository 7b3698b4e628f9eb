"""Server, worker and scheduler of one application in processes of their own, with no broker but ours."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.processes

APP = """
from jararaca import *
from pydantic import BaseModel


class Parcel(BaseModel):
    id: int


@MessageBusController()
class Depot:
    @IncomingHandler("parcel.sent")
    async def sent(self, message: Message[Parcel]) -> None:
        print(f"handled {message.payload().id}")


@RestController("/parcels")
class Counter:
    @Post("/{number}")
    async def send(self, number: int) -> None:
        await use_publisher().publish(Parcel(id=number), "parcel.sent")


@MessageBusController()
class Clockwork:
    @ScheduledAction("* * * * * *")
    async def tick(self) -> None:
        await use_publisher().publish(Parcel(id=0), "parcel.sent")


app = Microservice(name="depot", controllers=[Depot, Counter, Clockwork])
"""


def test_three_processes_meet_on_the_broker(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "depot.py").write_text(APP)
    broker = start("jararaca", "broker", "--port", "0")
    url = broker.until("AMQP").split()[-1]
    environment = {"JARARACA_BROKER_URL": url}
    worker = start("jararaca", "worker", "depot:app", environment=environment)
    worker.until("consuming")
    server = start("jararaca", "server", "depot:app", "--port", "0", environment=environment)
    address = server.until("serving on").rpartition(" ")[2]
    scheduler = start("jararaca", "scheduler", "depot:app", environment=environment)

    httpx.post(f"{address}/parcels/7").raise_for_status()

    worker.until("handled 7")
    worker.until("handled 0", times=2)
    for child in (scheduler, server, worker, broker):
        child.ask(signal.SIGTERM)
        assert child.end() == 0, child.output
        assert "Traceback" not in child.output
