"""A question on a terminal, and none where nobody could answer."""

from __future__ import annotations

import io
import os
import sys

import pytest

from repropack.cli.progress import Plain, Terminal


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y", True), ("YES", True), ("n", False), ("", False), ("maybe", False)]
)
def test_a_person_answers(answer: str, agreed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a yes is one, and the question does not stand in the live line."""
    ours, theirs = os.openpty()
    shown = io.StringIO()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        os.write(ours, answer.encode() + b"\n")
        reporter = Terminal(shown)
        try:
            reporter.step("looking")
            assert reporter.ask("go on?") is agreed
        finally:
            reporter.close()
    os.close(ours)
    assert shown.getvalue().endswith("s\ngo on? [y/N] ")


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard input is no terminal, or progress is plain lines, it goes on unasked."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    shown = io.StringIO()
    reporter = Terminal(shown)
    assert reporter.ask("go on?") and Plain(shown).ask("go on?")
    reporter.close()
    assert shown.getvalue() == ""
