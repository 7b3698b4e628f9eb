"""A RabbitMQ node of one's own, from the program that is installed: to configure, to look into, and to kill."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

WRAPPED = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's own command starts nodes as another user, with the configuration of the machine."""

PATIENCE = 120.0
"""Seconds in which a node has to come up."""


def installed_program() -> str | None:
    """What starts a node on this machine; None if RabbitMQ is not installed."""
    return str(WRAPPED) if WRAPPED.exists() else shutil.which("rabbitmq-server")


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class RabbitMQNode:
    """A node that listens on loopback alone, and keeps everything in `folder`, which exists and is empty.

    Args:
        port: for AMQP; a free one unless given.
        advanced: Erlang terms, as in `advanced.config`.
        plugins: enabled from the start. With `rabbitmq_management`, `management_url` is its HTTP API.

    Raises:
        FileNotFoundError: RabbitMQ is not installed here.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, advanced: str = "[].", plugins: Sequence[str] = ()
    ) -> None:
        program = installed_program()
        if program is None:
            raise FileNotFoundError("RabbitMQ is not installed here: apt install rabbitmq-server")
        port, management = port or free_port(), free_port()
        self.command = [program]
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/"
        managed = "rabbitmq_management" in plugins
        self.management_url = f"http://guest:guest@127.0.0.1:{management}" if managed else None
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        listening = [f"listeners.tcp.1 = 127.0.0.1:{port}", "log.console = true", "log.file = false"]
        if managed:
            listening += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {management}"]
        (folder / "rabbitmq.conf").write_text("\n".join(listening) + "\n")
        (folder / "advanced.config").write_text(f"{advanced}\n")
        (folder / "plugins").write_text(f"[{','.join(plugins)}].\n")
        self.environment = {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"own-{port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }

    def start(self) -> None:
        """Begin to start; what it prints goes to the file `out`."""
        with (self._folder / "out").open("ab") as out:
            environment = {"PATH": os.environ["PATH"], **self.environment}
            self._process = subprocess.Popen(self.command, env=environment, stdout=out, stderr=out)

    def stop(self) -> None:
        """Let it end as an operator does, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def check(self) -> None:
        """Raise `RuntimeError` with the last of what it printed if it ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"RabbitMQ does not run: {(self._folder / 'out').read_text()[-2_000:]}")

    def until_managed(self) -> None:
        """Return once the management plugin answers, which is last to do so.

        Raises:
            RuntimeError: the node ended, or does not answer in two minutes.
        """
        assert self.management_url is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.check()
            try:
                if httpx.get(f"{self.management_url}/api/overview", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"RabbitMQ does not answer after {PATIENCE:g} s. See {self._folder / 'out'}.")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
