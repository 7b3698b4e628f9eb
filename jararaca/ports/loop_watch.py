"""What sees from outside how long callbacks hold the event loop."""

from typing import Protocol


class LoopWatch(Protocol):
    """Watches one event loop, from `start`, which is called on it, to `stop`."""

    @property
    def lag(self) -> float:
        """The longest that anything had to wait for its turn, in seconds, within the latest minute or two."""
        ...

    @property
    def stalls(self) -> int:
        """How often it was held for so long that it was logged."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None: ...
