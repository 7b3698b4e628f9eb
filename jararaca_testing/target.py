"""Finds the declaration that a test run is about."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import pytest

from jararaca.core.microservice import Microservice
from jararaca.core.places import place_of
from jararaca.errors import DeclarationError
from jararaca.presentation.http_microservice import HttpMicroservice


@contextmanager
def refused_in_one_line() -> Iterator[None]:
    """Let what is declared wrongly fail a test as the command line says it: in one line, without our traceback."""
    try:
        yield
    except (pytest.UsageError, DeclarationError) as error:
        said = " ".join([str(error), *getattr(error, "__notes__", ())])
        raise pytest.fail.Exception(said, pytrace=False) from None


def declaration_of(target: object) -> Microservice | HttpMicroservice:
    """The declaration itself, or the one behind `module:attribute`.

    Raises:
        pytest.UsageError: no target was given, or it does not lead to a declaration.
        DeclarationError: what the module itself raised while it declared the application.
    """
    if not target:
        raise pytest.UsageError(
            'which application is under test? Set jararaca_app = "module:attribute" in the pytest configuration, mark '
            'the test with @pytest.mark.jararaca(app="module:attribute"), or define a fixture jararaca_microservice.'
        )
    found, where = (_loaded(target), repr(target)) if isinstance(target, str) else (target, "the application")
    if isinstance(found, (Microservice, HttpMicroservice)):
        return found
    raise pytest.UsageError(
        f"{where} is of type {type(found).__name__}, and what can be tested is a Microservice or an HttpMicroservice. "
        "Name the declaration that it was made from."
    )


def _loaded(target: str) -> Any:
    module, separator, path = target.partition(":")
    if not module or not separator or not path:
        raise pytest.UsageError(f"{target!r} is not module:attribute, such as shop.main:app.")
    try:
        found: Any = importlib.import_module(module)
    except DeclarationError as error:
        error.add_note(f"It was raised at {place_of(error)}.")
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # it is there, and what it imports is not
        raise pytest.UsageError(
            f"{target!r}: there is no module {error.name!r}. Correct the name, or put its folder on the import path "
            'with pythonpath = ["."] in the pytest configuration.'
        ) from None
    walked = module
    for name in path.split("."):
        if not hasattr(found, name):
            raise pytest.UsageError(f"{target!r}: {walked} has no attribute {name!r}.{_nearest(found, name)}")
        found, walked = getattr(found, name), f"{walked}.{name}"
    return found


def _nearest(found: object, name: str) -> str:
    held = getattr(found, "__dict__", {})
    declared = [each for each, value in held.items() if isinstance(value, (Microservice, HttpMicroservice))]
    near = get_close_matches(name, declared, n=1, cutoff=0.0)
    return f" Did you mean {near[0]!r}?" if near else ""
