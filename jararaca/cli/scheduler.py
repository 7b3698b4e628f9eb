"""`jararaca scheduler`."""

import logging
from collections.abc import Mapping

from jararaca.bootstrap.assembly import assemble, bus_config, scheduler_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, counted, say
from jararaca.cli.running import run as run_until_stopped
from jararaca.cli.worker import FRAMES_STAY

logger = logging.getLogger("jararaca.cli")

TICKS_STAY = (
    "ticks are remembered in this process only, because no schedule store is named: run one scheduler of this "
    "application, or set JARARACA_SCHEDULE_STORE_URL"
)


def run(target: str, *, app_dir: str, settings: Mapping[str, str | None], wait_for_broker: float) -> int:
    """Fire scheduled actions until asked to stop. Returns the exit code; `settings` are options."""
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
    if assembly.frames_stay_here:
        logger.warning(FRAMES_STAY)
    if assembly.scheduling.store_url is None:
        logger.warning(TICKS_STAY)

    def started() -> None:
        say(f"{declaration.name}: {counted(len(assembly.actions), 'scheduled action')} firing")

    return run_until_stopped(
        assembly.application,
        lambda: [assembly.scheduler()],
        on_started=started,
        connect=lambda: assembly.connect(wait_for_broker),
    )
