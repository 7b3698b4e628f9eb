"""How a message waits on the broker for any length of time with few queues. Pure.

A queue with a message TTL delays by one fixed time. So there is a ladder of them, each twice as long as the one
before; a wait takes the largest step that is not longer than what remains, and then the next. A remainder shorter
than the shortest step is rounded up to it: nothing comes early, and everything at most one shortest step late.
"""

import math
from collections.abc import Iterator

SHORTEST = 0.125
"""Seconds; a binary fraction, so that subtracting steps is exact."""
SLACK = SHORTEST / 4
"""Seconds that a message may be late to save further steps."""
LADDER = tuple(SHORTEST * 2.0**n for n in range(21))
"""Every step in seconds, from 0.125 to 131,072 (36 hours)."""


def next_step(remaining: float) -> float:
    """The step to take when `remaining` seconds are left: the largest that is not longer, but at least the shortest."""
    if remaining < 2 * SHORTEST:
        return SHORTEST
    return LADDER[min(math.frexp(remaining / SHORTEST)[1], len(LADDER)) - 1]


def step_from_now(remaining: float) -> float:
    """The step to send a message into at this moment: one that is longer than what remains by at most `SLACK` too.

    Sending took a moment already, so that a wait of one second has 0.999 left; several short steps instead of that
    one would bring it no sooner.
    """
    return next_step(remaining + SLACK)


def steps_within(longest: float) -> tuple[float, ...]:
    """Every step that a wait of at most `longest` seconds may take, shortest first; none if nothing ever waits."""
    if longest <= 0:
        return ()
    return tuple(step for step in LADDER if step <= step_from_now(longest))


def hops(remaining: float) -> Iterator[float]:
    """The steps of a whole wait, largest first. Their sum is `remaining` to `remaining` + 0.125; none if it is over."""
    while remaining > 0:
        step = next_step(remaining)
        yield step
        remaining -= step


def ttl(step: float) -> int:
    """A step as brokers count: milliseconds, a whole number for every step of the ladder."""
    return int(step * 1000)
