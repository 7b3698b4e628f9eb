"""Applications that Hypothesis draws, with names and texts that try to get out of where they are written."""

import inspect
import keyword
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, cast
from uuid import UUID

from fastapi import APIRouter, Body, Cookie, FastAPI, Form, Header, Query
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from pydantic import BaseModel, ConfigDict, Field, create_model

CANARY = "PWNED"
"""Called by every text that tries to be code."""

_ATTACKS = (
    f"*/ {CANARY}(); /*",
    f'"; {CANARY}(); "',
    f"`${{{CANARY}()}}`",
    f"\n{CANARY}();\n",
    f"\u2028{CANARY}();\u2029",
    f'\\"; {CANARY}(); //',
    f"}}\n{CANARY}();\n{{",
    "@ts-nocheck",
    "@ts-ignore",
    "<script>",
    "__proto__",
    "constructor",
    "\x00",
)
_WORDS = (
    "id",
    "name",
    "class",
    "default",
    "delete",
    "type",
    "größe",
    "body",
    "options",
    "call",
    "with-dash",
    "1st",
    "Error",
)
texts = st.one_of(st.sampled_from(_ATTACKS), st.sampled_from(_WORDS), st.text(max_size=12))
docs = st.one_of(st.just(""), texts, st.lists(texts, min_size=2, max_size=3).map("\n".join))
wire_names = texts.filter(lambda text: text.isprintable() or "\n" in text)
tokens = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
identifiers = st.one_of(
    st.sampled_from(["id", "name", "options", "call", "delete", "größe", "arguments", "body", "toString", "Object"]),
    st.from_regex(r"[a-z][a-zA-Z0-9_]{0,6}", fullmatch=True),
).filter(lambda name: not keyword.iskeyword(name))
_CLASSES = (
    "Item",
    "Error",
    "Record",
    "Promise",
    "HttpBackend",
    "My_Item",
    f"*/ {CANARY}(); /*",
    "Item-Input",
    "Größe",
    "1",
    "string",
)
class_names = st.sampled_from(_CLASSES)
_SCALARS = (int, str, float, bool, bytes, Decimal, UUID, date, datetime, time, timedelta)
scalars = st.sampled_from(_SCALARS)
_LITERALS = st.one_of(texts, st.integers(-9, 9), st.booleans(), st.none())


@st.composite
def enums(draw: st.DrawFn) -> Any:
    values = draw(st.lists(st.one_of(texts, st.integers(-9, 9)), min_size=1, max_size=3))  # an equal one is an alias
    made: Any = Enum(draw(class_names), {f"M{number}": value for number, value in enumerate(values)})  # type: ignore[misc] # drawn
    made.__doc__ = draw(docs)
    return made


literals = st.lists(_LITERALS, min_size=1, max_size=3, unique_by=repr).map(lambda values: Literal[tuple(values)])
simple = st.one_of(scalars, enums(), literals)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists, sets, dicts, tuples = (cast(Any, each) for each in (list, set, dict, tuple))
    return st.one_of(
        inner.map(lambda each: lists[each]),
        scalars.map(lambda each: sets[each] | None),
        inner.map(lambda each: each | None if isinstance(each, type) else each),
        inner.map(lambda each: dicts[str, each]),
        st.tuples(enums(), inner).map(lambda pair: dicts[pair]),
        st.lists(inner, max_size=3).map(lambda items: tuples[tuple(items)] if items else tuples[()]),
        inner.map(lambda each: tuples[each, ...]),
        models(inner),
        generics(inner),
    )


@st.composite
def models(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    names = draw(st.lists(identifiers, max_size=4, unique=True))
    aliases = draw(st.lists(wire_names, min_size=len(names), max_size=len(names), unique=True))
    for name, alias in zip(names, aliases, strict=True):
        options: dict[str, Any] = {"description": draw(docs), "alias": draw(st.sampled_from([None, alias]))}
        if draw(st.booleans()):
            options["default"] = None
        fields[f"f_{name}"] = (draw(inner), Field(**options))
    extra = draw(st.sampled_from(["ignore", "allow", "forbid"]))
    config = ConfigDict(extra=extra, protected_namespaces=())  # type: ignore[typeddict-item] # drawn
    made: type[BaseModel] = create_model(draw(class_names), __config__=config, __doc__=draw(docs), **fields)
    return made


def _open(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Types in which parameters of a class may stand."""
    lists, dicts, tuples, union, surrounding = (cast(Any, each) for each in (list, dict, tuple, Union, Surrounding))
    return st.one_of(
        inner.map(lambda each: lists[each]),
        inner.map(lambda each: dicts[str, each]),
        inner.map(lambda each: union[each, None]),
        st.tuples(inner, inner).map(lambda pair: tuples[pair]),
        st.tuples(inner, inner).map(lambda pair: union[pair]),
        inner.map(lambda each: surrounding[each]),
    )


T = TypeVar("T")
PARAMETERS: tuple[Any, ...] = tuple(map(TypeVar, ("Z", "A", "Item", "Promise", f"*/ {CANARY}()")))


class Surrounding(BaseModel, Generic[T]):
    """A generic model that others have inside of them."""

    inside: T
    more: "list[Surrounding[T]]" = []


@st.composite
def generic_classes(draw: st.DrawFn) -> Any:
    """A class with one or two parameters, in any order, which need not have any field with them."""
    chosen = draw(st.lists(st.sampled_from(PARAMETERS), min_size=1, max_size=2, unique=True))
    held = st.recursive(st.sampled_from(chosen) | scalars, _open, max_leaves=4)
    fields: dict[str, Any] = {}
    for name in draw(st.lists(identifiers, max_size=3, unique=True)):
        fields[f"f_{name}"] = (draw(held), draw(st.sampled_from([..., None])))
    bases = (BaseModel, cast(Any, Generic)[tuple(chosen)])
    return create_model(draw(class_names), __base__=bases, __doc__=draw(docs), **fields)


@st.composite
def generics(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    """A generic class, filled in with what is drawn."""
    made = draw(generic_classes())
    return made[tuple(draw(inner) for _ in made.__pydantic_generic_metadata__["parameters"])]


_FIXED = ("", "a b", "größe", "%22", '"', f'"; {CANARY}(); "', "?x=1#y")
annotations = st.recursive(simple, _containers, max_leaves=6)


def _endpoint(name: str, parameters: dict[str, tuple[Any, Any]], result: Any, documentation: str) -> Callable[..., Any]:
    async def endpoint(**_values: Any) -> None: ...

    endpoint.__name__, endpoint.__doc__ = name, documentation
    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # functions take attributes
        [
            inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for each, (annotation, default) in parameters.items()
        ],
        return_annotation=result,
    )
    return endpoint


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for name in draw(st.lists(identifiers, max_size=4, unique=True)):
        place = draw(st.sampled_from([Query, Header, Cookie]))
        alias = draw(st.none() | wire_names if place is Query else tokens)
        said = place(alias=alias, description=draw(docs))
        kind = draw(scalars | enums())
        annotation = cast(Any, list)[kind] if place is Query and draw(st.booleans()) else kind
        found[f"p_{name}"] = (Annotated[annotation, said], draw(st.sampled_from([inspect.Parameter.empty, None])))
    return found


@st.composite
def applications(draw: st.DrawFn) -> FastAPI:
    """A FastAPI object with a few routes."""
    app = FastAPI()
    for number in range(draw(st.integers(1, 3))):
        given_parameters, verb = draw(parameters()), draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
        if verb != "GET" and draw(st.booleans()):
            given_parameters["payload"] = (Annotated[draw(annotations), Body()], inspect.Parameter.empty)
        elif verb != "GET" and draw(st.booleans()):
            given_parameters["form"] = (Annotated[draw(scalars), Form(alias=draw(tokens))], inspect.Parameter.empty)
        path = f"/{number}/{draw(st.sampled_from(_FIXED))}"
        if draw(st.booleans()):
            given_parameters["where"] = (Annotated[draw(scalars), "path"], inspect.Parameter.empty)
            path += draw(st.sampled_from(["/{where}", "/{where:path}"]))
        endpoint = _endpoint(draw(identifiers), given_parameters, draw(annotations), draw(docs))
        errors: dict[int | str, dict[str, Any]] = {404: {"model": draw(annotations), "description": draw(texts)}}
        router = APIRouter()
        router.add_api_route(path, endpoint, methods=[verb], responses=draw(st.sampled_from([None, errors])))
        app.include_router(router)
    return app


class WithoutConstants(HypothesisProvider):
    """Draws as Hypothesis does, but for what it would take from elsewhere.

    Every twentieth number or text of its own is a constant, perhaps of one of the modules that happen to be loaded, so
    that the order of tests, or their number, decides what is drawn, whatever the seed.
    """

    def _maybe_draw_constant(self, *_what: Any, **_how: Any) -> None:
        return None


AVAILABLE_PROVIDERS["without constants"] = WithoutConstants


def drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """So many values, the same ones each time: in every process, whatever it has loaded."""
    found: list[Any] = []
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        backend="without constants",
        suppress_health_check=checks,
    )
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found


def drawn_applications(number: int) -> list[FastAPI]:
    """So many applications, the same ones each time."""
    return drawn(applications(), number)
