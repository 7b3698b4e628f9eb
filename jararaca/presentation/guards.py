"""Which middlewares an application puts before what, and whether each can live there."""

from collections.abc import Iterator

from jararaca.core.container import Container
from jararaca.core.metadata import class_facts, method_facts
from jararaca.errors import ScopeViolation
from jararaca.presentation.decorators import ControllerFact, RouteFact
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.websocket.decorators import WebSocketFact


def middlewares_of(http: HttpMicroservice) -> tuple[type, ...]:
    """Every middleware class of the application, each once."""
    found = dict.fromkeys(http.middlewares)
    for controller in http.app.controllers:
        found |= dict.fromkeys(_of_controller(controller))
        for _name, route in method_facts(controller, RouteFact):
            found |= dict.fromkeys(route.middlewares)
    return tuple(found)


def check_middlewares(container: Container, http: HttpMicroservice) -> None:
    """See to it that what guards a websocket endpoint does not need a unit of work, which a connection has not.

    Raises:
        ScopeViolation: it does.
    """
    for controller in http.app.controllers:
        for name, _fact in method_facts(controller, WebSocketFact):
            for middleware in (*http.middlewares, *_of_controller(controller)):
                if container.scope_of(middleware) == "uow":
                    raise ScopeViolation(
                        f"{middleware.__qualname__} guards the websocket endpoint {controller.__qualname__}.{name}, "
                        "but lives for one unit of work, and a connection outlives that. Let the middleware need "
                        "nothing of scope 'uow', and open `async with unit_of_work()` inside it."
                    )


def _of_controller(controller: type) -> Iterator[type]:
    for fact in class_facts(controller, ControllerFact):
        yield from fact.middlewares
