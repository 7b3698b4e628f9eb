"""The page of one test: everything in one file, which loads nothing and runs nothing but its own script."""

import base64
import functools
import hashlib
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jararaca_testing.records import Record
from jararaca_testing.report.details import details_of
from jararaca_testing.report.diagram import Diagram, diagram_of
from jararaca_testing.report.durations import duration
from jararaca_testing.report.wording import Wording

FOLDER = Path(__file__).parent
ERROR_LINES = 12


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the diagram. `failure` is what pytest says; empty if the test passed."""

    test: str
    profile: str
    phase: str = ""
    failure: str = ""

    @property
    def name(self) -> str:
        """The test without its file."""
        return self.test.rpartition("::")[2]

    @property
    def place(self) -> str:
        """Its file and class."""
        return self.test.rpartition("::")[0]

    @property
    def error(self) -> str:
        """The lines of the failure that say what is wrong."""
        lines = [line[1:] for line in self.failure.splitlines() if line.startswith("E  ")]
        return textwrap.dedent("\n".join(lines[:ERROR_LINES]))


def page_of(heading: Heading, records: Sequence[Record], wording: Wording) -> str:
    """The page as HTML. Whatever it shows is escaped, and no other script than its own may run in it."""
    diagram = diagram_of(records, wording)
    events = {event.seq: event for event in diagram.events}
    style, script = f"{_text('page.css')}{''.join(_columns(diagram))}", _text("page.js")
    html: str = _template().render(
        heading=heading,
        diagram=diagram,
        details=list(details_of(events, wording)),
        duration=duration(max((row.at for row in diagram.rows), default=0.0)),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
    )
    return html


def _columns(diagram: Diagram) -> Iterator[str]:
    """The rules that put lanes, and what spans several of them, into their columns."""
    count = len(diagram.lanes)
    yield f":root{{--lanes:{count}}}"
    yield from (f".l{place}{{grid-column:{place + 2}}}" for place in range(count))
    for first, last in diagram.spans():
        yield f".s{first}-{last}{{grid-column:{first + 2}/{last + 3};--n:{last - first + 1}}}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@functools.cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@functools.cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["breakable"] = _breakable
    return environment.get_template("page.html")


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after a dot, a dash, a slash or an underscore."""
    return Markup("<wbr>").join(re.split(r"(?<=[./_-])(?=\w)", name))
