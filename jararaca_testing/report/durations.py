"""Durations as people say them."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """At most two units, the smaller of them rounded: 90.5 is `1 min 30.5 s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    smaller = {"d": (3_600, "h"), "h": (60, "min"), "min": (1, "s")}
    for unit, name in _UNITS:
        if seconds >= unit:
            size, other = smaller[name]
            whole, rest = divmod(seconds, unit)
            rest = round(rest / size, 3 if size == 1 else 0)
            return f"{whole:g} {name} {rest:g} {other}" if rest else f"{whole:g} {name}"
    return f"{round(seconds, 3):g} s"
