"""Enums of every kind."""

from enum import Enum, Flag, IntEnum, IntFlag, StrEnum


class Color(StrEnum):
    """What paint has."""

    RED = "red"
    DARK_GREEN = "dark green"


class Priority(IntEnum):
    LOW = 1
    HIGH = -2
    URGENT = -2  # an alias


class Rights(IntFlag):
    """Added up."""

    READ = 1
    WRITE = 2
    BOTH = 3


class Sides(Flag):
    LEFT = 1
    RIGHT = 2


class Mixed(Enum):
    """Values of several types."""

    TEXT = 'it\'s "quoted" \\ and\nbroken \u2028 */'
    NUMBER = 7
    FRACTION = 1.5
    YES = True
    NOTHING = None


class Only(Enum):
    """A single member."""

    ONE = "one"


class Places(Enum):
    """Values that are no scalars."""

    ORIGIN = (0, 0)
