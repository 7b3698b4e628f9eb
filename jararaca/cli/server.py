"""`jararaca server`."""

from collections.abc import Mapping

from jararaca.bootstrap.assembly import assemble, bus_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.listening import bound
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, say
from jararaca.cli.running import run as run_until_stopped
from jararaca.cli.serving import HttpServerRuntime


def run(target: str, *, app_dir: str, host: str, port: int, settings: Mapping[str, str | None]) -> int:
    """Serve until asked to stop. Returns the exit code; `settings` are options."""
    http = load(target, app_dir=app_dir)
    configure_logging()
    config = bus_config(http.app, read_settings(**settings))
    assembly = assemble(http.app, system_ports(), config, needs_broker=False)
    with bound(host, port) as listening:
        server = HttpServerRuntime(assembly.http(http), listening)

        def started() -> None:
            say(f"{http.app.name}: serving on {server.url}")

        return run_until_stopped(assembly.application, lambda: [server], on_started=started)
