"""A bundle that has what its author measured, for those who tell it before anything is fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from repropack.bundle import Bundle, write_bundle
from repropack.project import look
from tests.conftest import commit_all
from tests.unit.bundle.made import plan_of

CONFIG = """
name: machine
experiments:
  long: {run: "python e.py {seed}", seeds: [0, 1, 2], metrics: {m: {stdout: '(x)'}}}
  brief: {run: python e.py, metrics: {m: {stdout: '(x)'}}}
  heavy: {run: python e.py, gpu: required, metrics: {m: {stdout: '(x)'}}}
  fresh: {run: python e.py, metrics: {m: {stdout: '(x)'}}}
claims:
  - {id: first, metric: long.m, value: "1"}
  - {id: second, metric: brief.m, value: "2"}
  - {id: third, metric: heavy.m, value: "2"}
  - {id: fourth, metric: fresh.m, value: "2"}
"""
HARDWARE = {"cpu": "Example CPU", "cores": 8, "memory_bytes": 25_000_000_000}
REPORT = {
    "runs": [
        {"experiment": "long", "status": "ok", "seconds": 600.0},
        {"experiment": "long", "status": "ok", "seconds": 602.0},
        {"experiment": "brief", "status": "ok", "seconds": 3.5},
    ]
}
RECORDS = {
    "long": {
        "experiment": "long",
        "hardware": HARDWARE,
        "peak_cgroup_bytes": 7_000_000_000,
        "written_bytes": 2_000_000_000,
        "kept_bytes": 40_000_000,
    },
    "brief": {"experiment": "brief", "hardware": HARDWARE, "peak_rss_bytes": 50_000_000},
}


def author_of(report: object, records: Mapping[str, object]) -> dict[str, str]:
    """The texts of `author/`."""
    named = {f"author/runs/{name}/record.json": each for name, each in records.items()}
    return {
        path: json.dumps(each) for path, each in {"author/report.json": report, **named}.items()
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle."""
    project = tmp_path_factory.mktemp("made") / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('x')\n")
    commit_all(project)
    plan, ingredients = plan_of(project)
    source = look(project, allow_dirty=False).source
    author = author_of(REPORT, RECORDS)
    out, cache = project.parent / "bundle", project.parent / "cache"
    return write_bundle(plan, source, ingredients, author, cache=cache, out=out)
