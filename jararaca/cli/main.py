"""The `jararaca` command. Commands import what they need when they run, so that `--help` stays quick."""

import sys

from jararaca.errors import JararacaError, MissingExtra

EXTRA = frozenset({"rich", "typer", "uvicorn", "watchfiles", "websockets"})


def main() -> None:
    """Run one command and end the process with its exit code; a user's mistake is one line, never a traceback."""
    try:
        from jararaca.cli.commands import app

        sys.exit(app(standalone_mode=False) or 0)
    except JararacaError as error:
        sys.exit(_failed(error, " ".join([str(error), *getattr(error, "__notes__", ())])))
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        missing = MissingExtra("cli", feature="the jararaca command")
        sys.exit(_failed(missing, str(missing)))
    except Exception as error:
        code = _understood(error)
        if code is None:
            raise
        sys.exit(code)


def _understood(error: Exception) -> int | None:
    from jararaca.cli.exit_codes import is_unreachable
    from jararaca.cli.usage import usage_exit
    from jararaca.core.secrecy import without_values

    refusal = without_values(error, "the start")
    if refusal is not None:
        return _failed(refusal, str(refusal))
    if is_unreachable(error):
        said = str(error).partition("\n")[0].rstrip(".")
        return _failed(
            error,
            f"a server that the application needs at its start is not there, or refuses the login: {said}. Start it, "
            "or correct its address.",
        )
    return usage_exit(error)


def _failed(error: Exception, said: str) -> int:
    from jararaca.cli.exit_codes import exit_code_of

    sys.stderr.write(f"jararaca: {said}\n")
    return exit_code_of(error)
