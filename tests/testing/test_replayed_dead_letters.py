"""Dead letters written down as tests, and run by a project: they fail until its handler can do with the message."""

from collections.abc import Callable
from typing import Any

import pytest

from jararaca.cli.replay import as_test
from jararaca.messagebus.dead_letters import DeadLetter
from jararaca.ports.broker import Envelope

Run = Callable[..., pytest.RunResult]


def letter(body: bytes, message_id: str, **properties: Any) -> DeadLetter:
    """A dead letter of this body; only what is written down matters here."""
    envelope = Envelope(
        body, message_id=message_id, headers={"tenant": "a", "x-jararaca-reason": "error"}, **properties
    )
    return DeadLetter(message_id, "order.placed", "error", "Down", 'at\\"""', 1, None, None, envelope)


def test_what_the_handler_can_do_with_passes_and_what_it_cannot_fails(run: Run) -> None:
    good = letter(b'{"id": 1}', "m-1", content_type="application/json", type="urn:jararaca:Order")
    bad = letter(b"\xff", "not text", content_type="text/plain")

    result = run(as_test("Orders.charge", [good, bad]), "-v")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_1_m_1 PASSED*", "*test_2_not_text FAILED*"])


def test_without_dead_letters_the_module_is_empty_and_runs(run: Run) -> None:
    run(as_test("Orders.charge", [])).assert_outcomes()
