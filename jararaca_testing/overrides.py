"""`override[Key] = value`: what injection hands out instead, until the test ends."""

from typing import Any, Protocol

from jararaca.core.container import Container


class Undo(Protocol):
    """What `Container.override` returns."""

    def undo(self) -> None: ...


class Overrides:
    """Replaces providers of the running application. Whatever needs a replaced key is built anew at its next use."""

    def __init__(self, container: Container) -> None:
        self._containers = [container]
        self._given: list[tuple[Any, Any]] = []
        self._undone: list[Undo] = []

    def __setitem__(self, key: Any, value: Any) -> None:
        """Hand out `value` for `key`.

        Raises:
            MissingProvider: nothing offers or needs the key; the text names the nearest one.
        """
        self._undone += [container.override(key, value) for container in self._containers]
        self._given.append((key, value))

    def follow(self, container: Container) -> None:
        """Replace the same in the container of another replica."""
        self._undone += [container.override(key, value) for key, value in self._given]
        self._containers.append(container)

    def undo(self) -> None:
        """Take every replacement back, the latest first."""
        while self._undone:
            self._undone.pop().undo()
        self._given.clear()
