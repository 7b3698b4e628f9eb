"""Routes of one controller in many applications: what FastAPI found out is shared, and nothing else."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from httpx import ASGITransport, AsyncClient

from jararaca import Get, Microservice, Post, ProviderSpec, RestController
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.errors import InvalidHandler
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.middleware import HttpMiddleware
from jararaca.presentation.routing import kept_routes
from jararaca.presentation.server import HttpRuntime

pytestmark = pytest.mark.asyncio


def who() -> str:
    return "nobody"


class Name:
    def __init__(self) -> None:
        self.value = "declared"


@RestController("/names")
class Names:
    def __init__(self, name: Name) -> None:
        self.name = name

    @Get()
    async def get(self, caller: Annotated[str, Depends(who)]) -> dict[str, str]:
        return {"name": self.name.value, "caller": caller}

    @Get("/{number}")
    async def number(self, number: int) -> int:
        return number


class Refusing(HttpMiddleware):
    async def intercept(self, request: Request, reason: str) -> AsyncIterator[None]:
        yield


def named(value: str) -> ProviderSpec:
    name = Name()
    name.value = value
    return ProviderSpec(Name, use_value=name)


def runtime(*providers: ProviderSpec, controller: type = Names, **options: Any) -> HttpRuntime:
    declaration = Microservice(providers=providers, controllers=[controller])
    return HttpRuntime(Application(declaration, embedded_ports()), HttpMicroservice(declaration, **options))


async def answer(served: HttpRuntime, path: str) -> Any:
    await served.start()
    async with AsyncClient(transport=ASGITransport(served.asgi), base_url="http://test") as client:
        return (await client.get(path)).json()


def routes(served: HttpRuntime) -> dict[str, Any]:
    return {each.name: each for each in served.asgi.router.routes if isinstance(each, served.asgi.router.route_class)}


async def test_what_was_found_out_about_a_method_is_shared() -> None:
    first, second = routes(runtime())["get"], routes(runtime())["get"]

    assert first is not second
    assert first.dependant is second.dependant


async def test_each_application_serves_with_objects_of_its_own() -> None:
    one, other = runtime(named("one")), runtime(named("other"))

    assert (await answer(one, "/names"))["name"] == "one"
    assert (await answer(other, "/names"))["name"] == "other"
    assert (await answer(one, "/names/"))["name"] == "one"
    assert (await answer(runtime(), "/names"))["name"] == "declared"


async def test_overrides_of_fastapi_are_those_of_one_application() -> None:
    one, other = runtime(), runtime()

    one.asgi.dependency_overrides[who] = lambda: "somebody"

    assert (await answer(one, "/names"))["caller"] == "somebody"
    assert (await answer(other, "/names"))["caller"] == "nobody"
    assert (await answer(runtime(), "/names"))["caller"] == "nobody"


async def test_what_is_added_to_one_application_is_not_in_the_next() -> None:
    one = runtime()
    one.asgi.add_api_route("/extra", who)
    for route in one.asgi.router.routes:
        if isinstance(route, APIRoute) and route.name == "number":
            route.include_in_schema = False

    other = runtime()

    assert await answer(one, "/extra") == "nobody"
    assert await answer(other, "/extra") == {"detail": "Not Found"}
    assert "/names/{number}" not in one.asgi.openapi()["paths"]
    assert "/names/{number}" in other.asgi.openapi()["paths"]


async def test_a_method_that_was_replaced_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await answer(runtime(), "/names/7") == 7

    async def text(_self: Names, number: str) -> str:
        return f"<{number}>"

    with monkeypatch.context() as patched:
        patched.setattr(Names, "number", text)
        assert await answer(runtime(), "/names/7") == "<7>"

    assert await answer(runtime(), "/names/7") == 7


async def test_other_middlewares_make_other_routes() -> None:
    guarded = runtime(middlewares=[Refusing])

    assert (await answer(guarded, "/names"))["detail"][0]["loc"] == ["query", "reason"]
    assert (await answer(runtime(), "/names"))["name"] == "declared"


async def test_a_body_limit_of_a_method_holds_in_every_application() -> None:
    @RestController("/bodies")
    class Bodies:
        @Post(options={"max_body_size": 4})
        async def put(self, body: list[int]) -> int:
            return len(body)

    for _application in range(2):
        served = runtime(controller=Bodies)
        await served.start()
        async with AsyncClient(transport=ASGITransport(served.asgi), base_url="http://test") as client:
            assert (await client.post("/bodies", json=[1])).json() == 1
            assert (await client.post("/bodies", json=[1, 2, 3])).status_code == 413


async def test_the_object_of_a_factory_has_routes_of_its_own() -> None:
    """A factory may give its object options that change what a route is."""
    one = runtime(factory=lambda lifespan: FastAPI(lifespan=lifespan, dependencies=[Depends(who)]))

    assert routes(one)["get"].dependant is not routes(runtime())["get"].dependant
    assert (await answer(one, "/names"))["name"] == "declared"


async def test_the_object_is_made_when_it_is_asked_for() -> None:
    served = runtime()

    assert not served.has_lifespan
    assert served.asgi is served.asgi
    assert served.has_lifespan


async def test_a_controller_that_cannot_be_served_is_refused_each_time_at_once() -> None:
    @RestController("/never")
    class Never:
        @Get()
        async def get(self, given: object()) -> None: ...  # type: ignore[valid-type] # what is to be refused

    for _again in range(2):
        with pytest.raises(InvalidHandler, match="cannot be a route"):
            runtime(controller=Never)


async def test_a_route_copy_knows_no_other_attribute_than_an_ordinary_one() -> None:
    (copy,) = (each for each in routes(runtime()).values() if each.name == "get")

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = copy.nothing
    assert kept_routes(Names) is kept_routes(Names)
