"""From the model of a client to its text, which depends on nothing else."""

from collections.abc import Iterable, Iterator

from jararaca.typescript.calls import call_lines, path_of, signature_of
from jararaca.typescript.model import (
    Client,
    Endpoint,
    Enumeration,
    Field,
    Model,
    Parameter,
    Service,
    Shape,
    Socket,
    Structure,
)
from jararaca.typescript.quoting import comment, key, member, string
from jararaca.typescript.runtime_text import runtime_text
from jararaca.typescript.spelling import field_lines, others_line, reasons_of, spelled

BANNER = "// Written by `jararaca gen-tsi`, which writes it anew whenever the application changes: do not edit."


def render(client: Client) -> str:
    """The whole file, which needs no other."""
    blocks = [BANNER, runtime_text("http")]
    if client.sockets:
        blocks.append(runtime_text("websocket"))
    declarations: list[Enumeration | Model] = [*client.enumerations, *client.models]
    declarations.sort(key=lambda each: each.name)
    for each in declarations:
        blocks.append(_lines(_enumeration(each) if isinstance(each, Enumeration) else _model(each)))
    for service in client.services:
        blocks += [_lines(_errors(one)) for one in service.endpoints if one.errors]
        blocks.append(_lines(_service(service)))
    for socket in client.sockets:
        blocks += [_lines(_messages(socket)), _lines(_socket(socket))]
    return "\n\n".join(blocks) + "\n"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _enumeration(each: Enumeration) -> Iterator[str]:
    yield from comment(each.docs)
    yield f"export const {each.name} = {{"
    yield from (f"  {key(name)}: {json}," for name, json in each.members)
    yield "} as const;"
    values = "number" if each.is_open else f"(typeof {each.name})[keyof typeof {each.name}]"
    yield f"export type {each.name} = {values};"


def _model(model: Model) -> Iterator[str]:
    tags = ["deprecated"] if model.is_deprecated else []
    name = f"{model.name}<{', '.join(model.parameters)}>" if model.parameters else model.name
    if not isinstance(model.shape, Structure):
        yield from comment(model.docs + reasons_of(model.shape), tags=tags)
        yield f"export type {name} = {spelled(model.shape)};"
        return
    yield from comment(model.docs, tags=tags)
    yield from _interface(name, model.shape.fields, model.shape.others)


def _interface(name: str, fields: Iterable[Field], others: Shape | None = None) -> Iterator[str]:
    lines = [line for field in fields for line in field_lines(field)]
    if others is not None:
        lines += [*comment(reasons_of(others), indent="  "), f"  {others_line(others)}"]
    if not lines:
        yield f"export interface {name} {{}}"
        return
    yield f"export interface {name} {{"
    yield from lines
    yield "}"


def _errors(endpoint: Endpoint) -> Iterator[str]:
    yield f"export interface {endpoint.errors_name} {{"
    for field in endpoint.errors:
        yield from comment(field.docs, indent="  ")
        yield f"  {field.name if field.name.isdecimal() else string(field.name)}: {spelled(field.shape)};"
    yield "}"


def _service(service: Service) -> Iterator[str]:
    yield from comment(service.docs)
    yield f"export class {service.name} extends HttpService {{"
    for number, endpoint in enumerate(service.endpoints):
        if number:
            yield ""
        yield from _method(endpoint)
    yield "}"


def _method(endpoint: Endpoint) -> Iterator[str]:
    remarks = "".join(f"\n\nNot exact: {why}." for why in endpoint.remarks)
    errors = f"\n\nErrors: `{endpoint.errors_name}`." if endpoint.errors else ""
    tags = ["deprecated"] if endpoint.is_deprecated else []
    yield from comment(f"{endpoint.docs}{errors}{remarks}", tags=tags, indent="  ")
    yield f"  async {endpoint.name}({signature_of(endpoint)}): Promise<{spelled(endpoint.result)}> {{"
    yield from call_lines(endpoint)
    yield "  }"


def _messages(socket: Socket) -> Iterator[str]:
    yield from comment(f"What {socket.name} is told.")
    yield from _interface(socket.messages_name, socket.messages)


def _socket(socket: Socket) -> Iterator[str]:
    remarks = "".join(f"\n\nNot exact: {why}." for why in socket.remarks)
    yield from comment(f"{socket.docs}{remarks}")
    yield f"export class {socket.name} extends WebSocketClient<{socket.messages_name}, {spelled(socket.client)}> {{"
    places = [each for each in socket.parameters if each.place == "path"]
    query = [each for each in socket.parameters if each.place == "query"]
    arguments = [f"{each.key}: {spelled(each.shape)}" for each in places]
    yield f"  constructor({', '.join([*arguments, _socket_options(query)])}) {{"
    pairs = ", ".join(f"[{string(each.name)}, {_socket_value(each, query)}]" for each in query)
    tag = "" if socket.tag is None else f", tag: {string(socket.tag)}"
    endpoint = f"path: {path_of(socket.path, socket.parameters)}, query: pairsOf([{pairs}]){tag}"
    yield f"    super({{ {endpoint}, receives: {string(socket.reads)} }}, options);"
    yield "  }"
    yield "}"


def _socket_options(query: list[Parameter]) -> str:
    if not query:
        return "options: WebSocketOptions"
    fields = "; ".join(
        f"readonly {key(each.key)}{'' if each.is_required else '?'}: {spelled(each.shape)}"
        f"{'' if each.is_required else ' | undefined'}"
        for each in query
    )
    mark = "" if any(each.is_required for each in query) else "?"
    return f"options: WebSocketOptions & {{ readonly parameters{mark}: {{ {fields} }} }}"


def _socket_value(parameter: Parameter, query: list[Parameter]) -> str:
    owner = "options.parameters" if any(each.is_required for each in query) else "(options.parameters ?? {})"
    return member(owner, parameter.key)
