"""The story of one test: its records as they were at one moment, told as text or as a page."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jararaca_testing.records import Record
from jararaca_testing.report.text import timeline
from jararaca_testing.report.wording import Listener, Wording
from jararaca_testing.showing import without_secrets

LONGEST_NAME = 120


class Story:
    """What `records` tell about `test`. `failure` is what pytest says of it; empty while it has not failed."""

    def __init__(self, *, test: str, profile: str, records: Sequence[Record], handlers: Sequence[Listener]) -> None:
        self.test = test
        self.profile = profile
        self.phase = ""
        self.failure = ""
        self._records = records
        self._wording = Wording(handlers)

    def failed(self, phase: str, failure: str) -> None:
        """The test failed in its setup, its call or its teardown."""
        self.phase = phase
        self.failure = without_secrets(failure) or "it failed"

    def text(self) -> str:
        """The timeline as a tree of lines."""
        return timeline(self._records, self._wording)

    @property
    def file_name(self) -> str:
        """Of the page: readable, safe on every file system, and different for each test."""
        return file_name(self.test)

    def write(self, folder: Path) -> None:
        """Write the page; the folder is made if it is not there."""
        from jararaca_testing.report.page import Heading, page_of

        heading = Heading(self.test, self.profile, self.phase, self.failure)
        folder.mkdir(parents=True, exist_ok=True)
        page = page_of(heading, self._records, self._wording)
        (folder / self.file_name).write_text(page, encoding="utf-8", errors="backslashreplace")


def file_name(test: str) -> str:
    """A name for the page of a test: its id as far as every file system takes it, and a digest of all of it."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", test).strip("-.")[-LONGEST_NAME:].strip("-.")
    return f"{readable}-{hashlib.sha256(test.encode()).hexdigest()[:8]}.html"
