"""A PostgreSQL server of a test's own, which it may stop and start."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped] # it has no stubs
import pytest

USER = "postgres"
PATIENCE = 60.0  # seconds until a server answers, on a machine that is busy with other tests


class Postgres:
    """One server in a temporary folder, not started; `url` is where it will be."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="jararaca-postgres-"))
        self._options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if os.geteuid() == 0:  # as which it refuses to run
            shutil.chown(self._folder, USER)
            self._options |= {"user": USER, "group": USER, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        options = ("--no-sync", "--auth=trust", f"--username={USER}", "--encoding=UTF8")
        self._run("initdb", *options, "--pgdata", str(self._folder / "data"))

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run((self._binaries / name, *arguments), cwd=self._folder, check=True, **self._options)

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{self._port}/postgres"

    async def start(self) -> None:
        """Return once it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            (self._binaries / "postgres", "-D", self._folder / "data", *arguments), cwd=self._folder, **self._options
        )
        async with asyncio.timeout(PATIENCE):
            while not await self._answers():
                assert self._process.poll() is None, "the PostgreSQL server of this test has ended"
                await asyncio.sleep(0.05)  # noqa: TID251 -- nothing tells when a server is up

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url.replace("+asyncpg", ""), timeout=5)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    def stop(self) -> None:
        """End it in the way that ends every connection at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)


def binaries() -> Path | None:
    """Where PostgreSQL's programs are: on the path, or where Debian has them, which puts only some of them there."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return there[-1].parent if there else None


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    where = binaries()
    if where is None:
        pytest.skip("no PostgreSQL server is installed that a test could start and stop")
    server = Postgres(where)
    yield server
    server.remove()
