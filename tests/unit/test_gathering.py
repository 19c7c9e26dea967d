"""What is told before packages are fetched."""

from __future__ import annotations

from pathlib import Path

from repropack.gathering import tell_absent
from repropack.progress import Silent
from tests.conftest import commit_all
from tests.unit.bundle.made import plan_of


class Notes(Silent):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Something to keep."""
        self.lines.append(text)


def test_what_nothing_installs_is_told_before_the_build(tmp_path: Path) -> None:
    """What code and commands need and no package brings is named; nothing where all is there."""
    modules = ("click", "joblib", "numpy", "pandas", "requests", "torch")
    notebook = "jupyter nbconvert --execute --inplace a.ipynb"
    for name, run, code in (
        ("absent", notebook, f"import {', '.join(modules)}, json"),
        ("whole", "python e.py", "import json"),
    ):
        project = tmp_path / name
        project.mkdir()
        (project / "e.py").write_text(f"{code}\nprint('x')\n")
        (project / "repropack.yaml").write_text(
            f"name: {name}\nexperiments:\n  e: {{run: {run}, metrics: {{m: {{stdout: '(x)'}}}}}}\n"
        )
        commit_all(project)
        notes = Notes()
        tell_absent(plan_of(project)[0], notes)
        if name == "whole":
            assert notes.lines == []
        else:
            (line,) = notes.lines
            assert "nothing installs click, joblib, numpy, pandas, requests and 3 more, " in line
            assert "--infer" in line
