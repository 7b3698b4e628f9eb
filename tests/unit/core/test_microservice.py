"""The declaration: data, checked where it is written."""

from typing import Any

import pytest

from jararaca import Microservice
from jararaca.errors import InvalidOption


class Controller: ...


def test_a_declaration_keeps_what_it_was_given() -> None:
    providers: list[type] = [Controller]
    app = Microservice(providers, [Controller], [object], name="shop.eu-1", shutdown_grace=0)
    providers.clear()

    assert (app.providers, app.controllers, app.interceptors) == ((Controller,), (Controller,), (object,))
    assert (app.name, app.shutdown_grace) == ("shop.eu-1", 0)


def test_everything_has_a_default() -> None:
    app = Microservice()

    assert (app.providers, app.controllers, app.interceptors) == ((), (), ())
    assert (app.name, app.shutdown_grace) == ("app", 25.0)
    assert repr(app) == "Microservice('app', 0 controllers)"


@pytest.mark.parametrize("name", ["", 5, None, " ", "a b", "a/b", "-a", ".a", "é", "a" * 101, "a\n", "#", "*"])
def test_a_name_that_servers_could_not_carry_is_refused(name: Any) -> None:
    with pytest.raises(InvalidOption, match=r"Microservice\(name=.*Choose another one"):
        Microservice(name=name)


@pytest.mark.parametrize("grace", [-1, float("nan"), "5", None])
def test_a_grace_that_is_no_number_of_seconds_is_refused(grace: Any) -> None:
    with pytest.raises(InvalidOption, match=rf"shutdown_grace={grace!r}\): it is a number of seconds"):
        Microservice(shutdown_grace=grace)


@pytest.mark.parametrize("part", ["providers", "controllers", "interceptors"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Controller, "the class Controller"),
        (Controller(), "an object of type Controller"),
        ({"a": 1}, "an object of type dict"),
        ("text", "an object of type str"),
        (None, "None"),
    ],
)
def test_what_is_no_list_is_refused(part: str, given: Any, said: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        Microservice(**{part: given})

    assert str(raised.value) == (
        f"Microservice({part}=...) takes a list, and got {said}. Put what you mean between [ and ]."
    )


def test_a_controller_that_is_an_object_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"has an object of type Controller\. Give the class: injection builds it"):
        Microservice(controllers=[Controller()])  # type: ignore[list-item] # the mistake that is shown
