"""The commands and their options. What a command does is in the module of its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from jararaca.cli.options import AppDir, Host, Management, Port, Reload, Target, Topology, Url, Wait, seconds

app = typer.Typer(
    name="jararaca",
    help="Serve, consume and schedule: one application, declared once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def dev(
    target: Target, app_dir: AppDir = ".", host: Host = "127.0.0.1", port: Port = 8000, reload: Reload = False
) -> int:
    """Run the whole system in one process."""
    if reload:
        from jararaca.cli import reloading

        return _long(lambda: reloading.run(target, app_dir=app_dir, host=host, port=port))
    from jararaca.cli import dev as command

    return _long(lambda: command.run(target, app_dir=app_dir, host=host, port=port))


@app.command()
def server(
    target: Target,
    *,
    app_dir: AppDir = ".",
    host: Host = "127.0.0.1",
    port: Port = 8000,
    url: Url = None,
    topology: Topology = None,
) -> int:
    """Serve HTTP and websockets."""
    from jararaca.cli import server as command

    settings = {"broker_url": url, "topology": topology}
    return _long(lambda: command.run(target, app_dir=app_dir, host=host, port=port, settings=settings))


@app.command()
def worker(
    target: Target, app_dir: AppDir = ".", url: Url = None, wait_for_broker: Wait = 10.0, topology: Topology = None
) -> int:
    """Handle messages."""
    from jararaca.cli import worker as command

    settings = {"broker_url": url, "topology": topology}
    return _long(lambda: command.run(target, app_dir=app_dir, settings=settings, wait_for_broker=wait_for_broker))


@app.command()
def scheduler(
    target: Target, app_dir: AppDir = ".", url: Url = None, wait_for_broker: Wait = 10.0, topology: Topology = None
) -> int:
    """Fire scheduled actions."""
    from jararaca.cli import scheduler as command

    settings = {"broker_url": url, "topology": topology}
    return _long(lambda: command.run(target, app_dir=app_dir, settings=settings, wait_for_broker=wait_for_broker))


app.command("beat", hidden=True)(scheduler)


GUEST = "guest"
"""User and password of every fresh RabbitMQ."""


@app.command()
def broker(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 5672,
    vhost: Annotated[list[str] | None, typer.Option(help="A virtual host to have besides /; again for more.")] = None,
    user: Annotated[str, typer.Option(help="Who may log in.")] = GUEST,
    password: Annotated[str, typer.Option(envvar="JARARACA_BROKER_PASSWORD", help="With which password.")] = GUEST,
) -> int:
    """Serve a broker that lives in memory, for development and tests."""
    from jararaca.cli import broker as command

    names = tuple(dict.fromkeys(("/", *(vhost or ()))))
    return _long(lambda: command.run(host=host, port=port, vhosts=names, user=user, password=password))


@app.command()
def declare(
    target: Target,
    *,
    app_dir: AppDir = ".",
    url: Url = None,
    wait_for_broker: Wait = 10.0,
    management_url: Management = None,
    longest_delay: Annotated[
        float,
        typer.Option(
            envvar="JARARACA_LONGEST_DELAY",
            callback=seconds,
            help="Declare the waits of publishes that are delayed by up to so many seconds as well.",
        ),
    ] = 0.0,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take away orphaned bindings, and orphaned queues that hold nothing.")
    ] = False,
) -> int:
    """Declare the whole topology, and show what no handler declares any more."""
    from jararaca.cli import declare as command

    return command.run(
        target,
        app_dir=app_dir,
        url=url,
        wait_for_broker=wait_for_broker,
        orphanage=command.Orphanage(management_url, prune=prune),
        longest_delay=longest_delay,
    )


@app.command()
def check(
    target: Target,
    *,
    app_dir: AppDir = ".",
    live: Annotated[
        bool, typer.Option("--live", help="Look at servers, topology, tables and pools as well; nothing is changed.")
    ] = False,
    url: Url = None,
    management_url: Management = None,
) -> int:
    """Look at the declaration without starting it."""
    from jararaca.cli import check as command

    return command.run(target, app_dir=app_dir, live=command.Live(url, management_url) if live else None)


@app.command("gen-tsi")
def gen_tsi(
    target: Target,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="What to write, such as app.ts.")] = None,
    *,
    app_dir: AppDir = ".",
    root: Annotated[str, typer.Option(envvar="JARARACA_ROOT", help="Nothing outside of it is written.")] = ".",
    check: Annotated[bool, typer.Option("--check", help="Write nothing; end with 1 if the file is stale.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the client instead.")] = False,
    watch: Annotated[bool, typer.Option(help="Write it anew when a file below --app-dir changes.")] = False,
    with_query: Annotated[bool, typer.Option("--with-query", help="Write hooks for TanStack Query beside it.")] = False,
) -> int:
    """Write a TypeScript client of the application."""
    if watch:
        from jararaca.cli import rewriting
        from jararaca.cli.files import destination

        if file is None or check or stdout:
            raise typer.BadParameter("--watch writes a file, without --check and --stdout.")
        destination(file, root=root, suffix=".ts")
        options = [f"--root={root}", *(["--with-query"] if with_query else [])]
        return _long(lambda: rewriting.run([*options, "--", target, file], app_dir=app_dir))
    from jararaca.cli import typescript as command

    return command.run(target, file, app_dir=app_dir, root=root, check=check, stdout=stdout, with_query=with_query)


dlq = typer.Typer(help="Look after dead letters.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")

Handler = Annotated[str, typer.Argument(metavar="HANDLER", help="The handler's name, such as Orders.charge.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="A message id; may be given several times.")]
Every = Annotated[bool, typer.Option("--all", help="All that are there now.")]


@dlq.command("list")
def dlq_list(target: Target, app_dir: AppDir = ".", url: Url = None, wait_for_broker: Wait = 10.0) -> int:
    """Count the dead letters of every handler."""
    from jararaca.cli import dead_letters as command

    return command.run(target, command.listing(), app_dir=app_dir, url=url, wait_for_broker=wait_for_broker)


@dlq.command("show")
def dlq_show(
    target: Target,
    handler: Handler,
    *,
    app_dir: AppDir = ".",
    url: Url = None,
    wait_for_broker: Wait = 10.0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the oldest.")] = 20,
    body: Annotated[bool, typer.Option("--body", help="Show the payloads as well.")] = False,
    as_test: Annotated[
        Path | None, typer.Option(help="Write a test that replays them to this file, payloads included.")
    ] = None,
) -> int:
    """Look at the dead letters of one handler; they stay where they are."""
    from jararaca.cli import dead_letters as command

    showing = command.showing(handler, limit=limit, body=body, file=as_test)
    return command.run(target, showing, app_dir=app_dir, url=url, wait_for_broker=wait_for_broker)


@dlq.command("requeue")
def dlq_requeue(
    target: Target,
    handler: Handler,
    *,
    app_dir: AppDir = ".",
    url: Url = None,
    wait_for_broker: Wait = 10.0,
    message_id: Ids = None,
    every: Every = False,
) -> int:
    """Send dead letters back to their handler, with their attempts counted from one again."""
    from jararaca.cli import dead_letters as command

    requeueing = command.requeueing(handler, message_id or (), every=every)
    return command.run(target, requeueing, app_dir=app_dir, url=url, wait_for_broker=wait_for_broker)


@dlq.command("drop")
def dlq_drop(
    target: Target,
    handler: Handler,
    *,
    app_dir: AppDir = ".",
    url: Url = None,
    wait_for_broker: Wait = 10.0,
    message_id: Ids = None,
    every: Every = False,
) -> int:
    """Forget dead letters for ever."""
    from jararaca.cli import dead_letters as command

    dropping = command.dropping(handler, message_id or (), every=every)
    return command.run(target, dropping, app_dir=app_dir, url=url, wait_for_broker=wait_for_broker)


outbox = typer.Typer(help="Look at the messages that wait for the broker in a database.", no_args_is_help=True)
app.add_typer(outbox, name="outbox")

Rows = Annotated[list[int] | None, typer.Argument(metavar="[ROW]...", help="As `jararaca outbox list` shows them.")]
AllParked = Annotated[bool, typer.Option("--all", help="Everything that is parked.")]


@outbox.command("list")
def list_outbox(
    target: Target,
    app_dir: AppDir = ".",
    limit: Annotated[int, typer.Option(min=1, help="How many rows, the oldest first.")] = 50,
) -> int:
    """Show what waits and what is parked, without payloads."""
    from jararaca.cli import outbox as command

    return command.show_rows(target, app_dir=app_dir, limit=limit)


@outbox.command("retry")
def retry_outbox(target: Target, rows: Rows = None, every: AllParked = False, app_dir: AppDir = ".") -> int:
    """Let parked messages be sent again, as if they had never failed."""
    from jararaca.cli import outbox as command

    return command.retry(target, rows or [], every=every, app_dir=app_dir)


@outbox.command("drop")
def drop_outbox(target: Target, rows: Rows = None, every: AllParked = False, app_dir: AppDir = ".") -> int:
    """Delete parked messages."""
    from jararaca.cli import outbox as command

    return command.drop(target, rows or [], every=every, app_dir=app_dir)


def _long(command: Callable[[], int]) -> int:
    """Run what lives until it is asked to stop."""
    from jararaca.cli.running import until_stopped

    return until_stopped(command)
