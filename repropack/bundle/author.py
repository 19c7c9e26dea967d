"""The author's own verification as files of a bundle: what a reviewer's is compared with.

Owns: which of its files travel, and that they are of the commit that is packed. They are put in
only where they are named (`build --with-results`): a bundle follows from the commit, these do not.
Does not own: reading them again (`verification`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repropack.errors import InvalidError, UsageError
from repropack.judge.verdict import RECORDED
from repropack.origin import Origin

_MOST_BYTES = 20_000_000
_REPORT = ("schema", "name", "rule_version", "verdict", "evidence", "exit_code", "summary", "marks",
           "notes", "claims", "compute", "commit", "image", "engine", "base", "determinism",
           "environment")  # fmt: skip
_RECORD = ("schema", "id", "experiment", "seed", "params", "command", "env", "timeout_s", "status",
           "reason", "exit_code", "signal", "seconds", "cpu_seconds", "peak_rss_bytes",
           "peak_cgroup_bytes", "gpus", "gpu_energy_joules", "threads", "variables", "hardware",
           "facts", "metrics", "notes", "written_bytes", "kept_bytes")  # fmt: skip


def author_files(directory: Path | None, origin: Origin) -> dict[str, str]:
    """The texts of `author/`, by path: the report's values, and each run's record without its log.

    Nothing that tells of places on the author's machine. Raises `UsageError` for what is no
    verification, `InvalidError` for one of another commit or of no runs.
    """
    if directory is None:
        return {}
    from repropack.verification import AUTHOR, find, load, read, record_of  # few builds need it

    place = find(directory)
    found = read(place)
    packed = origin.commit or origin.tree
    if found.commit != packed:
        raise InvalidError(
            f"{place} is a verification of {found.commit[:12] or 'an unknown commit'}, "
            f"and {packed[:12]} is packed",
            hint="`repropack verify` at this commit, then name what it wrote",
        )
    if any(run.status == RECORDED for run in found.runs):
        raise InvalidError(
            f"{place} was judged from shipped files: no run stands behind it",
            hint="`repropack verify`, without --recorded, does the runs",
        )
    if found.assessment.quick:
        raise InvalidError(
            f"{place} is of the quick set: it tells nothing of the paper's experiments",
            hint="`repropack verify`, without --quick, does them",
        )
    raw = load(place / "report.json") or {}
    files = {f"{AUTHOR}/report.json": dump({**chosen(raw, _REPORT), "runs": [
        {**run, "log": "", "tail": run["tail"] if run["status"] != "ok" else []}
        for run in raw["runs"]
    ]})}  # fmt: skip
    for run in found.assessment.runs:
        record = record_of(place, run)
        if record:
            files[f"{AUTHOR}/runs/{run.id}/record.json"] = dump(chosen(record, _RECORD))
    refuse_large(files, place)
    return files


def chosen(raw: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """What is known by these names, in their order."""
    return {name: raw[name] for name in names if name in raw}


def dump(value: Any) -> str:
    """JSON without spaces: histories are long."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n"


def refuse_large(files: Mapping[str, str], place: Path) -> None:
    """A bundle is sent around: what is compared with must stay small."""
    total = sum(map(len, files.values()))
    if total > _MOST_BYTES:
        raise UsageError(
            f"{place} is too large for a bundle: {total / 1e6:.0f} MB of records",
            hint=f"verify with fewer runs, below {_MOST_BYTES / 1e6:.0f} MB",
        )
