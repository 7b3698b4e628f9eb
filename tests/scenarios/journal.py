"""What happened in one execution, in order: the framework's steps, and what handlers note between them."""

from jararaca.core.context import current_execution
from jararaca.core.steps import Kind, Step


class Journal:
    """An observer of steps, and a provider for handlers that want to be part of the story."""

    def __init__(self) -> None:
        self._entries: list[tuple[str | None, str]] = []

    def observe(self, step: Step) -> None:
        self._entries.append((step.execution, f"{step.kind} begins" if step.phase == "before" else str(step.kind)))

    def note(self, what: str) -> None:
        """Add an entry to the execution that is current."""
        self._entries.append((current_execution().id, what))

    def of_attempt(self, number: int = 0) -> list[str]:
        """The entries of an attempt, counted from 0, from its begin to its settlement."""
        attempts = [execution for execution, entry in self._entries if entry == f"{Kind.ATTEMPT} begins"]
        return [entry for execution, entry in self._entries if execution == attempts[number]]
