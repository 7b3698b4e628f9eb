"""The second file of a client: a hook of TanStack Query for each method of its services."""

from collections.abc import Iterator

from jararaca.typescript.calls import options_of, takes_options
from jararaca.typescript.model import (
    NULL,
    AnyOf,
    Client,
    Endpoint,
    Parameter,
    Plain,
    Service,
    Shape,
    references_in,
)
from jararaca.typescript.names import Names, camel, pascal
from jararaca.typescript.quoting import comment, string
from jararaca.typescript.render import BANNER
from jararaca.typescript.runtime_text import declared_names, runtime_text
from jararaca.typescript.spelling import spelled

_CLIENT = "./http.js"
"""Where the runtime's hooks look for the client, which is in a file of its own only there."""

_UNDEFINED = Plain("undefined")
_STREAMS = ("stream", "lines", "events")
"""Answers that are read while they come, and that a cache cannot hold."""


def render_query(client: Client, *, client_module: str) -> str:
    """The whole file, which imports the client from `client_module` and otherwise only React and TanStack Query."""
    runtime = runtime_text("query").replace(string(_CLIENT), string(client_module))
    values = [service.name for service in client.services]
    types = sorted({name for service in client.services for name in _types_of(service)})
    imports = [f"import {{ {', '.join(values)} }} from {string(client_module)};"] if values else []
    if types:
        imports.append(f"import type {{ {', '.join(types)} }} from {string(client_module)};")
    blocks = [BANNER, runtime, "\n".join(imports)]
    names = Names(declared_names())
    blocks += ["\n".join(lines) for service in client.services for lines in _blocks(service, names)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _types_of(service: Service) -> Iterator[str]:
    for endpoint in service.endpoints:
        if endpoint.response not in _STREAMS:
            shapes: list[Shape] = [endpoint.result, *(each.shape for each in endpoint.parameters)]
            shapes += [] if endpoint.body is None else [endpoint.body.shape]
            for shape in shapes:
                yield from references_in(shape)


def _blocks(service: Service, names: Names) -> Iterator[Iterator[str]]:
    queries = [each for each in service.endpoints if _is_query(each)]
    yield _keys(service, queries)
    for endpoint in service.endpoints:
        if endpoint.response in _STREAMS:
            yield iter(comment(f"{service.name}.{endpoint.name} has no hook: it answers with a stream."))
        else:
            name = f"use{service.name}{pascal(endpoint.name)}{'' if _is_query(endpoint) else 'Mutation'}"
            hook = _query if _is_query(endpoint) else _mutation
            yield hook(names.take(name), service, endpoint)


def _is_query(endpoint: Endpoint) -> bool:
    """Whether it reads something that a cache can hold: undefined is nothing."""
    return endpoint.verb == "GET" and endpoint.response not in ("empty", *_STREAMS)


def _keys_name(service: Service) -> str:
    return f"{camel(service.name)}Keys"


def _keys(service: Service, queries: list[Endpoint]) -> Iterator[str]:
    yield from comment(f"The keys of the queries of {service.name}: each begins with those above it.")
    yield f"export const {_keys_name(service)} = {{"
    yield f"  all: [{string(service.name)}] as const,"
    for each in queries:
        values = ", ".join([string(service.name), string(each.name), *_values(each)])
        yield f"  {each.name}: ({', '.join(_arguments(each))}) => [{values}] as const,"
    yield "};"


def _query(name: str, service: Service, endpoint: Endpoint) -> Iterator[str]:
    result, values = spelled(_kept(endpoint.result)), _values(endpoint)
    call = _call(service, endpoint, [*values, "call"])
    if endpoint.result != _kept(endpoint.result):
        call += ".then((data) => data ?? null)"
    arguments = [*_arguments(endpoint), f"query: ServiceQueryOptions<{result}, Selected> = {{}}"]
    yield from comment(endpoint.docs, tags=["deprecated"] if endpoint.is_deprecated else [])
    yield f"export function {name}<Selected = {result}>("
    yield from (f"  {each}," for each in arguments)
    yield "): UseQueryResult<Selected, Error> {"
    yield f"  return useServiceQuery<{result}, Selected>("
    yield f"    {_keys_name(service)}.{endpoint.name}({', '.join(values)}),"
    yield f"    (backend, call) => {call},"
    yield "    query,"
    yield "  );"
    yield "}"


def _kept(shape: Shape) -> Shape:
    """A result as a cache holds it: null where there is none, because undefined would be a failure."""
    if not isinstance(shape, AnyOf) or _UNDEFINED not in shape.members:
        return shape
    return AnyOf((*(each for each in shape.members if each not in (_UNDEFINED, NULL)), NULL))


def _mutation(name: str, service: Service, endpoint: Endpoint) -> Iterator[str]:
    result = spelled(endpoint.result)
    fields = [f"{each.key}: {spelled(each.shape)}" for each in _places(endpoint)]
    values = [f"variables.{each.key}" for each in _places(endpoint)]
    if takes_options(endpoint) is not None:
        fields.append(f"options{'' if takes_options(endpoint) else '?'}: {options_of(endpoint, docs=False)}")
        values.append("variables.options")
    variables = f"{{ {'; '.join(fields)} }}" if fields else "void"
    yield from comment(endpoint.docs, tags=["deprecated"] if endpoint.is_deprecated else [])
    yield f"export function {name}("
    yield f"  options: ServiceMutationOptions<{result}, {variables}> = {{}},"
    yield f"): UseMutationResult<{result}, Error, {variables}> {{"
    yield f"  return useServiceMutation<{result}, {variables}>("
    yield f"    ({'backend, variables' if fields else 'backend'}) => {_call(service, endpoint, values)},"
    yield "    options,"
    yield "  );"
    yield "}"


def _call(service: Service, endpoint: Endpoint, values: list[str]) -> str:
    return f"new {service.name}(backend).{endpoint.name}({', '.join(values)})"


def _places(endpoint: Endpoint) -> list[Parameter]:
    return [each for each in endpoint.parameters if each.place == "path"]


def _arguments(endpoint: Endpoint) -> list[str]:
    """The parameters of the method, without what belongs to one call."""
    arguments = [f"{each.key}: {spelled(each.shape)}" for each in _places(endpoint)]
    is_needed = takes_options(endpoint)
    if is_needed is not None:
        arguments.append(f"options: {options_of(endpoint, docs=False)}{'' if is_needed else ' = {}'}")
    return arguments


def _values(endpoint: Endpoint) -> list[str]:
    return [each.key for each in _places(endpoint)] + ([] if takes_options(endpoint) is None else ["options"])
