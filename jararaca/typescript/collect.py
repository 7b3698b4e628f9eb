"""From a FastAPI object to the model of its client.

Nothing is dropped in silence: what cannot be typed exactly has a remark, what is left out is named, and what no client
can call is an error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from jararaca.presentation.execution_route import CONTROLLER
from jararaca.typescript.generator import referred
from jararaca.typescript.model import Client, Endpoint, Service, Shape, Socket, reasons_in
from jararaca.typescript.names import Names, camel, pascal
from jararaca.typescript.requests import Requests
from jararaca.typescript.responses import Responses
from jararaca.typescript.runtime_text import declared_names
from jararaca.typescript.schemas import Operation, place_of_route, spoken_by
from jararaca.typescript.sockets import Sockets
from jararaca.typescript.vocabulary import Vocabulary

FUNCTIONS = "Routes"
"""The service of routes that belong to no controller."""

_MEMBERS = ("constructor", "httpBackend", "toString", "valueOf", "then")
"""What a method of a service must not be called, because the object or an `await` of it means something by it."""


def collect(app: FastAPI) -> Client:
    """The client of an application, which does not have to be started.

    Raises:
        InvalidHandler: something is declared that no client could call; the text names method and parameter.
    """
    spoken = spoken_by(app)
    names = Names.of_a_file(declared_names())
    services = _named_services(spoken.operations, names)
    sockets = Sockets(spoken.sockets, names)
    inline = frozenset(_inlined(spoken.operations))
    vocabulary = Vocabulary(spoken.definitions, names, filled=spoken.filled, inline=inline)
    collected = tuple(
        Service(name, tuple(_endpoints(name, operations, vocabulary, names)), _docs(operations))
        for name, operations in sorted(services.items())
    )
    connected = tuple(sockets.collected(vocabulary))
    wanted = vocabulary.reached_from(_shapes(collected, connected))
    models = tuple(vocabulary.models(wanted))
    return Client(
        models=models,
        enumerations=tuple(vocabulary.enumerations(wanted)),
        services=collected,
        sockets=connected,
        remarks=(
            *(f"{each.name}.{one.name}: {why}" for each in collected for one in each.endpoints for why in one.remarks),
            *(f"{each.name}: {why}" for each in connected for why in each.remarks),
            *(f"{model.name}: a part is typed unknown: {why}" for model in models for why in reasons_in(model.shape)),
        ),
        left_out=spoken.left_out,
    )


def controller_of(route: Any) -> type | None:
    """The controller that a route belongs to."""
    found: type | None = getattr(route.endpoint, CONTROLLER, None)
    return found


def _shapes(services: Iterable[Service], sockets: Iterable[Socket]) -> Iterator[Shape]:
    """Every shape that is written outside of models."""
    for endpoint in (each for service in services for each in service.endpoints):
        yield endpoint.result
        yield from (each.shape for each in endpoint.parameters)
        yield from (each.shape for each in endpoint.errors)
        if endpoint.body is not None:
            yield endpoint.body.shape
    for socket in sockets:
        yield socket.client
        yield from (each.shape for each in socket.parameters)
        yield from (each.shape for each in socket.messages)


def _named_services(operations: Iterable[Operation], names: Names) -> dict[str, list[Operation]]:
    """Operations by the identifier of their service; classes of the same name get their module's name before it."""
    grouped: dict[type | None, list[Operation]] = {}
    for operation in operations:
        grouped.setdefault(controller_of(operation.route), []).append(operation)
    simple = Counter(_simple_name(owner) for owner in grouped)
    services = {}
    for owner in sorted(grouped, key=lambda each: (_simple_name(each), getattr(each, "__module__", ""))):
        name = _simple_name(owner)
        wish = pascal(f"{owner.__module__}.{owner.__qualname__}") if owner is not None and simple[name] > 1 else name
        services[names.take(wish, f"{wish}Service")] = grouped[owner]
    return services


def _simple_name(owner: type | None) -> str:
    return FUNCTIONS if owner is None else pascal(owner.__name__)


def _endpoints(
    service: str, operations: Sequence[Operation], vocabulary: Vocabulary, names: Names
) -> Iterator[Endpoint]:
    for name, operation in sorted(_named_methods(operations)):
        remarks: list[str] = []
        requests = Requests(vocabulary, place_of_route(operation.route), remarks)
        responses = Responses(vocabulary, remarks)
        body = requests.body(operation)
        parameters = requests.parameters(operation, has_body=body is not None)
        response, result = responses.result(operation)
        errors = responses.errors(operation)
        shapes = [result, *(each.shape for each in errors), *([] if body is None else [body.shape])]
        remarks += dict.fromkeys(f"a part is typed unknown: {why}" for shape in shapes for why in reasons_in(shape))
        yield Endpoint(
            name=name,
            verb=operation.verb,
            path=requests.path(operation, parameters),
            parameters=parameters,
            body=body,
            result=result,
            response=response,
            errors=errors,
            errors_name=names.take(f"{service}{pascal(name)}Errors") if errors else "",
            docs=str(operation.spoken.get("description") or ""),
            is_deprecated=bool(operation.spoken.get("deprecated")),
            remarks=tuple(remarks),
        )


def _named_methods(operations: Iterable[Operation]) -> Iterator[tuple[str, Operation]]:
    """Operations with the names of their methods; where a method has several, verb and path tell them apart."""
    wishes = [(camel(each.route.endpoint.__name__), each) for each in operations]
    counts = Counter(name for name, _each in wishes)
    names = Names(_MEMBERS)
    for name, each in sorted(wishes, key=lambda pair: (pair[0], pair[1].route.path, pair[1].verb)):
        if counts[name] == 1:
            yield names.take(name, f"{name}_"), each
        else:
            longer = f"{name}{pascal(each.verb.lower())}"
            yield names.take(longer, f"{longer}{pascal(each.route.path_format)}"), each


def _docs(operations: Sequence[Operation]) -> str:
    owner = controller_of(operations[0].route)
    return (owner.__doc__ or "") if owner is not None else "Routes that belong to no controller."


def _inlined(operations: Iterable[Operation]) -> Iterator[str]:
    """The models that FastAPI makes of the bodies of one route."""
    for operation in operations:
        said: Mapping[str, Any] = operation.spoken.get("requestBody") or {}
        for content in (said.get("content") or {}).values():
            name = referred(content.get("schema"))
            annotation = getattr(getattr(operation.route.body_field, "field_info", None), "annotation", None)
            if name is not None and getattr(annotation, "__name__", "") == f"Body_{operation.route.unique_id}":
                yield name
