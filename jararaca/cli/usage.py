"""What is said about a command line that cannot be used."""

import sys
from typing import Any

from jararaca.cli.exit_codes import INTERRUPTED, INVALID


def usage_exit(error: Exception) -> int | None:
    """Say what is wrong with the command line, and give the exit code; None if the error is something else.

    What typer raises is known by its attributes, because its classes have moved between its versions.
    """
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    show: Any = getattr(error, "show", None)
    if show is None:
        return None
    variable = _variable_of(error)
    if variable is None:
        show()
    else:
        sys.stderr.write(f"jararaca: {variable}. Set it right, or unset it.\n")
    return INVALID


def _variable_of(error: Exception) -> str | None:
    """If the error is about a value from the environment: a sentence that does not show it, as typer's own does."""
    param: Any = getattr(error, "param", None)
    context: Any = getattr(error, "ctx", None)
    if param is None or context is None:
        return None
    source = context.get_parameter_source(param.name)
    if getattr(source, "name", "") != "ENVIRONMENT":
        return None
    return f"the environment cannot be used: {param.envvar} has a value that {param.opts[-1]} does not take"
