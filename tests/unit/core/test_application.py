"""The order in which an application comes up and goes down."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from jararaca import Container, Microservice, ProviderSpec, Token
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.context import Trigger
from jararaca.core.environment import Environment
from jararaca.errors import InvalidHandler, MissingProvider
from jararaca.ports.chance import Chance
from jararaca.ports.clock import Clock

pytestmark = pytest.mark.asyncio

EARLY, LATE = Token(str, "EARLY"), Token(str, "LATE")


class Living:
    """An interceptor with a life of its own, that fails where it is told to."""

    def __init__(self, log: list[str], name: str, *, fails: str = "") -> None:
        self.log, self.name, self.fails = log, name, fails

    def _note(self, phase: str) -> None:
        self.log.append(f"{self.name} {phase}")
        {self.fails: self._fail}.get(phase, lambda: None)()

    def _fail(self) -> None:
        raise ConnectionError(f"{self.name} {self.fails}")

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        self._note("up")
        try:
            yield
        finally:
            self._note("down")


def provided(log: list[str], name: str) -> Callable[[], AsyncIterator[str]]:
    async def factory() -> AsyncIterator[str]:
        log.append(f"{name} built")
        yield name
        log.append(f"{name} disposed of")

    return factory


def application(log: list[str], *, fails: str = "", extra: tuple[object, ...] = ()) -> Application:
    declaration = Microservice(
        shutdown_grace=0,
        providers=[
            ProviderSpec(LATE, use_factory=provided(log, "late"), after_interceptors=True),
            ProviderSpec(EARLY, use_factory=provided(log, "early")),
        ],
        interceptors=[Living(log, "first"), Living(log, "second", fails=fails)],
    )
    return Application(declaration, embedded_ports(), extra_interceptors=extra)


UP = ["early built", "first up", "second up", "late built"]
DOWN = ["late disposed of", "second down", "first down", "early disposed of"]


async def test_it_comes_up_in_order_and_goes_down_in_reverse() -> None:
    log: list[str] = []
    app = application(log)

    await app.start()
    assert (log, app.is_running) == (UP, True)
    assert await app.stop() is True
    assert (log, app.is_running) == (UP + DOWN, False)


async def test_it_may_be_started_again() -> None:
    log: list[str] = []
    app = application(log)

    for _ in range(2):
        await app.start()
        assert not app.environment.shutdown.is_requested
        await app.stop()
        assert app.environment.shutdown.is_requested

    assert log == (UP + DOWN) * 2


async def test_what_fails_on_the_way_up_takes_everything_down_again() -> None:
    log: list[str] = []
    app = application(log, fails="up")

    with pytest.raises(ConnectionError, match="second up"):
        await app.start()
    assert log == ["early built", "first up", "second up", "first down", "early disposed of"]
    assert not app.is_running


async def test_what_failed_first_is_raised_and_what_fails_when_it_is_taken_down_is_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def leaky() -> AsyncIterator[str]:
        yield "text"
        raise ValueError("not closed")

    log: list[str] = []
    declaration = Microservice(
        providers=[ProviderSpec(EARLY, use_factory=leaky)],
        interceptors=[Living(log, "first", fails="down"), Living(log, "second", fails="up")],
    )

    with pytest.raises(ConnectionError, match="second up") as raised:
        await Application(declaration, embedded_ports()).start()

    assert raised.value.__notes__ == [
        "Taking down what had come up failed too: ConnectionError: first down",
        "Taking down what had come up failed too: ValueError: not closed",
    ]
    assert raised.value.__context__ is None
    assert log == ["first up", "second up", "first down"]
    assert "taking down what had come up failed, after the start had" in caplog.text


async def test_a_provider_that_failed_is_raised_although_another_cannot_be_disposed_of() -> None:
    async def leaky() -> AsyncIterator[str]:
        yield "text"
        raise ValueError("not closed")

    def broken() -> str:
        raise KeyError("broken")

    providers = [ProviderSpec(EARLY, use_factory=leaky), ProviderSpec(LATE, use_factory=broken)]

    with pytest.raises(KeyError, match="broken") as raised:
        await Application(Microservice(providers=providers), embedded_ports()).start()

    assert raised.value.__notes__ == ["Taking down what had come up failed too: ValueError: not closed"]


async def test_a_lifecycle_that_swallows_errors_does_not_hide_a_failed_start() -> None:
    class Swallowing:
        @asynccontextmanager
        async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
            with suppress(ConnectionError):
                yield

    declaration = Microservice(interceptors=[Swallowing(), Living([], "second", fails="up")])

    with pytest.raises(ConnectionError, match="second up"):
        await Application(declaration, embedded_ports()).start()


async def test_what_fails_on_the_way_down_does_not_stop_the_others() -> None:
    log: list[str] = []
    app = application(log, fails="down")
    await app.start()

    with pytest.raises(ConnectionError, match="second down"):
        await app.stop()
    assert log == UP + DOWN


async def test_extra_interceptors_come_before_those_of_the_declaration() -> None:
    log: list[str] = []
    app = application(log, extra=(Living(log, "extra"),))

    await app.start()
    await app.stop()

    assert log[:3] == ["early built", "extra up", "first up"]


async def test_stopping_what_was_not_started_is_harmless() -> None:
    assert await application([]).stop() is True


async def test_work_in_the_background_is_cancelled_at_the_end_and_reported() -> None:
    app = application([])
    await app.start()
    app.environment.tasks.spawn(app.environment.shutdown.wait(), name="ends by itself")
    app.environment.tasks.spawn(app.environment.clock.sleep(1000), name="does not")

    assert await app.stop() is False
    assert len(app.environment.tasks) == 0


async def test_ports_and_surroundings_can_be_injected() -> None:
    app = application([])
    container = app.environment.container

    assert container.get_by_type(Environment) is app.environment
    assert container.get_by_type(Clock) is app.environment.clock
    assert container.get_by_type(Chance) is app.environment.chance


async def test_a_room_may_object_before_anything_starts() -> None:
    def object_to(_app: Application) -> None:
        raise InvalidHandler("no")

    log: list[str] = []
    app = application(log)
    app.validates(object_to)

    with pytest.raises(InvalidHandler):
        await app.start()
    assert log == []


async def test_a_declaration_that_cannot_be_built_is_not_started() -> None:
    class Needy:
        def __init__(self, text: str) -> None: ...

    log: list[Any] = []
    app = Application(Microservice(controllers=[Needy], interceptors=[Living(log, "first")]), embedded_ports())

    with pytest.raises(MissingProvider, match="Needy"):
        await app.start()
    assert log == []


async def test_an_execution_of_its_own_has_no_cause() -> None:
    app = application([])

    execution = app.execution(Trigger("manual", "a script"))

    assert (execution.cause, execution.environment) == (None, app.environment)
