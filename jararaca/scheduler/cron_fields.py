"""From the text of a cron expression to sorted tuples: croniter parses, this module explains what it refuses."""

from dataclasses import dataclass
from typing import Any

from croniter import croniter

from jararaca.errors import InvalidCron

FIELDS = ("minute", "hour", "day of month", "month", "day of week", "second")
ACCEPTED = (
    "0-59",
    "0-23",
    "1-31 and L for the last day, or 15W alone for the working day nearest to the 15th, or ?",
    "1-12 or jan-dec",
    "0-7 or sun-sat (0 and 7 are Sunday), or only numbered days such as 2#3 (third Tuesday) and L5 (last Friday), or ?",
    "0-59",
)
FULL = (range(60), range(24), range(1, 32), range(1, 13), range(7), range(60))
NICKNAMES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
ORDER = "The order is: minute, hour, day of month, month, day of week and, if there is a sixth field, second."

Values = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DayFields:
    """What the three day fields say; None where a field restricts nothing.

    Attributes:
        last: whether the last day of the month is among the days of the month.
        nearest: days whose nearest weekday is meant (`15W`).
        nth: pairs of weekday (0 is Sunday) and which one of the month, 1 to 5, or 0 for the last (`2#3`, `L5`).
    """

    months: Values
    days: Values | None
    last: bool
    weekdays: Values | None
    nearest: Values
    nth: tuple[tuple[int, int], ...]

    @property
    def unrestricted(self) -> bool:
        """Whether every day matches."""
        rest = (self.days, self.weekdays, self.nearest, self.nth)
        return len(self.months) == 12 and not any(rest) and not self.last


@dataclass(frozen=True, slots=True)
class CronFields:
    """A parsed expression: values in ascending order, ranges and steps spelled out.

    `interval` says that the hour or the minute is a wildcard or a step: such a job follows elapsed time, while one at
    fixed local times follows the clock on the wall.
    """

    seconds: Values
    minutes: Values
    hours: Values
    days: DayFields
    interval: bool


def parse(text: str) -> CronFields:
    """Read five fields, six with the seconds last, or a nickname such as `@daily`.

    Raises:
        InvalidCron: the text does not parse; the message names the field and its value.
    """
    words = _words(text)
    try:
        parsed = croniter(" ".join(words), 0.0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InvalidCron(_explain(text, words, error)) from error
    values: list[list[Any]] = [*parsed.expanded[:6], *([[0]] if len(parsed.expanded) == 5 else [])]
    minutes, hours, months, seconds = (_spelled_out(values[index], FULL[index]) for index in (0, 1, 3, 5))
    interval = _has_steps(parsed.expressions) or len(minutes) == 60 or len(hours) == 24
    return CronFields(seconds, minutes, hours, _day_fields(parsed, months, text), interval)


def _words(text: str) -> list[str]:
    if not isinstance(text, str):
        raise InvalidCron(f"cron expression {text!r} is not a string. Write for example '*/5 * * * *'.")
    words = text.split()
    if len(words) == 1 and words[0].startswith("@"):
        if words[0].lower() not in NICKNAMES:
            raise InvalidCron(f"cron expression {text!r}: use one of {', '.join(NICKNAMES)}, or five fields.")
        return words
    if len(words) == 7:
        raise InvalidCron(
            f"cron expression {text!r} has seven fields. A year is not supported, because a schedule that ends has no "
            f"next firing; remove the field {words[6]!r}."
        )
    if len(words) not in (5, 6):
        plural = "" if len(words) == 1 else "s"
        raise InvalidCron(f"cron expression {text!r} has {len(words)} field{plural} instead of five or six. {ORDER}")
    _refuse_hashes(text, words)
    return words


def _refuse_hashes(text: str, words: list[str]) -> None:
    for name, word in zip(FIELDS, words, strict=False):
        if any(item.lower().startswith("r") for item in word.split(",")):
            raise InvalidCron(
                f"cron expression {text!r}: the {name} field {word!r} is random, so that each replica would have "
                "another schedule. Write the value itself."
            )


def _explain(text: str, words: list[str], error: Exception) -> str:
    refused = (
        _refusal(text, index, word, item)
        for index, word in enumerate(words)
        for item in [*word.split(","), word]
        if not _is_valid_alone(index, item, len(words))
    )
    return next(refused, f"cron expression {text!r} cannot be read: {error}. {ORDER}")


def _is_valid_alone(index: int, item: str, size: int) -> bool:
    words = ["*"] * size
    words[index] = item
    return croniter.is_valid(" ".join(words))


def _refusal(text: str, index: int, word: str, item: str) -> str:
    part = "" if item == word else f" (in {word!r})"
    hint = f" {ORDER}" if len(text.split()) == 6 else ""
    return (
        f"cron expression {text!r}: the {FIELDS[index]} field cannot be {item!r}{part}. It takes {ACCEPTED[index]}; "
        f"and * for all, lists 1,2, ranges 1-5 and steps */5.{hint}"
    )


def _spelled_out(values: list[Any], full: range) -> Values:
    return tuple(full) if "*" in values else tuple(sorted(values))


def _day_fields(parsed: Any, months: Values, text: str) -> DayFields:
    days, weekdays = parsed.expanded[2], parsed.expanded[4]
    nth = {
        (weekday, 0 if which == "l" else which)
        for weekday, numbers in parsed.nth_weekday_of_month.items()
        for which in numbers
    }
    fields = DayFields(
        months=months,
        days=None if "*" in days else tuple(sorted(day for day in days if day != "l")),
        last="l" in days,
        weekdays=None if "*" in weekdays else tuple(sorted(weekdays)),
        nearest=tuple(sorted(parsed.nearest_weekday)),
        nth=tuple(sorted(nth)),
    )
    if (fields.nearest and fields.weekdays is not None) or (fields.nth and fields.days is not None):
        raise InvalidCron(
            f"cron expression {text!r}: 15W, 2#3 and L5 each name the days on their own. Write * in the other day "
            "field, or declare two actions."
        )
    return fields


def _has_steps(words: list[str]) -> bool:
    return any("*" in word or "/" in word for word in words[:2])
