"""What commands print: what runs where on standard output, and logs as events on standard error."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from jararaca.core.disclosure import without_passwords

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class EventFormatter(logging.Formatter):
    """One line per event: time, level, logger, message, and the values that came with it.

    Tracebacks quote no input, and URLs have no passwords.
    """

    def format(self, record: logging.LogRecord) -> str:
        return without_passwords(self._format(record))

    def _format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        extra = {name: value for name, value in vars(record).items() if name not in _KNOWN and value is not None}
        if not extra:
            return line
        head, newline, rest = line.partition("\n")
        values = " ".join(f"{name}={_short(value)}" for name, value in extra.items())
        return f"{head} ({values}){newline}{rest}"

    def formatException(self, ei: Any) -> str:  # noqa: N802 -- logging's name
        """A traceback in which no exception quotes its input: that may be somebody's secret."""
        from jararaca.messagebus.redaction import without_values

        error = without_values(ei[1])
        return super().formatException((type(error), error, error.__traceback__))


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record says more than that work was cancelled, which whoever cancels it reports."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def configure_logging() -> None:
    """Send events to standard error, unless the application has set logging up itself."""
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(_is_news)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # the link reports what these two report
    logging.getLogger("aio_pika").setLevel(logging.CRITICAL)


def say(line: str) -> None:
    """Print one line for the person at the terminal, however narrow that is."""
    _console().print(Text(line), soft_wrap=True)


def show(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print a title in bold, and below it pairs of a word and what it stands for, in two columns."""
    console = _console()
    console.print(Text(title, style="bold"), soft_wrap=True)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        console.print(Text.assemble("  ", (name.ljust(width), "dim"), "  ", value), soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """`1 handler`, `2 handlers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _console() -> Console:
    """Made anew each time, because standard output may have been replaced meanwhile."""
    return Console(highlight=False)
