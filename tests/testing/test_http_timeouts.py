"""A request waits no longer than it says, in the time of the test, and the application goes on without its client."""

from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient, ReadTimeout
from starlette.types import Receive, Scope, Send

from jararaca import Get, Microservice, RestController
from jararaca.core.context import use_clock
from jararaca_testing import RunningApplication, VirtualClock
from jararaca_testing.http import http_client

pytestmark = pytest.mark.virtual_only


@RestController("/machines")
class Machines:
    @Get("/slow")
    async def slow(self) -> str:
        await use_clock().sleep(100)
        return "done"

    @Get("/broken")
    async def broken(self) -> str:
        await use_clock().sleep(10)
        raise LookupError("out of order")


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(name="machines", controllers=[Machines])


async def test_a_longer_time_counts_instead_of_patience(http: AsyncClient, clock: VirtualClock) -> None:
    assert (await http.get("/machines/slow", timeout=200)).json() == "done"
    assert clock.monotonic() == 100


async def test_a_shorter_one_ends_the_wait_and_not_the_handler(
    jararaca_app: RunningApplication, http: AsyncClient, clock: VirtualClock
) -> None:
    with pytest.raises(ReadTimeout, match="GET /machines/slow was not answered within 30 seconds"):
        await http.get("/machines/slow", timeout=30)
    assert clock.monotonic() == 30

    await jararaca_app.settle(within=200)
    assert clock.monotonic() == 100


async def test_what_the_handler_raises_in_time_is_raised_at_the_request(http: AsyncClient) -> None:
    with pytest.raises(LookupError, match="out of order"):
        await http.get("/machines/broken", timeout=30)


@pytest.fixture
async def gone(clock: VirtualClock) -> AsyncIterator[tuple[AsyncClient, list[str]]]:
    """A client of an application that looks, later on, whether the client is there, and answers anyway."""
    told: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()
        await clock.sleep(100)
        told.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200})

    async with http_client(app) as client:
        yield client, told


async def test_the_application_is_told_that_the_client_has_left(
    gone: tuple[AsyncClient, list[str]], clock: VirtualClock
) -> None:
    client, told = gone
    with pytest.raises(ReadTimeout):
        await client.get("/", timeout=30)

    await clock.advance(80)

    assert told == ["http.disconnect"]


async def test_what_still_runs_ends_with_the_client(gone: tuple[AsyncClient, list[str]]) -> None:
    client, told = gone
    with pytest.raises(ReadTimeout):
        await client.get("/", timeout=30)

    await client.aclose()

    assert told == []
