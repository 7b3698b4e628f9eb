"""What a user's module calls to get servers and workers from a declaration. None of it does I/O."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from jararaca.bootstrap.assembly import assemble, bus_config, scheduler_config
from jararaca.bootstrap.foreign_server import foreign_server
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.core.microservice import Microservice, described
from jararaca.errors import InvalidOption
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.worker import MessageBusWorker
from jararaca.presentation.http_microservice import HttpMicroservice, Lifespan
from jararaca.presentation.server import HttpRuntime


def as_http(app: Microservice | HttpMicroservice, *, caller: str = "this") -> HttpMicroservice:
    """The HTTP side of a declaration, with defaults where it declares none.

    Raises:
        InvalidOption: it is no declaration; the text names `caller`.
    """
    if isinstance(app, HttpMicroservice):
        return app
    if not isinstance(app, Microservice):
        raise InvalidOption(
            f"{caller} takes a Microservice or an HttpMicroservice, and got {described(app)}. Give it the declaration."
        )
    return HttpMicroservice(app)


def create_http_server(
    app: Microservice | HttpMicroservice, factory: Callable[[Lifespan], FastAPI] | None = None
) -> FastAPI:
    """A FastAPI object with every route of the application, which starts and stops with the object's lifespan.

    Args:
        app: the declaration, or its HTTP side.
        factory: makes the FastAPI object from the lifespan that it must pass on; wins over the one of `app`.

    Raises:
        DeclarationError: a controller cannot be served.
    """
    http = as_http(app, caller="create_http_server()")
    if factory is not None:
        http = HttpMicroservice(http.app, factory, http.middlewares, health_path=http.health_path)
    assembly = assemble(http.app, system_ports(), bus_config(http.app, read_settings()), needs_broker=False)
    runtime: HttpRuntime | None = None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        assert runtime is not None
        await assembly.application.start()
        try:
            await runtime.start()
            async with foreign_server(assembly.application.environment.shutdown):
                yield
        finally:
            assembly.application.environment.shutdown.request()
            await runtime.stop(http.app.shutdown_grace)
            await assembly.application.stop()

    runtime = assembly.http(http, lifespan=lifespan)
    return runtime.asgi


def create_messagebus_worker(
    app: Microservice | HttpMicroservice, config: MessageBusConfig | None = None
) -> MessageBusWorker:
    """The worker of an application, not started: `start_sync()` runs it until the process is asked to stop.

    Args:
        app: the declaration; of one with an HTTP side, what is in it.
        config: what the declaration says of the message bus; a `JARARACA_*` variable wins over its field.

    Raises:
        DeclarationError: a handler cannot work.
    """
    declaration = as_http(app, caller="create_messagebus_worker()").app
    settings = read_settings()
    assembly = assemble(
        declaration,
        system_ports(),
        bus_config(declaration, settings, config),
        needs_broker=True,
        scheduling=scheduler_config(declaration, settings),
    )
    return MessageBusWorker(assembly.application, assembly.config)
