"""Claims judged on the result files that a source ships: nothing is built, nothing is run.

Owns: getting at these files as they were committed, and how old they are beside the code.
Does not own: which file is of which run (`judge.shipped`), the report (`verification`).
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repropack import workspace
from repropack.attesting import read_trusted
from repropack.bundle import is_bundle
from repropack.errors import ConfigError, RunError, UsageError
from repropack.judge import report, selection
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest
from repropack.judge.rule import judge_all
from repropack.judge.shipped import countable, paths, records
from repropack.progress import Reporter
from repropack.project import Looked, look, require_claims
from repropack.report import Verification
from repropack.settings import Question, Settings
from repropack.source import Age, ages
from repropack.verification import read, write_report

FOLDER = "recorded"
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What is judged: a manifest, the source's files, and (None: nobody knows) their ages."""

    manifest: Manifest
    files: Path
    looked: Looked | None = None


def judge_shipped(
    directory: Path, question: Question, *, settings: Settings, reporter: Reporter
) -> Verification:
    """Judge the claims of a project or bundle on the files that it ships; write the report.

    Raises `ConfigError`, `SourceError` (exit code 3), `IntegrityError` (7), `UsageError` (2).
    """
    refuse_running(question)
    with opened(directory, question, settings=settings, reporter=reporter) as shelf:
        home = question.home or directory
        out = workspace.place(home, question.out, force=settings.force, kind=FOLDER)
        reporter.step("reading shipped results")
        return judged(shelf, question, out)


def refuse_running(question: Question) -> None:
    """Options that are about runs mean nothing here."""
    asked = {
        "--runs": question.runs is not None,
        "--quick": question.quick,
        "--cpu": question.cpu,
        "--jobs": question.jobs != 1,
        "--determinism": question.determinism,
        "--resume": question.resume,
        "--sign": question.sign is not None,
    }
    given = [name for name, is_given in asked.items() if is_given]
    if given:
        raise UsageError(
            f"--recorded runs nothing, so {' and '.join(given)} cannot be meant",
            hint="leave out the one or the other",
        )


@contextlib.contextmanager
def opened(
    directory: Path, question: Question, *, settings: Settings, reporter: Reporter
) -> Iterator[Shelf]:
    """The source's own files, none that merely lie there: a bundle's, or a commit's written out."""
    if is_bundle(directory):
        bundle = read_trusted(directory, settings, reporter)
        if not bundle.manifest.claims:
            raise ConfigError(f"{bundle.name} claims nothing: there is nothing to judge")
        yield Shelf(manifest=bundle.manifest, files=directory / "source")
        return
    reporter.step(f"reading {directory}")
    looked = look(directory, allow_dirty=settings.allow_dirty)
    require_claims(looked, question.claims, question.only)
    with tempfile.TemporaryDirectory(prefix="repropack-source.") as scratch:
        files = Path(scratch) / "source"
        looked.source.export(files, mtime_s=looked.source.commit_time_s or 0)
        for name in looked.source.untracked:  # --allow-dirty packs them; they prove nothing
            (files / name).unlink(missing_ok=True)
        yield Shelf(manifest=manifest_of(looked), files=files, looked=looked)


def manifest_of(looked: Looked) -> Manifest:
    """What a bundle of the project would say of its experiments and claims."""
    return Manifest(
        name=looked.config.name or looked.inspection.name,
        experiments=looked.config.experiments,
        claims=looked.config.claims,
        source_kind=looked.source.kind.value,
        commit=looked.source.commit or looked.source.tree,
    )


def judged(shelf: Shelf, question: Question, out: Path) -> Verification:
    """The verdicts, and the report in `out`."""
    manifest = replace(shelf.manifest, experiments=countable(shelf.manifest.experiments))
    try:
        chosen = selection.select(manifest, question.claims, question.only)
    except ManifestError as error:
        raise UsageError(str(error)) from error
    found = records(chosen.experiments, chosen.runs, str(shelf.files), manifest.commit)
    assessment = judge_all(
        chosen.experiments,
        chosen.claims,
        found,
        question.tolerance,
        source_kind=manifest.source_kind,
        name=manifest.name,
        run_ids={run.id for run in chosen.runs},
        notes=(
            *chosen.notes,
            *age_notes(shelf, paths(chosen.experiments, chosen.runs, str(shelf.files))),
        ),
    )
    saved = report.as_dict(assessment) | {
        "commit": manifest.commit,
        "environment": {"project": {"name": manifest.name, "commit": manifest.commit}},
        "directory": str(out),
    }
    write(out, saved, found)
    verification = read(out)
    write_report(verification)
    return verification


def age_notes(shelf: Shelf, names: list[str]) -> Iterator[str]:
    """What is to be said of how old the files are: code that is newer may give other numbers."""
    if not names:
        return
    if shelf.looked is None:
        yield "a bundle has no history: whether its code is newer than its results is not known"
        return
    if shelf.looked.source.shallow:
        yield "a shallow clone: whether the code is newer than the results is not known"
    groups: dict[tuple[str, ...], list[Age]] = {}
    for age in ages(shelf.looked.source, names):
        if age.newer_code:
            groups.setdefault(age.newer_code, []).append(age)
    for code, group in groups.items():
        commits = ", ".join(dict.fromkeys(age.commit[:12] for age in group))
        yield (
            f"older than the code: {listed([age.path for age in group])} (of commit {commits}); "
            f"changed since: {listed(list(code))}"
        )


def listed(names: list[str]) -> str:
    """A few names, and how many more there are."""
    left = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def write(out: Path, saved: dict[str, Any], found: list[dict[str, Any]]) -> None:
    """report.json, and what was read in the place of each run."""
    try:
        for record in found:
            place = out / "runs" / str(record["id"])
            place.mkdir(parents=True)
            workspace.write_atomically(place / "record.json", json.dumps(record, indent=1) + "\n")
        workspace.write_atomically(out / "report.json", json.dumps(saved, indent=1) + "\n")
    except OSError as error:
        raise RunError(f"cannot write {out}: {error.strerror}") from error
