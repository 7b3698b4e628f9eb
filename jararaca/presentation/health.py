"""Liveness and readiness, for whoever runs the process."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.routing import Match, Route

from jararaca.core.environment import Environment


def add_health_routes(app: FastAPI, environment: Environment, path: str, *, is_serving: Callable[[], bool]) -> None:
    """Answer `{path}/live` while the loop runs, and `{path}/ready` while everything that is needed is there.

    Live is 200 for as long as anything answers. Ready is 503 before the start, during shutdown and while a dependency
    is missing; the body names each dependency and whether it is ready, and nothing else. A route of the application
    that has exactly one of these paths stays; one that merely swallows any path does not get to see it.
    """

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> JSONResponse:
        checks = environment.readiness()
        is_ready = is_serving() and all(checks.values())
        stopping = environment.shutdown.is_requested
        status = "stopping" if stopping else "ready" if is_ready else "not ready"
        return JSONResponse({"status": status, "checks": checks}, status_code=200 if status == "ready" else 503)

    for name, endpoint in (("live", live), ("ready", ready)):
        _add_before_wider_routes(app, Route(f"{path.rstrip('/')}/{name}", endpoint, include_in_schema=False))


def _add_before_wider_routes(app: FastAPI, route: Route) -> None:
    routes = app.router.routes
    asked = {"type": "http", "method": "GET", "path": route.path, "root_path": "", "headers": []}
    wider = (index for index, other in enumerate(routes) if other.matches(asked)[0] is Match.FULL)
    place = next(wider, len(routes))
    if place == len(routes) or getattr(routes[place], "path", None) != route.path:
        routes.insert(place, route)
