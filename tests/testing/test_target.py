"""Which application is under test: found by name, or an error that says what to write instead."""

import sys

import pytest

from jararaca import Microservice
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca_testing.target import declaration_of


@pytest.fixture
def shop(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(
        shop_under_test="""
        from jararaca import Microservice
        from jararaca.presentation.http_microservice import HttpMicroservice

        app = Microservice(name="shop")
        http_app = HttpMicroservice(app)
        web_app = object()

        class Apps:
            app = app
        """,
        broken_under_test="import a_package_that_is_not_there",
    )
    monkeypatch.syspath_prepend(pytester.path)
    monkeypatch.delitem(sys.modules, "shop_under_test", raising=False)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("path", ["app", "http_app", "Apps.app"])
def test_module_and_attribute_lead_to_the_declaration(path: str) -> None:
    found = declaration_of(f"shop_under_test:{path}")

    assert isinstance(found, (Microservice, HttpMicroservice))


def test_a_declaration_is_its_own_target() -> None:
    app = Microservice()

    assert declaration_of(app) is app


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("", "which application is under test. Set jararaca_app ="),
        ("shop_under_test", "'shop_under_test' is not module:attribute"),
        (":app", "':app' is not module:attribute"),
        ("shop_under_test:", "'shop_under_test:' is not module:attribute"),
        ("nowhere.main:app", "there is no module 'nowhere'. Correct the name, or put its folder on the import path"),
        ("shop_under_test.main:app", "there is no module 'shop_under_test.main'"),
        ("shop_under_test:ap", "shop_under_test has no attribute 'ap'. Did you mean 'app'"),
        ("shop_under_test:Apps.other", "shop_under_test.Apps has no attribute 'other'. Did you mean 'app'"),
        ("shop_under_test:web_app.inner", "shop_under_test.web_app has no attribute 'inner'."),
        ("shop_under_test:web_app", "'shop_under_test:web_app' is of type object, and what can be tested is"),
    ],
)
def test_what_leads_nowhere_is_an_error_that_names_the_next_move(target: str, says: str) -> None:
    with pytest.raises(pytest.UsageError) as error:
        declaration_of(target)

    assert says in str(error.value).replace("?", ".")


def test_an_object_that_is_no_declaration_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match="the application is of type int"):
        declaration_of(42)


@pytest.mark.usefixtures("shop")
def test_a_module_that_is_there_and_fails_to_import_shows_its_own_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        declaration_of("broken_under_test:app")
