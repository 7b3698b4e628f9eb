"""What a test leaves behind when it is over: its timeline in the report of a failure, and a page if one is asked for.

Nothing is drawn before a test fails or a page is asked for; until then there are only the records of the ledger.
"""

from pathlib import Path
from typing import Any

import pytest

from jararaca_testing.options import option, profile_of

TOLD: pytest.StashKey[Any] = pytest.StashKey()
"""The application whose ledger tells the story of a test."""

STORY: pytest.StashKey[Any] = pytest.StashKey()
"""The story as it was when the test failed, or else when it ended: what is shown is what led there."""

SECTION = "jararaca timeline"


def add_timeline(item: pytest.Item, report: pytest.TestReport) -> None:
    """For `pytest_runtest_makereport`: show the timeline with the first failure, and write the page at the end."""
    application, folder = item.stash.get(TOLD, None), _folder(item.config)
    if application is None:
        return
    is_first = STORY not in item.stash
    wants_page = folder is not None and option(item.config, "jararaca_report_for") == "all"
    if is_first and (report.failed or (wants_page and report.when == "call")):
        item.stash[STORY] = _story(item, report, application)
    story = item.stash.get(STORY, None)
    if story is None:
        return
    if report.failed and not story.failure:
        story.failed(report.when, report.longreprtext)
        told = [story.text(), "" if folder is None else f"page: {folder / story.file_name}"]
        if any(told):
            report.sections.append((SECTION, "\n\n".join(filter(None, told))))
    if report.when == "teardown" and folder is not None:
        story.write(folder)


def _story(item: pytest.Item, report: pytest.TestReport, application: Any) -> Any:
    from jararaca_testing.report.story import Story

    return Story(
        test=report.nodeid,
        profile=profile_of(item),
        records=application.ledger.story(),
        handlers=application.handlers,
    )


def _folder(config: pytest.Config) -> Path | None:
    folder = option(config, "jararaca_report")
    return config.invocation_params.dir / folder if folder else None
