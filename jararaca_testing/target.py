"""Finds the declaration that a test run is about."""

import importlib
from difflib import get_close_matches
from typing import Any

import pytest

from jararaca.core.microservice import Microservice
from jararaca.presentation.http_microservice import HttpMicroservice


def declaration_of(target: object) -> Microservice | HttpMicroservice:
    """The declaration itself, or the one behind `module:attribute`.

    Raises:
        pytest.UsageError: no target was given, or it does not lead to a declaration.
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
