"""`jararaca dlq`: the dead letters of an application, handler by handler."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from jararaca.bootstrap.assembly import assemble, bus_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.exit_codes import CLEAN
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, counted, say, show
from jararaca.cli.replay import as_test
from jararaca.errors import InvalidOption
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.dead_letters import DeadLetter, DeadLetters
from jararaca.messagebus.handlers import HandlerSpec

NO_QUEUE = "no such queue yet: the application has not been started on this broker"

Command = Callable[[BusConnection, Sequence[HandlerSpec]], Awaitable[None]]


def run(target: str, command: Command, *, app_dir: str, url: str | None, wait_for_broker: float) -> int:
    """Run one command over the application's connection to its broker; nothing is declared, nothing else starts."""
    declaration = load(target, app_dir=app_dir).app
    configure_logging()
    config = bus_config(declaration, read_settings(broker_url=url))
    assembly = assemble(declaration, system_ports(), config, needs_broker=True)

    async def connected() -> None:
        async with assembly.bus(wait_for_broker) as connection:
            await command(connection, assembly.handlers)

    asyncio.run(connected())
    return CLEAN


def listing() -> Command:
    """Print how many dead letters each handler has."""

    async def command(connection: BusConnection, handlers: Sequence[HandlerSpec]) -> None:
        rows = []
        for handler in handlers:
            count = await DeadLetters(connection, handler).count()
            rows.append((handler.name, NO_QUEUE if count is None else str(count)))
        show(f"dead letters at {connection.address}", rows)

    return command


def showing(name: str, *, limit: int, body: bool, file: Path | None) -> Command:
    """Print the oldest dead letters of one handler, or write a test that replays them.

    Payloads are shown only with `body`, and are in the test.
    """

    async def command(connection: BusConnection, handlers: Sequence[HandlerSpec]) -> None:
        handler = _handler(name, handlers)
        if await _has_no_queue(connection, handler):
            return
        letters = await DeadLetters(connection, handler).preview(limit)
        if file is not None:
            _write(file, as_test(handler.name, letters))
            say(f"{file} replays {counted(len(letters), 'dead letter')} of {handler.name}: pytest {file}")
            return
        for letter in letters:
            show(letter.message_id or "without a message id", _facts(letter, body=body))
        if not letters:
            say(f"{handler.name} has no dead letters")

    return command


def requeueing(name: str, message_ids: Sequence[str], *, every: bool) -> Command:
    """Send dead letters back to the one handler that gave them up."""
    chosen = _chosen(message_ids, every=every)

    async def command(connection: BusConnection, handlers: Sequence[HandlerSpec]) -> None:
        handler = _handler(name, handlers)
        if chosen is None and await _has_no_queue(connection, handler):
            return
        result = await DeadLetters(connection, handler).requeue(chosen)
        say(f"{counted(result.done, 'message')} sent back to {handler.name}, {result.left} left")

    return command


def dropping(name: str, message_ids: Sequence[str], *, every: bool) -> Command:
    """Forget dead letters for ever."""
    chosen = _chosen(message_ids, every=every)

    async def command(connection: BusConnection, handlers: Sequence[HandlerSpec]) -> None:
        handler = _handler(name, handlers)
        if chosen is None and await _has_no_queue(connection, handler):
            return
        result = await DeadLetters(connection, handler).drop(chosen)
        say(f"{counted(result.done, 'dead letter')} of {handler.name} dropped, {result.left} left")

    return command


def _chosen(message_ids: Sequence[str], *, every: bool) -> Sequence[str] | None:
    if every == bool(message_ids):
        raise InvalidOption("say which dead letters are meant: --id, once for each message id, or --all.")
    return None if every else tuple(message_ids)


def _handler(name: str, handlers: Sequence[HandlerSpec]) -> HandlerSpec:
    found = next((handler for handler in handlers if handler.name == name), None)
    if found is None:
        known = ", ".join(handler.name for handler in handlers) or "none"
        raise InvalidOption(f"{name!r} is no message handler of this application. Its handlers are: {known}.")
    return found


async def _has_no_queue(connection: BusConnection, handler: HandlerSpec) -> bool:
    """Whether there cannot be a dead letter, which is said then."""
    if await DeadLetters(connection, handler).count() is not None:
        return False
    say(f"{handler.name}: {NO_QUEUE}")
    return True


def _facts(letter: DeadLetter, *, body: bool) -> list[tuple[str, str]]:
    facts = [
        ("topic", letter.topic),
        ("reason", letter.reason),
        ("error", ": ".join(part for part in (letter.error_type, letter.error) if part)),
        ("attempts", "" if letter.attempts is None else str(letter.attempts)),
        ("first failed", letter.first_failed_at or ""),
        ("last failed", letter.last_failed_at or ""),
    ]
    if body:
        facts.append(("body", json.dumps(letter.envelope.body.decode("utf-8", "backslashreplace"))))
    return [(name, value) for name, value in facts if value]


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise InvalidOption(f"--as-test {file}: the file exists. Name another one, or remove it first.") from None
    except OSError as error:
        raise InvalidOption(f"--as-test {file} cannot be written: {error.strerror}. Name another file.") from None
