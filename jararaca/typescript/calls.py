"""How a method of a service is written: its signature, and the request that it makes of its arguments."""

from collections.abc import Iterable, Iterator

from jararaca.typescript.model import Body, Endpoint, Parameter, PathPart, Place, Plain
from jararaca.typescript.quoting import comment, key, member, string
from jararaca.typescript.spelling import spelled

WIDTH = 72
"""Columns of a type that goes on one line with the rest of its signature."""

_GROUPS: tuple[tuple[str, Place], ...] = (("query", "query"), ("headers", "header"), ("cookies", "cookie"))


def signature_of(endpoint: Endpoint) -> str:
    """The parameters of the method: those of the path, one object with the others, and what belongs to the call."""
    arguments = [f"{each.key}: {spelled(each.shape)}" for each in endpoint.parameters if each.place == "path"]
    is_needed = takes_options(endpoint)
    if is_needed is not None:
        arguments.append(f"options: {options_of(endpoint)}{'' if is_needed else ' = {}'}")
    return ", ".join([*arguments, "call?: CallOptions"])


def takes_options(endpoint: Endpoint) -> bool | None:
    """Whether callers must give the object with what is beside the path; None if there is nothing."""
    body = [] if endpoint.body is None else [endpoint.body.is_required]
    required = [*(_must_be_given(each) for each in _given(endpoint)), *body]
    return any(required) if required else None


def options_of(endpoint: Endpoint, *, docs: bool = True) -> str:
    """The type of that object, with what is known about each of its fields if there are to be `docs`."""
    body = endpoint.body
    entries = [_option(each.key, spelled(each.shape), _must_be_given(each), each) for each in _given(endpoint)]
    entries += [] if body is None else [_option(body.key, spelled(body.shape), body.is_required, body)]
    short = f"{{ {' '.join(lines[-1] for lines in entries).removesuffix(';')} }}"
    if docs and (any(len(lines) > 1 for lines in entries) or len(short) > WIDTH):
        return "\n".join(["{", *(f"    {line}" for lines in entries for line in lines), "  }"])
    return short


def call_lines(endpoint: Endpoint) -> Iterator[str]:
    """The body of the method."""
    yield f"    return this.httpBackend.request<{spelled(endpoint.result)}>({{"
    yield f"      method: {string(endpoint.verb)},"
    yield f"      path: {path_of(endpoint.path, endpoint.parameters)},"
    for name, place in _GROUPS:
        given = [each for each in endpoint.parameters if each.place == place]
        pairs = [f"[{string(each.name)}, {member('options', each.key)}]" for each in given]
        if len(", ".join(pairs)) <= WIDTH:
            joined = ", ".join(pairs)
            yield f"      {name}: {f'pairsOf([{joined}])' if pairs else '[]'},"
        else:
            yield f"      {name}: pairsOf(["
            yield from (f"        {pair}," for pair in pairs)
            yield "      ]),"
    if endpoint.body is not None:
        yield f"      body: {_body(endpoint.body)},"
    yield f"      response: {string(endpoint.response)},"
    yield "      call,"
    yield "    });"


def path_of(path: Iterable[PathPart], parameters: Iterable[Parameter]) -> str:
    """The expression for a path."""
    shapes = {each.key: each.shape for each in parameters if each.place == "path"}
    return " + ".join(_piece(part, is_text=shapes.get(part.key) == Plain("string")) for part in path) or string("/")


def _piece(part: PathPart, *, is_text: bool) -> str:
    if not part.key:
        return string(part.text)
    if not part.has_slashes:
        return f"encodePath({part.key})"
    return f"encodePathSegments({part.key if is_text else f'String({part.key})'})"


def _given(endpoint: Endpoint) -> list[Parameter]:
    return [each for each in endpoint.parameters if each.place != "path"]


def _must_be_given(parameter: Parameter) -> bool:
    """A browser sends its own cookies and takes none from a request: no method may ask for one."""
    return parameter.is_required and parameter.place != "cookie"


def _option(name: str, shape: str, is_required: bool, about: Parameter | Body) -> list[str]:
    tags = ["deprecated"] if isinstance(about, Parameter) and about.is_deprecated else []
    optional = f"{key(name)}: {shape};" if is_required else f"{key(name)}?: {shape} | undefined;"
    return [*comment(about.docs, tags=tags), optional]


def _body(body: Body) -> str:
    value = member("options", body.key)
    if body.encoding == "json":
        return f'{{ kind: "json", value: {value} }}'
    if body.encoding == "raw":
        return f'{{ kind: "raw", value: {value}, contentType: {string(body.content_type)} }}'
    pairs = "pairsOf" if body.encoding == "form" else "fieldsOf"
    written = f"{{ kind: {string(body.encoding)}, fields: {pairs}(Object.entries({value})) }}"
    return written if body.is_required else f"{value} === undefined ? undefined : {written}"
