"""A small project to be spoilt, and what has to be said of it then."""

from __future__ import annotations

from pathlib import Path

from tests.cli.driver import (
    Done,
    project,
)

CONFIG = """\
name: NAME
experiments:
  a:
    run: echo x=1
    metrics: {x: {stdout: 'x=(.*)'}}
claims:
  - {id: one, metric: a.x, value: "1"}
"""


def refused(done: Done, code: int, *words: str) -> None:
    """The command ended with this code; stdout is empty, stderr says each of the words."""
    assert done.code == code, done.said
    assert done.out == "", done.said
    assert "error: " in done.err, done.said
    assert "Traceback" not in done.err
    missing = [word for word in words if word not in done.err]
    assert not missing, f"{missing} not in\n{done.said}"


def simple(directory: Path, config: str = CONFIG, **files: str) -> Path:
    """A project of a repropack.yaml and other files."""
    config = config.replace("NAME", directory.name.lower())
    return project(directory, {"repropack.yaml": config, **files})
