"""Methods that FastAPI cannot serve, or would never serve: each is refused with its name, when routes are made."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from fastapi import Body, Depends, FastAPI

from jararaca import Get, Microservice, Post, RestController, create_http_server
from jararaca.errors import InvalidHandler

if TYPE_CHECKING:
    from decimal import Decimal


class Note: ...


def server(controller: type) -> FastAPI:
    return create_http_server(Microservice(controllers=[controller]))


def unresolved(_q: "Decimal") -> None: ...


class Unresolved:
    @Get("/parameter")
    async def parameter(self, number: "Decimal") -> None: ...

    @Get("/result")
    async def result(self) -> "list[Decimal]":
        return []

    @Post("/inner")
    async def inner(self, paths: Annotated[dict[str, list["Note"]], Body()]) -> None: ...

    @Get("/dependency")
    async def dependency(self, needed: Annotated[None, Depends(unresolved)]) -> None: ...

    @Get("/literal")
    async def literal(self, word: Literal["Decimal"], given: "Decimal" = Depends(lambda: 1)) -> None: ...  # noqa: B008


def method_alone(name: str) -> type:
    return type("Unresolved", (), {name: vars(Unresolved)[name]})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("parameter", "Unresolved.parameter cannot be a route: the annotation 'Decimal' of 'number' cannot be found"),
        ("result", "Unresolved.result cannot be a route: the annotation 'list[Decimal]' of 'return' cannot be found"),
        ("inner", "Unresolved.inner cannot be a route: the annotation 'Note' of 'paths' cannot be found"),
        ("dependency", "Unresolved.dependency cannot be a route: the annotation 'Decimal' of '_q' cannot be found"),
    ],
)
def test_an_annotation_that_stays_a_name_is_named_with_its_method(name: str, sentence: str) -> None:
    with pytest.raises(InvalidHandler) as raised:
        server(method_alone(name))

    assert str(raised.value).startswith(sentence)


def test_a_name_that_is_not_needed_may_be_missing() -> None:
    """What a dependency gives is not parsed, and the words of a Literal are no names."""
    assert list(server(method_alone("literal")).openapi()["paths"]) == ["/literal"]


def odd(path: str = "/", **options: Any) -> type:
    """A controller with a method `get` at `path`."""

    class Odd:
        @Get(path, options)  # type: ignore[arg-type] # what is no option is part of the test
        async def get(self) -> int:
            return 1

    Odd.__qualname__ = "Odd"
    return RestController("/{x}")(Odd)


@pytest.mark.parametrize(
    ("controller", "sentence"),
    [
        (
            odd("/{x}"),
            "Odd.get cannot be a route: its path '/{x}/{x}', of the controller and the method, has {x} twice.",
        ),
        (
            odd("/{y:odd}"),
            "Odd.get cannot be a route, because of a parameter, its return type or an option. FastAPI says: ",
        ),
        (
            odd(status_code="odd"),
            "Odd.get cannot be a route, because of a parameter, its return type or an option (status",
        ),
        (
            odd(response_model=5),
            "Odd.get cannot be a route, because of a parameter, its return type or an option (respon",
        ),
        (
            odd(dependencies=5),
            "Odd.get cannot be a route, because of a parameter, its return type or an option (depend",
        ),
    ],
)
def test_a_path_or_an_option_that_cannot_work_is_named_with_its_method(controller: type, sentence: str) -> None:
    with pytest.raises(InvalidHandler) as raised:
        server(controller)

    assert str(raised.value).startswith(sentence)
