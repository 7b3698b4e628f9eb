"""Connections of databases that a test leaves checked out of their pools, each with the line that took it."""

from collections.abc import Iterator
from typing import Any

from greenlet import getcurrent  # type: ignore[import-untyped] # it has no stubs
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca_testing.gates.findings import Finding, origin
from jararaca_testing.gates.names import OPEN_CONNECTIONS
from jararaca_testing.origins import Place, caller

DEPTH = 40
ADVICE = "Close the session or the connection there, best with `async with`."


class Checkouts:
    """What is checked out of the pools of the engines that it watches."""

    def __init__(self) -> None:
        self._open: dict[Any, tuple[str, Place | None]] = {}

    def watch(self, engine: AsyncEngine, name: str) -> None:
        """Know from now on what is taken from the pool of this engine; `name` is the database's connection name."""

        def taken(_connection: Any, record: Any, _proxy: Any) -> None:
            self._open[record] = (name, _taker())

        def given_back(_connection: Any, record: Any) -> None:
            self._open.pop(record, None)

        event.listen(engine.sync_engine, "checkout", taken)
        event.listen(engine.sync_engine, "checkin", given_back)

    def findings(self) -> Iterator[Finding]:
        """What is open at this moment."""
        for name, place in self._open.values():
            yield Finding(
                OPEN_CONNECTIONS, f"a connection of the database {name!r} is open", origin("taken", place), ADVICE
            )

    def forget(self) -> None:
        """Another test begins."""
        self._open.clear()


def _taker() -> Place | None:
    """SQLAlchemy works in a greenlet of its own: the line that waits for it stands in the one behind."""
    place = caller(depth=DEPTH)
    if place is not None:
        return place
    behind = getcurrent().parent
    frame = behind.gr_frame if behind is not None else None
    return caller(depth=DEPTH, frame=frame) if frame is not None else None
