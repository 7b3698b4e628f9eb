"""Reading headers is total: whatever a stranger wrote, the message can be handled or dead-lettered."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.messagebus import headers as names
from jararaca.messagebus.headers import Marks, milliseconds, read_marks
from jararaca_testing.contracts import proves

OURS = (
    names.ATTEMPT,
    names.NOT_BEFORE,
    names.KEY,
    names.HOPS,
    names.CORRELATION_ID,
    names.CAUSATION_ID,
    names.TRACEPARENT,
    names.FIRST_FAILED_AT,
    names.ORIGINAL_TOPIC,
)

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
tables = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5
)


@proves("F-24")
@given(st.dictionaries(st.sampled_from(OURS) | st.text(), tables))
def test_hostile_headers_never_raise_and_never_leave_their_range(headers: dict[str, Any]) -> None:
    marks = read_marks(headers)
    assert marks.attempt >= 1
    assert marks.hops >= 0
    assert marks.not_before is None or marks.not_before.tzinfo is UTC
    assert all(
        text is None or 0 < len(text) <= 255
        for text in (marks.key, marks.correlation_id, marks.causation_id, marks.traceparent, marks.original_topic)
    )


def test_what_we_write_reads_back() -> None:
    due = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    headers = {
        names.ATTEMPT: 3,
        names.NOT_BEFORE: milliseconds(due),
        names.KEY: "account-7",
        names.HOPS: 2,
        names.CORRELATION_ID: "first",
        names.CAUSATION_ID: "before",
        names.TRACEPARENT: "00-aa-bb-01",
        names.FIRST_FAILED_AT: "2026-01-01T00:00:00+00:00",
        names.ORIGINAL_TOPIC: "order.placed",
    }
    assert read_marks(headers) == Marks(
        attempt=3,
        not_before=due,
        key="account-7",
        hops=2,
        correlation_id="first",
        causation_id="before",
        traceparent="00-aa-bb-01",
        first_failed_at="2026-01-01T00:00:00+00:00",
        original_topic="order.placed",
    )


@pytest.mark.parametrize("headers", [{}, {"x-tenant": "a"}])
def test_a_message_of_a_stranger_is_a_first_attempt(headers: dict[str, Any]) -> None:
    assert read_marks(headers) == Marks()


def test_a_malformed_header_is_logged_without_its_value(caplog: pytest.LogCaptureFixture) -> None:
    read_marks({names.ATTEMPT: "secret"})
    assert [record.getMessage() for record in caplog.records] == ["a header is malformed and was ignored"]
    assert "secret" not in str(vars(caplog.records[0]))


@pytest.mark.parametrize("attempt", [0, -1, True, "2", 2.0, 2**60, None, [3]])
def test_an_attempt_that_is_no_count_is_the_first(attempt: Any) -> None:
    assert read_marks({names.ATTEMPT: attempt}).attempt == 1
