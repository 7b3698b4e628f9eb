"""What a test shows of a numbered behaviour, said so that a table can be made of it.

A test carries the ids of what it shows, and says while it is set up which implementation it runs on:

    @proves("RMQ-29")
    async def test_a_classic_queue_takes_a_message_back_where_it_was(broker): ...

    @pytest.fixture
    def broker(request):
        runs_on(request, "RabbitMQ", "3.10.8")
        ...

What an implementation does differently is a test too, which asserts the difference and is marked with `differs`; one
that asserts that an implementation refuses what it does not have is marked with `lacks`.
"""

import re
from typing import Literal, NamedTuple

import pytest

from jararaca.errors import UsageError

Verdict = Literal["proven", "differs", "not emulated"]
MARKS: dict[str, Verdict] = {"proves": "proven", "differs": "differs", "lacks": "not emulated"}
ID = re.compile(r"[A-Z]+-\d+")


class Implementation(NamedTuple):
    """What a test ran on; `version` is empty for what has the version of this package."""

    name: str
    version: str = ""


RUNS_ON: pytest.StashKey[Implementation] = pytest.StashKey()


def proves(*ids: str) -> pytest.MarkDecorator:
    """Mark a test, a class of tests or a parameter: what passes shows these behaviours.

    Raises:
        UsageError: an id is not of the form `RMQ-29`.
    """
    return pytest.mark.proves(*_checked("proves", ids))


def differs(*ids: str) -> pytest.MarkDecorator:
    """Mark a test that asserts how the implementation it runs on differs from these behaviours. Raises as `proves`."""
    return pytest.mark.differs(*_checked("differs", ids))


def lacks(*ids: str) -> pytest.MarkDecorator:
    """Mark a test that asserts how an implementation refuses behaviours that it does not have. Raises as `proves`."""
    return pytest.mark.lacks(*_checked("lacks", ids))


def runs_on(request: pytest.FixtureRequest, name: str, version: str = "") -> None:
    """Say, in a fixture of function scope, what the test that asks for it runs on, and which version of it."""
    request.node.stash[RUNS_ON] = Implementation(name, version)


def _checked(verb: str, ids: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [given for given in ids if not ID.fullmatch(given)]
    if wrong or not ids:
        shown = ", ".join(map(repr, wrong)) or "nothing"
        raise UsageError(f'@{verb}(...) takes ids of behaviours such as "RMQ-29", and not {shown}.')
    return ids


def shown_by(item: pytest.Item) -> dict[Verdict, list[str]]:
    """The ids that a test carries, by what it shows of them."""
    shown = {
        verdict: [given for marker in item.iter_markers(mark) for given in marker.args]
        for mark, verdict in MARKS.items()
    }
    return {verdict: ids for verdict, ids in shown.items() if ids}
