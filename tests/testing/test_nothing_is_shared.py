"""Tests of one declaration share what follows from its classes, and no object of an application."""

from collections.abc import Callable

import pytest

import jararaca_testing.harness  # noqa: F401 -- pytest inside pytest forgets modules that it was the first to load

Run = Callable[..., pytest.RunResult]

PROJECT = """
    import pytest
    from jararaca import Get, IncomingHandler, Message, MessageBusController, Microservice, RestController
    from jararaca.presentation.http_microservice import HttpMicroservice
    from jararaca.presentation.middleware import HttpMiddleware
    from pydantic import BaseModel

    class Order(BaseModel):
        id: int

    class Counter:
        def __init__(self):
            self.count = 0

    class Counting(HttpMiddleware):
        def __init__(self, counter: Counter):
            self.counter = counter

        async def intercept(self):
            self.counter.count += 1
            yield

    @MessageBusController()
    @RestController("/count")
    class Counts:
        def __init__(self, counter: Counter):
            self.counter = counter

        @Get()
        async def get(self) -> int:
            return self.counter.count

        @IncomingHandler("order.placed")
        async def place(self, message: Message[Order]) -> None:
            self.counter.count += 10

    declared = HttpMicroservice(Microservice(controllers=[Counts], name="counts"), middlewares=[Counting])

    @pytest.fixture
    def jararaca_microservice():
        return declared
"""


def test_singletons_and_middlewares_begin_anew_in_each_test(run: Run) -> None:
    result = run(
        PROJECT
        + """
    @pytest.mark.parametrize("number", range(5))
    async def test_count(jararaca_app, http, bus, number):
        assert (await http.get("/count")).json() == 1
        await bus.publish(Order(id=number), "order.placed")
        await jararaca_app.settle()
        assert (await http.get("/count")).json() == 12
        assert bus.handled(Counts.place).one().payload.id == number
    """
    )

    result.assert_outcomes(passed=5)


def test_an_override_of_one_test_is_not_in_the_next(run: Run) -> None:
    result = run(
        PROJECT
        + """
    def counter(count):
        made = Counter()
        made.count = count
        return made

    async def first(http):
        return (await http.get("/count")).json()

    async def test_as_declared(http):
        assert await first(http) == 1

    async def test_overridden(override, http):
        override[Counter] = counter(100)
        assert await first(http) == 101

    async def test_as_declared_again(http):
        assert await first(http) == 1

    async def test_overridden_otherwise(override, http):
        override[Counter] = counter(200)
        assert await first(http) == 201
    """
    )

    result.assert_outcomes(passed=4)


def test_a_declaration_that_is_made_anew_gets_what_it_says(run: Run) -> None:
    """The classes are the same, the names, middlewares and providers are not."""
    result = run(
        PROJECT
        + """
    from jararaca import ProviderSpec

    class Hundred(Counter):
        def __init__(self):
            self.count = 100

    class Other(BaseModel):
        text: str

    VARIANTS = {
        "bare": (HttpMicroservice(Microservice(controllers=[Counts], name="bare")), 0),
        "hundred": (
            HttpMicroservice(Microservice([ProviderSpec(Counter, use_class=Hundred)], [Counts], name="hundred")), 100
        ),
        "counted": (declared, 1),
    }

    @pytest.fixture
    def jararaca_microservice(variant):
        return VARIANTS[variant][0]

    @pytest.mark.parametrize("variant", [*VARIANTS, *reversed(VARIANTS)])
    async def test_variant(jararaca_app, http, variant):
        assert (await http.get("/count")).json() == VARIANTS[variant][1]
        assert jararaca_app.asgi.title == jararaca_app.environment.name
    """
    )

    result.assert_outcomes(passed=6)


def test_what_a_test_does_to_the_application_stays_in_it(run: Run) -> None:
    result = run(
        PROJECT
        + """
    @pytest.mark.parametrize("number", range(2))
    async def test_add(jararaca_app, http, number):
        assert (await http.get("/added")).status_code == 404
        jararaca_app.asgi.add_api_route("/added", lambda: number)
        assert (await http.get("/added")).json() == number
        jararaca_app.asgi.dependency_overrides[Counting] = None
    """
    )

    result.assert_outcomes(passed=2)


def test_a_replaced_method_is_that_of_one_test(run: Run) -> None:
    result = run(
        PROJECT
        + """
    class Named(BaseModel):
        name: str

    async def test_before(jararaca_app, bus):
        await bus.publish(Order(id=1), "order.placed")

    async def test_replaced(monkeypatch, request, bus_of):
        seen = []

        async def place(self, message: Message[Named]) -> None:
            seen.append(message.payload().name)

        monkeypatch.setattr(Counts, "place", place)
        async with bus_of() as bus:
            await bus.publish(Named(name="x"), "order.placed")
        assert seen == ["x"]

    @pytest.fixture
    def bus_of(harness):
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def fresh():
            async with harness.fresh() as application:
                yield application.bus
                await application.settle()

        return fresh

    async def test_after(jararaca_app, bus):
        await bus.publish(Order(id=1), "order.placed")
    """
    )

    result.assert_outcomes(passed=3)


def test_threads_and_signals_wake_a_loop_that_has_opened_nothing(run: Run) -> None:
    result = run(
        """
    import asyncio, os, signal, threading

    async def test_thread(clock):
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        assert await asyncio.to_thread(lambda: 1) == 1
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(done.set,))
        thread.start()
        thread.join()
        await done.wait()

    async def test_signal(clock):
        loop, got = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, got.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.to_thread(lambda: None)
        await got.wait()
        loop.remove_signal_handler(signal.SIGUSR1)
    """
    )

    result.assert_outcomes(passed=2)
