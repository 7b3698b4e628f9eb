"""From `module:attribute` to the application, with every way to get it wrong explained in one line."""

import difflib
import importlib
import os
import sys
from typing import Any

from jararaca.core.microservice import Microservice
from jararaca.core.places import place_of
from jararaca.core.secrecy import without_values
from jararaca.errors import InvalidOption, JararacaError
from jararaca.presentation.http_microservice import HttpMicroservice


def load(target: str, *, app_dir: str = ".") -> HttpMicroservice:
    """The application behind a target, with the default HTTP side if the target is a bare `Microservice`.

    The module is imported with `app_dir` put first on `sys.path`.

    Raises:
        InvalidOption: the target is malformed, missing, fails to import or is no application. The text says which
            and where.
        JararacaError: what the module itself raised while it declared the application.
    """
    module_name, _, path = target.partition(":")
    if not _is_dotted(module_name) or not _is_dotted(path):
        raise InvalidOption(f"{target!r} is not an application. Write it as module:attribute, such as app.main:app.")
    directory = os.path.abspath(app_dir)
    if not os.path.isdir(directory):
        raise InvalidOption(f"--app-dir {app_dir} is no directory. Name the one in which {module_name} is.")
    if directory not in sys.path:
        sys.path.insert(0, directory)
    module = _import(module_name, directory)
    found: Any = module
    for name in path.split("."):
        if not hasattr(found, name):
            raise InvalidOption(f"{module_name} has no attribute {path!r}. {_alternatives(module, path)}")
        found = getattr(found, name)
    if isinstance(found, Microservice):
        return HttpMicroservice(found)
    if isinstance(found, HttpMicroservice):
        return found
    raise InvalidOption(
        f"{target} is of type {type(found).__name__}, and not a Microservice or HttpMicroservice. "
        f"{_alternatives(module, path)}"
    )


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _alternatives(module: Any, asked: str) -> str:
    applications = sorted(
        name for name, value in vars(module).items() if isinstance(value, Microservice | HttpMicroservice)
    )
    if not applications:
        return "It declares no application: make one there with Microservice(...)."
    close = difflib.get_close_matches(asked, applications, n=1)
    if close:
        return f"Did you mean {module.__name__}:{close[0]}?"
    return f"Its applications are: {', '.join(f'{module.__name__}:{name}' for name in applications)}."


def _import(module_name: str, directory: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except JararacaError as error:
        error.add_note(f"It was raised at {place_of(error)}.")
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise InvalidOption(
                f"there is no module {error.name!r} in {directory} or on the Python path. Correct {module_name!r}, or "
                "say where it is with --app-dir."
            ) from None
        raise _failed(module_name, error) from error
    except (Exception, SystemExit) as error:
        refusal = without_values(error, module_name)
        if refusal is None:
            raise _failed(module_name, error) from error
        refusal.add_note(f"It was raised at {place_of(error)}.")
    raise refusal


def _failed(module_name: str, error: BaseException) -> InvalidOption:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    reason = said.strip().partition("\n")[0].rstrip()  # what follows are hints, and addresses of pages
    what = f"{type(error).__name__}: {reason}".removesuffix(": ").rstrip(".")
    return InvalidOption(f"importing {module_name} failed at {place_of(error)}: {what}. Correct what happens there.")
