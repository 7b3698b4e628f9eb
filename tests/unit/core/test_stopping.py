"""What handlers may ask and say about the end of the process."""

from collections.abc import Callable
from typing import Any

import pytest
from httpx import AsyncClient

from jararaca import Get, Microservice, RestController
from jararaca.core.stopping import is_shutting_down, request_shutdown, shutdown_race, wait_for_shutdown
from jararaca.errors import OutsideExecution
from jararaca_testing import RunningApplication


async def work() -> str:
    return "worked"


@RestController("/stopping")
class Stopping:
    @Get("/state")
    async def state(self) -> bool:
        return is_shutting_down()

    @Get("/stop")
    async def stop(self) -> str:
        request_shutdown()
        await wait_for_shutdown()
        return "stopped"

    @Get("/race")
    async def race(self) -> str | None:
        return await shutdown_race(work())

    @Get("/lost-race")
    async def lost_race(self) -> str | None:
        request_shutdown()
        return await shutdown_race(wait_for_ever())


async def wait_for_ever() -> str:
    import asyncio

    await asyncio.Event().wait()
    return "never"


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Stopping])


async def test_a_handler_asks_whether_the_process_ends(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    assert (await http.get("/stopping/state")).json() is False

    jararaca_app.environment.shutdown.request()

    assert (await http.get("/stopping/state")).json() is True


async def test_a_handler_asks_the_process_to_end(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    assert (await http.get("/stopping/stop")).json() == "stopped"
    assert jararaca_app.environment.shutdown.is_requested


async def test_work_races_against_the_end(http: AsyncClient) -> None:
    assert (await http.get("/stopping/race")).json() == "worked"
    assert (await http.get("/stopping/lost-race")).json() is None


@pytest.mark.parametrize("call", [is_shutting_down, request_shutdown])
def test_outside_of_a_handler_the_error_names_the_call(call: Callable[[], Any]) -> None:
    with pytest.raises(OutsideExecution, match=rf"{call.__name__}\(\) works only"):
        call()


@pytest.mark.asyncio
@pytest.mark.parametrize("call", [wait_for_shutdown, shutdown_race])
async def test_outside_of_a_handler_waiting_is_refused_too(call: Callable[[], Any]) -> None:
    with pytest.raises(OutsideExecution, match=rf"{call.__name__}\(\) works only"):
        await call()
