"""The `override` fixture: before the start and while it runs, undone afterwards, and never by mistake."""

import pytest
from httpx import AsyncClient
from pydantic import BaseModel

from jararaca import Get, Microservice, Post, ProviderSpec, RestController, Token
from jararaca.errors import MissingProvider
from jararaca_testing import Overrides, RunningApplication


class Settings(BaseModel):
    name: str = "real"


SETTINGS = Token(Settings, "SETTINGS")


class Gateway:
    name = "real"


class BrokenGateway(Gateway):
    name = "broken"


class Clerk:
    """Needs what is overridden, and is needed in turn."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway


STARTED: list[str] = []


def greeting(clerk: Clerk) -> str:
    STARTED.append(clerk.gateway.name)
    return clerk.gateway.name


@RestController("/names")
class Names:
    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk

    @Get()
    async def name(self) -> str:
        return self.clerk.gateway.name

    @Post()
    async def rename(self) -> None: ...


@pytest.fixture
def jararaca_microservice() -> Microservice:
    STARTED.clear()
    providers: list[ProviderSpec | type] = [
        Gateway,
        ProviderSpec(SETTINGS, use_value=Settings()),
        ProviderSpec(Token(str, "GREETING"), use_factory=greeting),
    ]
    return Microservice(providers=providers, controllers=[Names])


async def test_what_is_overridden_before_the_start_is_what_the_application_starts_with(
    override: Overrides, jararaca_harness: RunningApplication
) -> None:
    override[Gateway] = BrokenGateway()

    await jararaca_harness.start()

    assert STARTED == ["broken"]
    assert (await jararaca_harness.http.get("/names")).json() == "broken"
    await jararaca_harness.stop()


async def test_what_needs_an_overridden_key_is_built_anew_while_the_application_runs(
    http: AsyncClient, override: Overrides
) -> None:
    before = (await http.get("/names")).json()
    override[Gateway] = BrokenGateway()

    assert (before, (await http.get("/names")).json()) == ("real", "broken")


async def test_overrides_are_undone_one_by_one_the_latest_first(http: AsyncClient, override: Overrides) -> None:
    override[Gateway] = BrokenGateway()
    override[Gateway] = Gateway()

    override.undo()

    assert (await http.get("/names")).json() == "real"
    override.undo()


async def test_overrides_end_with_the_application(jararaca_harness: RunningApplication) -> None:
    harness = jararaca_harness
    await harness.start()
    harness.override[SETTINGS] = Settings(name="another")
    assert harness.environment.container.get_by_token(SETTINGS).name == "another"

    await harness.stop()

    assert harness.environment.container.get_by_token(SETTINGS).name == "real"


async def test_an_unknown_key_is_an_error_with_the_nearest_name(override: Overrides) -> None:
    class Gatewy: ...

    with pytest.raises(MissingProvider, match=r"Gatewy.*Gateway"):
        override[Gatewy] = Gatewy()
