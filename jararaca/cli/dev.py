"""`jararaca dev`: the whole system in one process, for the desk."""

from dataclasses import replace

from jararaca.bootstrap.assembly import Assembly, assemble, bus_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.cli.listening import bound
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, counted, say, show
from jararaca.cli.running import run as run_until_stopped
from jararaca.cli.serving import HttpServerRuntime
from jararaca.core.runtimes import Runtime
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.server import HttpRuntime


def run(target: str, *, app_dir: str, host: str, port: int) -> int:
    """Serve, consume and schedule until asked to stop. Returns the exit code."""
    http = load(target, app_dir=app_dir)
    configure_logging()
    config = replace(bus_config(http.app, read_settings()), url="memory://")
    assembly = assemble(http.app, embedded_ports(), config, needs_broker=True)
    assembly.expect_worker()
    runtime = assembly.http(http)
    with bound(host, port) as listening:
        server = HttpServerRuntime(runtime, listening)

        def runtimes() -> list[Runtime]:
            return [server, assembly.worker(), assembly.scheduler()]

        return run_until_stopped(
            assembly.application, runtimes, on_started=lambda: _banner(http, assembly, runtime, server.url)
        )


def _banner(http: HttpMicroservice, assembly: Assembly, runtime: HttpRuntime, url: str) -> None:
    rows = [("server", url)]
    if runtime.asgi.docs_url is not None:
        rows.append(("API", f"{url}{runtime.asgi.docs_url}"))
    if http.health_path is not None:
        rows.append(("health", f"{url}{http.health_path.rstrip('/')}/ready"))
    rows += [
        ("worker", f"{counted(len(assembly.handlers), 'message handler')}, broker in memory"),
        ("scheduler", f"{counted(len(assembly.actions), 'scheduled action')}, ticks in memory"),
        ("websockets", f"{counted(len(assembly.endpoints), 'endpoint')}, fan-out in memory"),
    ]
    show(f"{http.app.name} is running", rows)
    say("What is on the bus ends with this process. Ctrl+C stops it.")
