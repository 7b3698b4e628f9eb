"""`jararaca worker`."""

import logging
from collections.abc import Mapping

from jararaca.bootstrap.assembly import assemble, bus_config, scheduler_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, counted, say
from jararaca.cli.running import run as run_until_stopped

logger = logging.getLogger("jararaca.cli")

FRAMES_STAY = (
    "websocket frames sent from this process reach nobody, because no WebSocketInterceptor with a backend is declared: "
    "give it a RedisWebSocketConnectionBackend"
)

LEASES_STAY = (
    "runs of actions that are dispatched over the broker are kept from overlapping in this process only, because no "
    "schedule store is named: run one worker of this application, or set JARARACA_SCHEDULE_STORE_URL"
)


def run(target: str, *, app_dir: str, settings: Mapping[str, str | None], wait_for_broker: float) -> int:
    """Handle messages until asked to stop. Returns the exit code; `settings` are options."""
    declaration = load(target, app_dir=app_dir).app
    configure_logging()
    said = read_settings(**settings)
    assembly = assemble(
        declaration,
        system_ports(),
        bus_config(declaration, said),
        needs_broker=True,
        scheduling=scheduler_config(declaration, said),
    )
    assembly.expect_worker()
    if assembly.frames_stay_here:
        logger.warning(FRAMES_STAY)
    if assembly.leases_stay_here:
        logger.warning(LEASES_STAY)

    def started() -> None:
        say(f"{declaration.name}: {counted(len(assembly.handlers), 'message handler')} consuming")

    return run_until_stopped(
        assembly.application,
        lambda: [assembly.worker()],
        on_started=started,
        connect=lambda: assembly.connect(wait_for_broker),
    )
