"""`jararaca broker`."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from jararaca.cli.exit_codes import CLEAN
from jararaca.cli.listening import bound
from jararaca.cli.output import configure_logging, say, show
from jararaca.cli.running import SIGNALS
from jararaca.errors import MissingExtra


def run(*, host: str, port: int, vhosts: Sequence[str], user: str, password: str) -> int:
    """Serve the in-memory broker until asked to stop. Returns the exit code."""
    try:
        from jararaca.amqpserver.server import AmqpServer
    except ModuleNotFoundError as error:
        raise MissingExtra("amqpserver", feature="jararaca broker") from error
    from jararaca.adapters.system.clock import SystemClock

    configure_logging()
    server = AmqpServer(SystemClock(), vhosts=vhosts, users={user: password})

    async def serve() -> None:
        asked = asyncio.Event()
        for each in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(each, asked.set)
        await server.start(listening)
        _banner([_shown(server.url(name)) for name in vhosts])
        await asked.wait()
        await server.stop()

    with bound(host, port) as listening:
        asyncio.run(serve())
    return CLEAN


def _banner(urls: Sequence[str]) -> None:
    show("An in-memory broker is running", [("AMQP", url) for url in urls])
    say("It is for development and tests: nothing is durable, and all of it ends with this process. Ctrl+C stops it.")


def _shown(url: str) -> str:
    """The address as others may see it; the login that every fresh RabbitMQ has is no secret."""
    parts = urlsplit(url)
    if parts.password == "guest":  # noqa: S105 -- as said
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
