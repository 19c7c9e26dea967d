"""A real run of a shell command, as the tests of the runner do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from repropack.judge import runner
from repropack.judge.expand import expand
from repropack.judge.model import Experiment, Metric

ACC = Metric("acc", "json", "r.json", "acc")
WRITE = """echo '{"acc": 0.970}' > r.json"""


class Run:
    """One run in `work`, with its record in `out` and the progress lines that it showed."""

    def __init__(self, root: Path, command: str, **changes: Any) -> None:
        self.work, self.out = root / "work", root / "out"
        self.work.mkdir(exist_ok=True)
        given = {"name": "e", "run": command, "metrics": (ACC,), **changes}
        self.experiment = Experiment(**given)
        self.lines: list[str] = []

    def record(self, grace_s: float = 2.0) -> dict[str, Any]:
        """Do it; the record as it stands on the disk."""
        (spec,) = expand(self.experiment)
        made = runner.execute(
            self.experiment,
            spec,
            str(self.work),
            str(self.out),
            {"engine": "test", "gpu": "none"},
            grace_s=grace_s,
            show=self.lines.append,
        )
        read = json.loads((self.out / "record.json").read_bytes())
        assert read == made
        assert sorted(path.name for path in self.out.iterdir() if path.name.startswith(".")) == []
        return made
