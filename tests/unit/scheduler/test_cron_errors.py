"""What is refused, and how it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.errors import InvalidCron
from jararaca.scheduler.cron import CronExpression
from jararaca_testing.contracts import proves


@proves("F-88")
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("61 * * * *", ["minute", "'61'", "0-59"]),
        ("* 24 * * *", ["hour", "'24'", "0-23"]),
        ("* * 1,32 * *", ["day of month", "'32' (in '1,32')", "1-31"]),
        ("* * * foo *", ["month", "'foo'", "jan-dec"]),
        ("* * * * mon,8", ["day of week", "'8'", "sun-sat"]),
        ("*/0 * * * *", ["minute", "'*/0'"]),
        ("* 5- * * *", ["hour", "'5-'"]),
        ("H * * * *", ["minute", "'H'"]),
        ("1,R(0-5) * * * *", ["minute", "random"]),
        ("0 0 * * 1,2#3", ["day of week", "'1,2#3'", "2#3"]),
        ("0 0 12 * * ?", ["second", "'?'", "The order is: minute"]),
        ("0 0 9 * * MON-FRI", ["second", "'MON-FRI'", "The order is: minute"]),
        ("* * * *", ["4 fields", "five or six", "The order is: minute"]),
        ("midnight", ["1 field ", "five or six"]),
        ("", ["0 fields"]),
        ("0 0 1 1 * 0 2030", ["seven fields", "remove the field '2030'"]),
        ("@reboot", ["@reboot", "@daily"]),
        ("0 0 15W * 1", ["15W", "declare two actions"]),
        ("0 0 1 * 2#3", ["2#3", "declare two actions"]),
    ],
)
def test_a_refusal_names_the_field_the_value_and_what_is_accepted(text: str, parts: list[str]) -> None:
    with pytest.raises(InvalidCron) as caught:
        CronExpression(text)
    message = str(caught.value)
    assert [part for part in [repr(text), *parts] if part not in message] == []


@proves("F-88")
@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30,31 feb ?", "* * 30 2 * *"])
def test_an_expression_that_never_matches_is_refused_at_once(text: str) -> None:
    with pytest.raises(InvalidCron, match="never matches"):
        CronExpression(text)


def test_something_else_than_a_string_is_refused() -> None:
    with pytest.raises(InvalidCron, match="not a string"):
        CronExpression(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "hint"),
    [("Europe/Berln", "The closest name is 'Europe/Berlin'"), ("?!", "Names look like"), ("../etc", "Names look like")],
)
def test_an_unknown_zone_is_refused_with_the_closest_name(zone: str, hint: str) -> None:
    with pytest.raises(InvalidCron, match=hint):
        CronExpression("0 0 * * *", zone)


@proves("F-88")
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0 * * * * *", "'* * * * *'"),
        ("0 */5 * * * *", "'*/5 * * * *'"),
        ("*/10 * * * * *", "'* * * * * */10'"),
        ("30 0 12 * * *", "'0 12 * * * 30'"),
    ],
)
def test_seconds_that_were_written_first_are_suspected(text: str, meant: str) -> None:
    suspicion = CronExpression(text).suspicion()
    assert suspicion is not None
    assert suspicion.endswith(f"write {meant}.")


@pytest.mark.parametrize("text", ["* * * * *", "0 * * * *", "* * * * * *", "* * * * * */3", "0 0 * * * 0", "@daily"])
def test_common_expressions_are_not_suspected(text: str) -> None:
    assert CronExpression(text).suspicion() is None


@given(st.lists(st.text("0123456789*/,-?#LlWwRrHh()@monjafri é", min_size=1, max_size=5), max_size=7).map(" ".join))
def test_whatever_is_written_is_either_a_schedule_or_an_invalid_cron(text: str) -> None:
    outcome: CronExpression | InvalidCron
    try:
        outcome = CronExpression(text)
    except InvalidCron as refusal:
        outcome = refusal
    assert repr(text) in str(outcome)
