"""`jararaca check`: what can be known about an application without starting it."""

from dataclasses import replace
from datetime import datetime

from fastapi import FastAPI
from pydantic.errors import PydanticUserError

from jararaca.bootstrap.assembly import assemble, bus_config, scheduler_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.exit_codes import CLEAN, FAILURE
from jararaca.cli.loading import load
from jararaca.cli.output import say, show
from jararaca.core.configuration import check_settings
from jararaca.errors import InvalidHandler
from jararaca.scheduler.actions import ActionSpec

TICKS = 5


def run(target: str, *, app_dir: str) -> int:
    """Print what the application consists of. Returns 1 if something looks wrong; what cannot work is raised."""
    http = load(target, app_dir=app_dir)
    ports = system_ports()
    settings = read_settings()
    config = replace(bus_config(http.app, settings), url="memory://")
    scheduling = scheduler_config(http.app, settings)
    assembly = assemble(http.app, ports, config, needs_broker=True, scheduling=scheduling)
    runtime = assembly.http(http)
    assembly.application.validate()
    check_settings(http.app)
    rows = [("HTTP", f"{verb.upper()} {path}") for path, verbs in _paths(runtime.asgi).items() for verb in verbs]
    rows += [("websocket", f"{controller.__qualname__}.{name}") for controller, name in assembly.endpoints]
    rows += [("message", f"{handler.topic} to {handler.name}") for handler in assembly.handlers]
    show(f"{http.app.name} can work", rows)
    for action in assembly.actions:
        show(f"{action.name} fires at {action.fact.cron.text!r}, next", _next_ticks(action, ports.clock.now()))
    findings = [finding for action in assembly.actions if (finding := _suspicion(action))]
    for finding in findings:
        say(f"suspicious: {finding}")
    return FAILURE if findings else CLEAN


def _paths(app: FastAPI) -> dict[str, dict[str, object]]:
    try:
        paths: dict[str, dict[str, object]] = app.openapi()["paths"]
    except PydanticUserError as error:
        raise InvalidHandler(
            f"the OpenAPI document of the routes cannot be made: {error.message}. Take another type for that parameter "
            'or result, or leave its route out with {"include_in_schema": False}.'
        ) from error
    return paths


def _next_ticks(action: ActionSpec, moment: datetime) -> list[tuple[str, str]]:
    ticks = []
    for _ in range(TICKS):
        moment = action.fact.cron.next_after(moment)
        ticks.append(("", moment.strftime("%Y-%m-%d %H:%M:%S UTC")))
    return ticks


def _suspicion(action: ActionSpec) -> str | None:
    suspicion = action.fact.cron.suspicion()
    return None if suspicion is None else f"{action.name}: {suspicion}"
