"""`jararaca gen-tsi`: a TypeScript client of an application, written to a file."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from jararaca.bootstrap.assembly import assemble, bus_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.exit_codes import CLEAN, FAILURE
from jararaca.cli.files import destination, write_all
from jararaca.cli.loading import load
from jararaca.cli.output import counted, say
from jararaca.errors import InvalidOption
from jararaca.typescript.collect import collect
from jararaca.typescript.model import Client
from jararaca.typescript.render import render
from jararaca.typescript.render_query import render_query


def run(target: str, file: str | None, *, app_dir: str, root: str, check: bool, stdout: bool, with_query: bool) -> int:
    """Write the client, or print it, or compare it with the file that is there. Returns 1 if that is stale.

    Raises:
        InvalidOption: the file must not be written, or options contradict each other.
        DeclarationError: the application is wrong, or declares what no client could call.
    """
    if stdout and (check or with_query or file is not None):
        raise InvalidOption("--stdout prints one file: leave the file, --check and --with-query out.")
    if file is None and not stdout:
        raise InvalidOption("name the file to write, such as app.ts, or print the client with --stdout.")
    path = None if file is None else destination(file, root=root, suffix=".ts")
    client = collect(_served(target, app_dir))
    if path is None:
        sys.stdout.write(render(client))
        sys.stderr.writelines(f"{line}\n" for line in _summary(client, "client"))
        return CLEAN
    texts = {path: render(client)}
    if with_query:
        texts[path.with_suffix(".query.ts")] = render_query(client, client_module=f"./{path.stem}.js")
    if check:
        return _compare(texts, f"jararaca gen-tsi {target} {file}{' --with-query' if with_query else ''}")
    write_all(texts)
    for line in _summary(client, " and ".join(each.name for each in texts)):
        say(line)
    return CLEAN


def _served(target: str, app_dir: str) -> FastAPI:
    """The application's FastAPI object. Nothing is started."""
    http = load(target, app_dir=app_dir)
    config = replace(bus_config(http.app, read_settings()), url="memory://")
    return assemble(http.app, system_ports(), config, needs_broker=True).http(http).asgi


def _compare(texts: Mapping[Path, str], command: str) -> int:
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_bytes() != text.encode()]
    for path in stale:
        if path.is_file():
            say(f"{path.name} is not what the application says. Write it anew with jararaca gen-tsi.")
        else:
            say(f"{path.name} is missing. Write it with: {command}")
    return FAILURE if stale else CLEAN


def _summary(client: Client, name: str) -> Iterator[str]:
    """How much was written, and everything that was not, or not exactly."""
    parts = [
        counted(sum(len(each.endpoints) for each in client.services), "endpoint"),
        counted(len(client.models) + len(client.enumerations), "model"),
        counted(len(client.sockets), "websocket"),
    ]
    yield f"{name}: {', '.join(parts)}, {len(client.remarks)} not typed exactly"
    yield from (f"not exact: {remark}" for remark in client.remarks)
    yield from (f"left out: {each}" for each in client.left_out)
