"""Options that several commands have."""

from typing import Annotated

import typer

from jararaca.messagebus.config import TopologyMode


def seconds(given: float) -> float:
    """A number of seconds that can be waited."""
    if not given >= 0:  # which NaN is not, though it is no less than 0 either
        raise typer.BadParameter("it is a number of seconds, from 0 on.")
    return given


Target = Annotated[str, typer.Argument(metavar="MODULE:ATTRIBUTE", help="The application, such as app.main:app.")]
AppDir = Annotated[str, typer.Option(envvar="JARARACA_APP_DIR", help="Put first on the Python path.")]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="JARARACA_BROKER_URL", help="Where the message broker is."),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait-for-broker",
        envvar="JARARACA_WAIT_FOR_BROKER",
        callback=seconds,
        help="Seconds to wait for it at the start.",
    ),
]
Topology = Annotated[
    TopologyMode | None,
    typer.Option(
        envvar="JARARACA_TOPOLOGY",
        help="Declare queues and exchanges, or only look for them, or verify that they are as declared here.",
    ),
]
Reload = Annotated[
    bool, typer.Option(envvar="JARARACA_RELOAD", help="Start again when a file below --app-dir changes.")
]
Host = Annotated[str, typer.Option(envvar="JARARACA_HOST", help="The address to listen on.")]
Port = Annotated[int, typer.Option(envvar="JARARACA_PORT", min=0, max=65535, help="0 takes any free port.")]
Management = Annotated[
    str | None,
    typer.Option(
        "--management-url",
        envvar="JARARACA_MANAGEMENT_URL",
        help="Where RabbitMQ's management API is; port 15672 of the broker's host unless given.",
    ),
]
