"""What `@ScheduledAction` refuses where it is written."""

import math
from typing import Any

import pytest

from jararaca import ScheduledAction
from jararaca.errors import InvalidCron, InvalidOption
from jararaca_testing.contracts import proves


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"timeout": 0}, "timeout=0 must be a number of seconds, more than 0"),
        ({"timeout": "5"}, "timeout='5' must be a number of seconds, more than 0"),
        ({"timeout": math.nan}, "timeout=nan must be a number of seconds, more than 0"),
        ({"timeout": True}, "timeout=True must be a number of seconds, more than 0"),
        ({"misfire_grace": -1}, "misfire_grace=-1 must be a number of seconds, more than 0"),
        ({"lease_ttl": 0.0}, "lease_ttl=0.0 must be a number of seconds, more than 0"),
        ({"lease_ttl": math.inf}, "lease_ttl=inf must be a number of seconds, more than 0"),
        ({"lease_ttl": None}, "lease_ttl=None must be a number of seconds, more than 0"),
        ({"name": ""}, "name='' names nothing"),
        ({"name": 7}, "name=7 names nothing"),
        ({"misfire": "never"}, "misfire='never' must be 'skip', 'once' or 'all'"),
        ({"dispatch": "remote"}, "dispatch='remote' must be 'local' or 'broker'"),
        ({"dispatch": "broker", "exclusive": False}, "exclusive=False fires on every scheduler, and dispatch='broker'"),
        ({"max_catch_up": 0}, "max_catch_up=0 must be a whole number of at least 1, or misfire 'skip'"),
        ({"max_catch_up": "9"}, "max_catch_up='9' must be a whole number of at least 1"),
    ],
)
def test_an_option_that_cannot_work_is_refused_with_its_value_and_its_method(
    options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(InvalidOption) as refused:

        class Reports:
            @ScheduledAction("* * * * *", **options)
            async def daily(self) -> None: ...

    assert str(refused.value).startswith(f"@ScheduledAction('* * * * *') of Reports.daily: {advice}")


@proves("F-88")
@pytest.mark.parametrize("arguments", [("every day",), ("61 * * * *",), ("0 0 31 2 *",)])
def test_an_expression_that_never_matches_is_refused(arguments: tuple[str]) -> None:
    with pytest.raises(InvalidCron):
        ScheduledAction(*arguments)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InvalidCron, match="Mars"):
        ScheduledAction("* * * * *", tz="Mars/Olympus")


def test_a_decorator_without_parentheses_is_refused_where_it_is_written() -> None:
    class Bare:
        async def act(self) -> None: ...

    with pytest.raises(InvalidOption, match=r"@ScheduledAction on Bare\.act needs a cron expression .* parentheses"):
        ScheduledAction(Bare.act)  # type: ignore[arg-type]
