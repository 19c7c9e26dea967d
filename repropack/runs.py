"""A verification: the runs, their records, the claims judged on them, and the report's files.

Does not own: doing the runs (`running`), which runs there are (`choosing`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from repropack import datasets
from repropack.choosing import select_runs
from repropack.determinism import repeat
from repropack.engines.in_use import in_use
from repropack.errors import InvalidError, RunError
from repropack.judge import report
from repropack.judge.rule import judge_all
from repropack.progress import Reporter
from repropack.report import Verification
from repropack.results import attest
from repropack.running import Bench, run_all
from repropack.settings import Built, Question, Repeat, Verified
from repropack.surroundings import surroundings
from repropack.verification import author_of, read, write_report
from repropack.workspace import write_atomically


def run_and_judge(
    built: Built, question: Question, directory: Path, *, cache: Path, reporter: Reporter
) -> Verified:
    """Do the runs, judge the claims, and write the report in three formats to `directory`."""
    with in_use(built.engine, built.image):
        return judged(built, question, directory, cache=cache, reporter=reporter)


def judged(
    built: Built,
    question: Question,
    directory: Path,
    *,
    cache: Path,
    reporter: Reporter,
) -> Verified:
    """The same, of an image that stays."""
    chosen = select_runs(built.bundle, question)
    mounts = datasets.provide(built.bundle, question, cache=cache, reporter=reporter)
    bench = Bench(
        built=built,
        directory=directory / "runs",
        reporter=reporter,
        jobs=question.jobs,
        runs=question.runs,
        resume=question.resume,
        on_cpu=frozenset(chosen.on_cpu),
        mounts=mounts,
    )
    done = run_all(chosen.runs, chosen.experiments, bench)
    repeats: tuple[Repeat, ...] = ()
    if question.determinism:
        repeats = repeat(chosen.runs, chosen.experiments, done, bench)
    manifest = built.bundle.manifest
    author, said = authors_own(built)
    assessment = judge_all(
        chosen.experiments,
        chosen.claims,
        done.records,
        question.tolerance,
        source_kind=manifest.source_kind,
        name=built.bundle.name,
        run_ids={run.id for run in chosen.runs},
        logs=str(bench.directory),
        notes=(*chosen.notes, *done.notes, *(each.text for each in repeats), *said),
    )
    assessment = replace(assessment, grid_factor=question.grid_factor, data=manifest.datasets)
    if author is not None:
        assessment = replace(assessment, author=report.author_lines(author.assessment))
    verified = Verified(
        built=built,
        assessment=assessment,
        directory=directory,
        archive=question.archive,
        repeats=repeats,
    )
    write_reports(verified)
    attest(verified, question.sign)
    return verified


def write_reports(verified: Verified) -> None:
    """report.json with what was verified in which image; the other formats are made from it."""
    path = verified.directory / "report.json"
    try:
        write_atomically(path, json.dumps(as_dict(verified), indent=1) + "\n")
    except OSError as error:
        raise RunError(f"cannot write {verified.directory}: {error.strerror}") from error
    write_report(read(verified.directory, author=authors_own(verified.built)[0]))


def authors_own(built: Built) -> tuple[Verification | None, tuple[str, ...]]:
    """The verification that the author sent along, and what is to be said of it."""
    try:
        return author_of(built.bundle.directory), ()
    except InvalidError as error:  # it decides nothing, so it stops nothing
        return None, (f"the author's verification in the bundle cannot be read: {error}",)


def as_dict(verified: Verified) -> dict[str, Any]:
    """A verification as plain JSON values."""
    built = verified.built
    return {
        **report.as_dict(verified.assessment),
        "commit": built.bundle.commit,
        "bundle": {
            "path": str(verified.archive or built.bundle.directory),
            "digest": built.bundle.digest,
        },
        "image": {
            "tag": built.image.tag,
            "id": built.image.id,
            **({"authors": built.sameness.to_json()} if built.sameness else {}),
        },
        "engine": {"name": built.facts.name, "version": built.facts.version},
        "base": {"differences": list(built.strange)},
        "determinism": [each.to_json() for each in verified.repeats],
        "environment": surroundings(built),
        "directory": str(verified.directory),
    }
