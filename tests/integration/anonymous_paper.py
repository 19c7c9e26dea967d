"""A paper by an author who is known to git, and anonymous builds of it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tests.cli.driver import Done, inside, project
from tests.conftest import git
from tests.integration.test_many_runs import PYTHON

NAME, EMAIL = "Grace Quillfeather", "gquill@cs.northwold.example.edu"


OWNER = "quillfeather-lab"


CONFIG = f"""
    name: darts
    environment: {{python: "{PYTHON}"}}
    experiments:
      e: {{run: python e.py, metrics: {{pi: {{json: r.json, key: pi}}}}}}
    claims:
      - {{id: pi, metric: e.pi, value: "3.14", tolerance: 0.01}}
"""


SCRIPT = "import json\njson.dump({'pi': 3.1416}, open('r.json', 'w'))\n"


CLEAN = {
    "repropack.yaml": CONFIG,
    "e.py": SCRIPT,
    "LICENSE": "MIT License\n\nPermission is hereby granted, free of charge, to …\n",
    "README.md": "# Darts\n\nThrows darts at a board, with `x @ y.T` and mean@k.\n",
}


def archive(member: str, text: str) -> bytes:
    """A zip file with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(member, text)
    return buffer.getvalue()


def paper(directory: Path, files: dict[str, str | bytes]) -> Path:
    """A repository of an author who is known to git."""
    made = project(directory / "paper", {**CLEAN, **files})
    git(made, "config", "user.name", NAME)
    git(made, "config", "user.email", EMAIL)
    git(made, "remote", "add", "origin", f"git@github.com:{OWNER}/darts.git")
    return made


def build(made: Path, *options: str | Path) -> Done:
    """An anonymous build without a container."""
    return inside("build", made, "--engine", "venv", "--anonymous", *options)
