"""A RabbitMQ of a test's own, which it may kill, and configure while it runs."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import BrokerUnavailable
from jararaca_testing.rabbitmq_node import PATIENCE, RabbitMQNode


class OwnNode(RabbitMQNode):
    """Keeps everything in `folder`; not started. `advanced` as for the other."""

    def __init__(self, folder: Path, *, advanced: str = "[].") -> None:
        super().__init__(folder, advanced=advanced)
        self._name = self.environment["RABBITMQ_NODENAME"]
        self._pid = folder / "pid"
        self.environment["RABBITMQ_PID_FILE"] = str(self._pid)

    def kill(self) -> None:
        """End it on the spot."""
        os.kill(int(self._pid.read_text()), signal.SIGKILL)
        self.stop()  # what started it ends by itself

    def control(self, *words: str) -> None:
        """Run `rabbitmqctl` on it."""
        program = str(Path(self.command[0]).with_name("rabbitmqctl"))
        environment = {"PATH": os.environ["PATH"], **self.environment}
        subprocess.run([program, "-n", self._name, *words], env=environment, check=True, capture_output=True)

    async def connected(self) -> RabbitMQBroker:
        """A connection, once the node answers."""
        broker = RabbitMQBroker(self.url, name="test")
        async with asyncio.timeout(PATIENCE):
            while True:
                self.check()
                try:
                    await broker.connect()
                except BrokerUnavailable:
                    await SystemClock().sleep(0.1)
                else:
                    return broker
