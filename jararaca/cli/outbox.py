"""`jararaca outbox`: what waits in the outboxes of an application, and what becomes of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from jararaca.bootstrap.assembly import assemble, bus_config
from jararaca.bootstrap.outboxes import opened_outboxes
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import system_ports
from jararaca.cli.exit_codes import CLEAN, FAILURE
from jararaca.cli.loading import load
from jararaca.cli.output import counted, say, show
from jararaca.errors import InvalidOption
from jararaca.ports.outbox import Kept, Outbox


def show_rows(target: str, *, app_dir: str, limit: int) -> int:
    """Print the oldest rows of each outbox, without payloads. Returns the exit code."""

    async def print_each(outboxes: dict[str, Outbox], _now: datetime) -> int:
        for connection, outbox in outboxes.items():
            stock = await outbox.stock()
            title = f"outbox of the connection {connection!r}: {stock.waiting} waiting, {stock.parked} parked"
            rows = await outbox.kept(limit)
            show(title, [(str(row.id), _described(row)) for row in rows])
            if stock.waiting + stock.parked > len(rows):
                say(f"and {stock.waiting + stock.parked - len(rows)} more; --limit shows them")
        return CLEAN

    return _run(target, app_dir, print_each)


def retry(target: str, ids: Sequence[int], *, every: bool, app_dir: str) -> int:
    """Let parked rows be sent again. Returns the exit code."""

    async def again(outboxes: dict[str, Outbox], now: datetime) -> int:
        chosen = _chosen(ids, every, "retry")
        return _said([await each.retry(chosen, now) for each in outboxes.values()], chosen, "will be sent again")

    return _run(target, app_dir, again)


def drop(target: str, ids: Sequence[int], *, every: bool, app_dir: str) -> int:
    """Delete parked rows. Returns the exit code."""

    async def delete(outboxes: dict[str, Outbox], _now: datetime) -> int:
        chosen = _chosen(ids, every, "drop")
        return _said([await each.drop(chosen) for each in outboxes.values()], chosen, "dropped")

    return _run(target, app_dir, delete)


def _run(target: str, app_dir: str, use: Callable[[dict[str, Outbox], datetime], Awaitable[int]]) -> int:
    declaration = load(target, app_dir=app_dir).app
    ports = system_ports()
    config = bus_config(declaration, read_settings())
    application = assemble(declaration, ports, config, needs_broker=True).application

    async def used() -> int:
        async with AsyncExitStack() as stack:
            outboxes = await stack.enter_async_context(opened_outboxes(application))
            if not outboxes:
                raise InvalidOption(
                    f"{target} has no outbox. Give a connection one: "
                    'MessageBusPublisherInterceptor(..., delivery="outbox").'
                )
            return await use(outboxes, ports.clock.now())

    return asyncio.run(used())


def _chosen(ids: Sequence[int], every: bool, verb: str) -> Sequence[int] | None:
    if bool(ids) == every:
        raise InvalidOption(
            f"jararaca outbox {verb} needs the numbers of rows, as `jararaca outbox list` shows them, or --all for "
            "everything that is parked, and not both."
        )
    return ids or None


def _said(done: Sequence[Sequence[int]], chosen: Sequence[int] | None, what: str) -> int:
    say(f"{counted(sum(map(len, done)), 'message')} {what}")
    others = sorted(set(chosen or ()).difference(*done))
    if not others:
        return CLEAN
    rows = ", ".join(map(str, others))
    they, them = (f"row {rows} is", "it") if len(others) == 1 else (f"rows {rows} are", "them")
    say(
        f"{they} not parked, and nothing was done with {them}: see jararaca outbox list. A row that waits there is "
        "sent by the relay; one that is not there was sent or dropped."
    )
    return FAILURE


def _described(row: Kept) -> str:
    state = "parked" if row.parked_at is not None else "claimed by a relay" if row.claimed_by else "waiting"
    key = "" if row.key is None else f", key {row.key!r}"
    tries = "" if not row.attempts else f", {counted(row.attempts, 'attempt')}: {row.error}"
    return f"{row.topic} {row.message_id}{key}, staged {row.staged_at:%Y-%m-%d %H:%M:%S} UTC, {state}{tries}"
