"""Liveness and readiness."""

import pytest
from httpx import ASGITransport, AsyncClient

from jararaca import Get, Microservice, RestController, create_http_server
from jararaca.errors import InvalidOption
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca_testing import RunningApplication


class CatchAll:
    """What serves a single-page application."""

    @Get("/{rest:path}")
    async def page(self, rest: str) -> str:
        return f"page {rest}"


@RestController("/status")
class Status:
    @Get("/ready")
    async def ready(self) -> str:
        return "my own"


@pytest.fixture
def jararaca_microservice() -> HttpMicroservice:
    return HttpMicroservice(Microservice(controllers=[CatchAll]))


async def test_live_is_200_while_anything_answers(http: AsyncClient) -> None:
    response = await http.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "live"})


async def test_ready_names_every_dependency_and_nothing_else(
    http: AsyncClient, jararaca_app: RunningApplication
) -> None:
    response = await http.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["checks"] == jararaca_app.environment.readiness()
    assert response.json()["checks"]["broker default"] is True


async def test_ready_is_503_while_a_check_fails(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    withdraw = jararaca_app.environment.checks("cache", lambda: False)
    response = await http.get("/health/ready")
    withdraw()

    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["checks"]["cache"] is False
    assert (await http.get("/health/ready")).status_code == 200


async def test_ready_is_503_once_a_shutdown_is_asked_for(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    jararaca_app.environment.shutdown.request()
    response = await http.get("/health/ready")

    assert (response.status_code, response.json()["status"]) == (503, "stopping")
    assert (await http.get("/health/live")).status_code == 200


async def test_a_route_that_swallows_every_path_does_not_swallow_health(http: AsyncClient) -> None:
    assert (await http.get("/anything/else")).json() == "page anything/else"
    assert (await http.get("/health/live")).json() == {"status": "live"}


async def test_health_is_not_documented(jararaca_app: RunningApplication) -> None:
    assert list(jararaca_app.asgi.openapi()["paths"]) == ["/{rest}"]


async def get(http: HttpMicroservice, path: str) -> tuple[int, object]:
    transport = ASGITransport(app=create_http_server(http))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get(path)
        return response.status_code, response.json()


@pytest.mark.asyncio
async def test_health_can_be_moved() -> None:
    http = HttpMicroservice(Microservice(), health_path="/internal/")

    assert await get(http, "/internal/live") == (200, {"status": "live"})
    assert (await get(http, "/health/live"))[0] == 404


@pytest.mark.asyncio
async def test_health_can_be_turned_off() -> None:
    assert (await get(HttpMicroservice(Microservice(), health_path=None), "/health/live"))[0] == 404


@pytest.mark.asyncio
async def test_nothing_is_ready_before_the_start() -> None:
    assert await get(HttpMicroservice(Microservice()), "/health/ready") == (503, {"status": "not ready", "checks": {}})


@pytest.mark.asyncio
async def test_a_route_of_the_application_with_the_same_path_stays() -> None:
    app = create_http_server(HttpMicroservice(Microservice(controllers=[Status]), health_path="/status"))
    transport = ASGITransport(app=app)

    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/status/ready")).json() == "my own"
        assert (await client.get("/status/live")).json() == {"status": "live"}


def test_a_path_without_a_slash_is_refused() -> None:
    with pytest.raises(InvalidOption, match="health_path='health'"):
        HttpMicroservice(Microservice(), health_path="health")
