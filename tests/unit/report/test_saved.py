"""An assessment comes back out of its JSON as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from repropack.judge import report
from repropack.judge.fields import ManifestError
from repropack.report import assessment
from tests.verifications import sample


def saved(directory: Path) -> dict[str, Any]:
    """The JSON of the sample."""
    found: dict[str, Any] = json.loads((sample(directory) / "report.json").read_text("utf-8"))
    return found


def test_round_trip(tmp_path: Path) -> None:
    """Every value of every claim and run survives being written and read."""
    raw = saved(tmp_path)
    again = report.as_dict(assessment(raw))
    assert again == {name: raw[name] for name in again}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("schema",), "repropack.report/9", "schema"),
        (("verdict",), "splendid", "verdict"),
        (("claims",), 3, "claims"),
        (("claims", 0, "obtained", 0, "mean"), "high", "claims[0].obtained[0].mean"),
        (("claims", 0, "numbers", "difference"), [], "claims[0].numbers.difference"),
        (("claims", 5, "cells", 0, "id"), None, "claims[5].cells[0].id"),
        (("runs", 0, "tail"), [1], "runs[0].tail[0]"),
    ],
)
def test_what_is_wrong_is_named(
    place: tuple[Any, ...], value: Any, said: str, tmp_path: Path
) -> None:
    """A report.json that is not one is refused, with the path of what is wrong in it."""
    raw = saved(tmp_path)
    inside: Any = raw
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    with pytest.raises(ManifestError, match=said.replace("[", r"\[")):
        assessment(raw)
