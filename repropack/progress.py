"""How stages say what they are doing. They never print: `cli` decides what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

#: Takes one line of what is going on inside a step.
Progress = Callable[[str], None]


class Reporter(Protocol):
    """Hears about the steps of a command."""

    def step(self, text: str) -> None:
        """A new step begins; the one before it has ended."""

    def detail(self, text: str) -> None:
        """What the step is at: the newest replaces the one before on a terminal."""

    def note(self, text: str) -> None:
        """Something that must stay on the screen: a warning, or where a file was written."""


class Silent:
    """A reporter that nobody listens to."""

    def step(self, text: str) -> None:
        """Nothing."""

    def detail(self, text: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
