"""When to try a failed message again, and when to stop: a pure rule."""

from dataclasses import dataclass
from typing import Literal

from jararaca.errors import InvalidOption
from jararaca.messagebus.quantities import ADVICE, is_number, is_whole

LONGEST_DELAY = 315_360_000
"""Seconds; ten years, so that the moment when a message is due can always be computed."""

Verdict = Literal["retry", "dead-letter", "ignore"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait before each further attempt, and which failures deserve one.

    The delay before the second attempt is `first_delay` seconds, and each later one `factor` times longer, up to
    `max_delay`. `jitter="full"` takes a random part of it, so that messages that failed together do not come back
    together; `"none"` takes all of it. An exception that several of the three tuples name is judged by the class
    nearest to its own; one that none of them names is dead-lettered.

    Raises:
        InvalidOption: a number that cannot work, or something that is not an exception class.
    """

    max_attempts: int = 5
    first_delay: float = 1.0  # seconds
    factor: float = 2.0
    max_delay: float = 300.0  # seconds
    jitter: Literal["full", "none"] = "full"
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    dead_letter_on: tuple[type[BaseException], ...] = ()
    ignore_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        _demand(is_whole(self.max_attempts), f"max_attempts={self.max_attempts!r}", "Use a whole number.")
        for name in ("first_delay", "factor", "max_delay"):
            _demand(is_number(getattr(self, name)), f"{name}={getattr(self, name)!r}", ADVICE)
        _demand(self.max_attempts >= 1, f"max_attempts={self.max_attempts}", "Use 1 to never retry.")
        _demand(self.first_delay >= 0, f"first_delay={self.first_delay}", "Use seconds, at least 0.")
        _demand(self.factor >= 1, f"factor={self.factor}", "Use 1 for delays that do not grow.")
        _demand(
            self.first_delay <= self.max_delay <= LONGEST_DELAY,
            f"max_delay={self.max_delay}",
            f"Use seconds, at least first_delay and at most {LONGEST_DELAY}.",
        )
        _demand(self.jitter in ("full", "none"), f"jitter={self.jitter!r}", 'Use "full" or "none".')
        for name in ("retry_on", "dead_letter_on", "ignore_on"):
            named = getattr(self, name)
            usable = isinstance(named, tuple) and all(isinstance(each, type) for each in named)
            _demand(
                usable and all(issubclass(each, BaseException) for each in named),
                f"{name}={named!r}",
                "Use a tuple of exception classes.",
            )

    def delay_before(self, attempt: int, *, random: float = 0.0) -> float | None:
        """Seconds to wait before `attempt`, counted from 1; None once attempts are spent.

        `random`, from 0.0 up to not including 1.0, is the part that full jitter takes off; 0.0 waits the full delay.
        """
        if attempt > self.max_attempts:
            return None
        if attempt <= 1:
            return 0.0
        try:
            delay = min(self.first_delay * self.factor ** (attempt - 2), self.max_delay)
        except OverflowError:
            delay = self.max_delay
        return delay * (1.0 - random) if self.jitter == "full" else delay

    @property
    def longest_delay(self) -> float:
        """Seconds; no delay of this policy is longer."""
        return self.delay_before(self.max_attempts) or 0.0

    def verdict(self, error: BaseException) -> Verdict:
        """What an exception calls for, before attempts are counted."""
        for cls in type(error).__mro__:
            if cls in self.ignore_on:
                return "ignore"
            if cls in self.dead_letter_on:
                return "dead-letter"
            if cls in self.retry_on:
                return "retry"
        return "dead-letter"


def _demand(holds: bool, option: str, advice: str) -> None:
    if not holds:
        raise InvalidOption(f"RetryPolicy({option}) cannot work. {advice}")
