"""What the author measured is told on the reviewer's page, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from repropack.bundle import page
from repropack.bundle.effort import measured
from tests.conftest import example
from tests.unit.bundle.made import plan_of

HARDWARE = {"cpu": "Example CPU", "cores": 8, "memory_bytes": 25_276_502_016}
RECORD = {"hardware": HARDWARE, "facts": {"gpu": "none"}, "peak_cgroup_bytes": 808_448_000}
RUNS = [
    {"experiment": "darts", "status": "ok", "seconds": 90.0},
    {"experiment": "darts", "status": "failed", "seconds": 1.0},
]
AUTHOR = {
    "author/report.json": json.dumps({"runs": RUNS}),
    "author/runs/darts/record.json": json.dumps(RECORD),
}


def test_measured() -> None:
    """Minutes are the mean of the runs that ended well, times the runs that a reviewer does."""
    effort = measured(AUTHOR)
    assert (effort.of("darts", 1), effort.of("darts", 10)) == ("1.5", "15")
    assert effort.of("other", 1) is None
    assert (effort.machine, effort.peak_mb) == ("Example CPU, 8 cores, 25 GB", 808)


def test_what_runs_write() -> None:
    """The largest runs at once count while they are done, and what each leaves for all of them."""
    more = {**RECORD, "experiment": "darts", "written_bytes": 3_000_000, "kept_bytes": 1_500_000}
    less = {**RECORD, "experiment": "brief", "written_bytes": 2_000_000}
    effort = measured({**AUTHOR, "author/runs/darts/record.json": json.dumps(more),
                       "author/runs/brief/record.json": json.dumps(less)})  # fmt: skip
    runs = ["brief", "darts", "other", "darts", "brief"]
    assert [effort.writes_mb(runs, jobs) for jobs in (1, 2, 3, 4, 9)] == [
        *((3, 1), (6, 2), (8, 3), (10, 4), (10, 4))
    ]
    assert (effort.leaves_mb(runs), effort.leaves_mb(["brief"])) == (4, 0)
    assert effort.table(()) == "darts\t90\t809\t0\t3\t2"
    assert measured(AUTHOR).writes_mb(["darts"]) == (0, 0)
    assert measured(AUTHOR).leaves_mb(["darts"]) == 0


def test_page_tells_it(tmp_path: Path) -> None:
    """README.md has minutes, memory and machine where they were measured, and else says so."""
    plan, ingredients = plan_of(example("quickstart", tmp_path))
    told, untold = page.readme(plan, ingredients, AUTHOR), page.readme(plan, ingredients)
    assert "**E1: darts** \\[started with all the others + 1.5 compute-minutes\\], for C1" in told
    assert "human-minutes" not in told
    assert "Example CPU, 8 cores, 25 GB; a run had at most 808 MB of memory" in told
    stated = (dataclasses.replace(plan.experiments[0], human_minutes=5.0),)
    page_of = page.readme(dataclasses.replace(plan, experiments=stated), ingredients, AUTHOR)
    assert "\\[5 human-minutes + 1.5 compute-minutes\\]" in page_of
    assert "human-minutes are those that the authors state" in page_of
    assert "compute time not measured" in untold and "compute-minutes" not in untold
