"""`jararaca check`: what can be known about an application without starting it, and whether its servers are ready."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import FastAPI
from pydantic.errors import PydanticUserError

from jararaca.bootstrap.assembly import Assembly, assemble, bus_config, scheduler_config
from jararaca.bootstrap.looking import look_around
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.exit_codes import CLEAN, FAILURE, INVALID, MISMATCH, UNREACHABLE, exit_code_of
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, say, show
from jararaca.core.configuration import check_settings
from jararaca.errors import InvalidHandler, JararacaError
from jararaca.scheduler.actions import ActionSpec

TICKS = 5


@dataclass(frozen=True, slots=True)
class Live:
    """That servers are to be looked at, and where two of them are."""

    url: str | None = None
    management_url: str | None = None


def run(target: str, *, app_dir: str, live: Live | None = None) -> int:
    """Print what the application consists of, and with `live` what is at its servers.

    Returns 1 if something looks wrong, and 3 or 4 if a server does; what cannot work in the declaration is raised.
    """
    http = load(target, app_dir=app_dir)
    ports = system_ports()
    settings = read_settings() if live is None else read_settings(broker_url=live.url)
    config = bus_config(http.app, settings)
    if live is None:
        config = replace(config, url="memory://")
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
    code = CLEAN if live is None else asyncio.run(_look(http.app.name, assembly, live))
    return code or (FAILURE if findings else CLEAN)


async def _look(name: str, assembly: Assembly, live: Live) -> int:
    """Print what is at each server. Returns 3 if one cannot be reached, else 4 if one lacks something, else 1 or 0."""
    configure_logging()
    looks = [look async for look in look_around(assembly, live.management_url)]
    fine = [(look.what, look.found) for look in looks if look.error is None and not look.is_finding]
    show(f"{name} at its servers", fine)
    for look in looks:
        if look.error is not None:
            say(f"{look.what}: {_described(look.error)}")
        elif look.is_finding:
            say(f"suspicious: {look.what}: {look.found}")
    codes = {exit_code_of(look.error) for look in looks if look.error is not None}
    if codes:
        return next((code for code in (UNREACHABLE, MISMATCH, INVALID) if code in codes), FAILURE)
    return FAILURE if any(look.is_finding for look in looks) else CLEAN


def _described(error: Exception) -> str:
    return str(error) if isinstance(error, JararacaError) else str(error).partition("\n")[0] or type(error).__name__


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
