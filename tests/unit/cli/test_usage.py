"""Errors of the command line, by the shapes that typer has given them in its versions."""

import pytest

from jararaca.cli.usage import usage_exit


class Abort(RuntimeError):
    """What older versions raise for Ctrl+C."""


class BadParameter(Exception):
    """What every version raises for a value that does not fit."""

    def show(self) -> None:
        print("Invalid value")


class Context:
    def __init__(self, source: object) -> None:
        self._source = source

    def get_parameter_source(self, _name: str) -> object:
        return self._source


class Source:
    def __init__(self, name: str) -> None:
        self.name = name


class Port:
    name = "port"
    envvar = "JARARACA_PORT"
    opts = ("--port",)


def bad(source: str | None) -> BadParameter:
    error = BadParameter()
    error.param = Port()  # type: ignore[attr-defined] # as typer sets it
    error.ctx = Context(source and Source(source))  # type: ignore[attr-defined] # as typer sets it
    return error


def test_ctrl_c_is_what_shells_expect() -> None:
    assert usage_exit(Abort()) == 130


def test_another_error_is_not_about_the_command_line() -> None:
    assert usage_exit(ValueError("no")) is None


@pytest.mark.parametrize("error", [BadParameter(), bad("COMMANDLINE"), bad(None)])
def test_a_wrong_word_is_shown_as_typer_does(error: BadParameter, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_exit(error) == 2
    assert capsys.readouterr().out == "Invalid value\n"


def test_a_wrong_variable_is_named_without_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_exit(bad("ENVIRONMENT")) == 2
    assert capsys.readouterr().err == (
        "jararaca: the environment cannot be used: JARARACA_PORT has a value that --port does not take. Set it right, "
        "or unset it.\n"
    )
