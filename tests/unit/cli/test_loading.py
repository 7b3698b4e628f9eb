"""From words to an application, or to one line that says what is wrong with them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jararaca.cli.loading import load
from jararaca.errors import InvalidCron, InvalidOption

TWO = """
from jararaca import Microservice
from jararaca.presentation.http_microservice import HttpMicroservice

class Holder: ...

app = Microservice(name="shop")
http_app = HttpMicroservice(app, health_path="/up")
Holder.inner = app
number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Write `shop_main.py`; afterwards it was never imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(source: str) -> None:
        (tmp_path / "shop_main.py").write_text(source)

    yield write
    sys.modules.pop("shop_main", None)


def test_an_application_gets_the_default_http_side(tmp_path: Path, module: Callable[[str], None]) -> None:
    module(TWO)

    http = load("shop_main:app", app_dir=str(tmp_path))

    assert (http.app.name, http.health_path) == ("shop", "/health")


@pytest.mark.parametrize(("path", "health"), [("http_app", "/up"), ("Holder.inner", "/health")])
def test_an_application_is_found_where_it_is(
    tmp_path: Path, module: Callable[[str], None], path: str, health: str
) -> None:
    module(TWO)

    http = load(f"shop_main:{path}", app_dir=str(tmp_path))

    assert (http.app.name, http.health_path) == ("shop", health)


def test_the_directory_comes_first_on_the_path_once(tmp_path: Path, module: Callable[[str], None]) -> None:
    module(TWO)

    load("shop_main:app", app_dir=str(tmp_path))
    load("shop_main:app", app_dir=str(tmp_path))

    assert sys.path[0] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("shop_main", "'shop_main' is not an application. Write it as module:attribute, such as app.main:app."),
        ("./shop.py:app", "'./shop.py:app' is not an application. Write it as module:attribute"),
        ("shop_main:", "'shop_main:' is not an application."),
        (":app", "':app' is not an application."),
        ("nowhere.main:app", "there is no module 'nowhere' in {folder} or on the Python path. Correct 'nowhere.main',"),
        ("shop_main.web:app", "there is no module 'shop_main.web' in {folder} or on the Python path."),
        ("shop_main:ap", "shop_main has no attribute 'ap'. Did you mean shop_main:app?"),
        ("shop_main:Holder.other", "shop_main has no attribute 'Holder.other'. Its applications are: shop_main:app, "),
        ("shop_main:zzz", "has no attribute 'zzz'. Its applications are: shop_main:app, shop_main:http_app."),
        ("shop_main:number", "shop_main:number is of type int, and not a Microservice or HttpMicroservice. Its"),
    ],
)
def test_a_wrong_target_is_told_with_what_is_there(
    tmp_path: Path, module: Callable[[str], None], target: str, sentence: str
) -> None:
    module(TWO)

    with pytest.raises(InvalidOption) as raised:
        load(target, app_dir=str(tmp_path))

    assert sentence.format(folder=tmp_path) in str(raised.value)


def test_a_module_without_an_application_is_told_how_to_get_one(tmp_path: Path, module: Callable[[str], None]) -> None:
    module("")

    with pytest.raises(InvalidOption, match="It declares no application: make one there with Microservice"):
        load("shop_main:app", app_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("\nx = (\n", "2: SyntaxError: '(' was never closed. Correct what happens there."),
        ("import json\njson.loads('{')\n", "2: JSONDecodeError: Expecting property name"),
        ("import nowhere_to_be_found\n", "1: ModuleNotFoundError: No module named 'nowhere_to_be_found'."),
        ("\n\nraise KeyError\n", "3: KeyError. Correct what happens there."),
        ("import sys\nsys.exit(7)\n", "2: SystemExit: 7. Correct what happens there."),
        ("\nraise ValueError('\\n first line. \\n\\nsee https://x.example/y')\n", "2: ValueError: first line. Correct"),
        (
            "from pydantic import BaseModel\n\nclass Odd: ...\n\nclass Order(BaseModel):\n    odd: Odd\n",
            "5: PydanticSchemaGenerationError: Unable to generate pydantic-core schema for <class 'shop_main.Odd'>.",
        ),
    ],
    ids=["syntax", "value", "module", "nothing-said", "exit", "lines", "pydantic"],
)
def test_a_module_that_fails_is_one_line_with_the_place(
    tmp_path: Path, module: Callable[[str], None], source: str, sentence: str
) -> None:
    module(source)

    with pytest.raises(InvalidOption) as raised:
        load("shop_main:app", app_dir=str(tmp_path))

    said = str(raised.value)
    assert f"importing shop_main failed at {tmp_path}/shop_main.py:{sentence}" in said
    assert said.endswith(". Correct what happens there.")
    assert "\n" not in said
    assert "://" not in said


def test_a_place_outside_of_the_application_is_named_when_there_is_no_other(
    tmp_path: Path, module: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    module("raise KeyError")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidOption, match=r"shop_main\.py:1: KeyError"):
        load("shop_main:app", app_dir=str(empty))


def test_what_the_framework_raises_during_the_import_keeps_its_class_and_gets_a_place(
    tmp_path: Path, module: Callable[[str], None]
) -> None:
    module("from jararaca import ScheduledAction\n\nScheduledAction('x')\n")

    with pytest.raises(InvalidCron) as raised:
        load("shop_main:app", app_dir=str(tmp_path))

    assert raised.value.__notes__ == [f"It was raised at {tmp_path}/shop_main.py:3."]


def test_a_directory_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"nowhere is no directory\. Name the one in which shop_main is"):
        load("shop_main:app", app_dir=str(tmp_path / "nowhere"))
