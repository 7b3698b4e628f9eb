"""What an application's interceptors may be."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from jararaca import Container, Microservice, ProviderSpec
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.context import Execution
from jararaca.core.interceptors import (
    AppInterceptor,
    AppInterceptorWithLifecycle,
    CheckingInterceptor,
    ProvidingInterceptor,
)
from jararaca.errors import ConfigurationError, InvalidOption


class Gift:
    def __init__(self, giver: str) -> None:
        self.giver = giver


class Everything:
    """All that an interceptor can be, in one."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @asynccontextmanager
    async def intercept(self, ctx: Execution) -> AsyncIterator[None]:
        self.log.append(f"around {ctx.trigger.name}")
        yield

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        self.log.append(f"life of {app.name}")
        yield

    def providers(self, app: Microservice) -> Iterable[ProviderSpec]:
        return (ProviderSpec(Gift, use_value=Gift("interceptor")),)

    def check(self, app: Microservice, container: Container) -> None:
        self.log.append("check")


@pytest.mark.parametrize(
    "protocol", [AppInterceptor, AppInterceptorWithLifecycle, ProvidingInterceptor, CheckingInterceptor]
)
def test_an_interceptor_is_what_it_can_do(protocol: type) -> None:
    assert isinstance(Everything(), protocol)
    assert not isinstance(object(), protocol)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Everything, "has the class Everything, and takes objects. Write Everything(...)."),
        (
            object(),
            "has an object of type object, which has none of the methods intercept, lifecycle, providers and check",
        ),
        ("text", "has an object of type str, which has none"),
    ],
)
def test_what_is_no_interceptor_is_refused_before_anything_starts(given: object, said: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        Application(Microservice(interceptors=[Everything(), given]), embedded_ports())

    assert str(raised.value).startswith(f"Microservice(interceptors=[...]) {said}")


def test_what_an_interceptor_provides_can_be_injected() -> None:
    app = Application(Microservice(interceptors=[Everything()]), embedded_ports())

    assert app.environment.container.get_by_type(Gift).giver == "interceptor"


def test_what_the_application_provides_itself_wins() -> None:
    mine = ProviderSpec(Gift, use_value=Gift("application"))

    app = Application(Microservice(providers=[mine], interceptors=[Everything()]), embedded_ports())

    assert app.environment.container.get_by_type(Gift).giver == "application"


@pytest.mark.asyncio
async def test_an_interceptor_checks_before_its_life_begins() -> None:
    everything = Everything()
    app = Application(Microservice(interceptors=[everything], name="shop"), embedded_ports())

    await app.start()
    await app.stop()

    assert everything.log == ["check", "life of shop"]


@pytest.mark.asyncio
async def test_an_interceptor_that_objects_keeps_the_application_from_starting() -> None:
    class Objecting(Everything):
        def check(self, app: Microservice, container: Container) -> None:
            raise ConfigurationError("no")

    objecting = Objecting()
    app = Application(Microservice(interceptors=[objecting]), embedded_ports())

    with pytest.raises(ConfigurationError):
        await app.start()
    assert (objecting.log, app.is_running) == ([], False)
