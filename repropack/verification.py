"""A verification as it lies on disk: read into values, and its report written (again).

Owns: `report.json`, the runs' records, samples and images, with limits on what is taken from them;
and the report's files. Does not own: doing runs (`runs`), what a report looks like (`report`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from repropack import recorded, report
from repropack.errors import InvalidError, RunError, UsageError
from repropack.judge import report as texts
from repropack.judge.assessment import RunSummary
from repropack.judge.fields import ManifestError
from repropack.report import Comparison, Page, Picture, Run, Verification
from repropack.report import sidebyside as comparing
from repropack.report.sheets import FOLDER as SHEETS
from repropack.workspace import FOLDER, write_atomically

AUTHOR = "author"
"""The directory of a bundle that holds what its author obtained."""

_LARGEST_BYTES = 64 << 20
_RUN_ID = re.compile(r"[A-Za-z0-9._=,+-]+")
Record = Mapping[str, Any]


def find(directory: Path) -> Path:
    """The verification that a directory is, or the newest of a project or bundle. `UsageError`."""
    if (directory / "report.json").is_file():
        return directory
    found = sorted((directory / FOLDER / "verifications").glob("*/report.json"))
    found += sorted(directory.glob("reproduction/report.json"))
    if not found:
        raise UsageError(
            f"{directory} is not a verification: it has no report.json",
            hint="name the directory that `repropack verify` or `reproduce.sh` wrote its report to",
        )
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent


def read(directory: Path, *, author: Verification | None = None) -> Verification:
    """A verification. Raises `InvalidError` where its report.json is not what it should be."""
    path = directory / "report.json"
    raw = load(path)
    try:
        if raw is None:
            raise ManifestError("", "is not JSON, or cannot be read")
        assessment = report.assessment(raw)
    except ManifestError as error:
        raise InvalidError(
            f"{path} is not a report that this version reads: {error}",
            hint="`repropack verify` writes a new one",
        ) from error
    records = {run.id: record_of(directory, run) for run in assessment.runs}
    runs = tuple(read_run(directory, run, records[run.id]) for run in assessment.runs)
    return Verification(
        assessment=assessment,
        runs=runs,
        layers=recorded.layers(raw, tuple(records.values())),
        pictures=tuple(pictures(directory, records)),
        repetitions=tuple(recorded.repetitions(raw)),
        datasets=assessment.data,
        commit=text(raw.get("commit")) or recorded.fact(records.values(), "commit"),
        bundle=text(inner(raw, "bundle").get("path")),
        image=text(inner(raw, "image").get("tag")),
        engine=engine(raw) or recorded.fact(records.values(), "engine"),
        directory=str(directory),
        author=author,
    )


def author_of(bundle: Path) -> Verification | None:
    """What the author sent along in a bundle. Raises `InvalidError` where it cannot be read."""
    place = bundle / AUTHOR
    return read(place) if (place / "report.json").is_file() else None


def beside(directory: Path) -> Verification | None:
    """What the author sent along in the bundle that a verification is of, if that is still there.

    Its report.json says where the bundle is; reproduce.sh writes into the bundle itself. Raises
    `InvalidError` where it cannot be read.
    """
    told = text(inner(load(directory / "report.json") or {}, "bundle").get("path"))
    for bundle in (
        (Path(told), directory.resolve().parent) if told else (directory.resolve().parent,)
    ):
        if bundle / AUTHOR != directory.resolve() and (bundle / "SHA256SUMS").is_file():
            return author_of(bundle)
    return None


def load(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None where there is none that can be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
            return None
        written = path.read_bytes()
        found = json.loads(written)
        if b"\\ud" in written.lower():  # half of a pair of surrogates is no text
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def inner(raw: Record, name: str) -> Record:
    """An object inside of one; empty where it is something else."""
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def text(value: Any) -> str:
    """Text, or nothing."""
    return value if isinstance(value, str) else ""


def engine(raw: Record) -> str:
    """`docker 27.1`."""
    told = inner(raw, "engine")
    return f"{text(told.get('name'))} {text(told.get('version'))}".strip()


def run_directory(directory: Path, run_id: str) -> Path | None:
    """Where a run's files are; None for an id that is not the name of a directory."""
    if not _RUN_ID.fullmatch(run_id) or run_id.startswith("."):
        return None
    return directory / "runs" / run_id


def record_of(directory: Path, run: RunSummary) -> Record:
    """The record of a run; empty where there is none."""
    place = run_directory(directory, run.id)
    return (load(place / "record.json") if place else None) or {}


def read_run(directory: Path, summary: RunSummary, record: Record) -> Run:
    """A run: what the report says of it, and what its record says besides."""
    place = run_directory(directory, summary.id)
    telemetry = load(place / "telemetry.json") if place else None
    return replace(
        recorded.run(record, telemetry),
        id=summary.id,
        experiment=summary.experiment,
        status=summary.status,
        reason=summary.reason,
        exit_code=summary.exit_code,
        seconds=summary.seconds,
        log=f"runs/{summary.id}/log.txt" if place and summary.log else "",
        tail=summary.tail,
        notes=summary.notes,
    )


def pictures(directory: Path, records: Mapping[str, Record]) -> Iterable[Picture]:
    """The images that runs wrote, each once, as far as there is room."""
    shelf = recorded.Shelf()
    for run_id, record in records.items():
        place = run_directory(directory, run_id)
        if place is None:
            continue
        for path, digest in recorded.images(record):
            file = place / "outputs" / path
            if file.is_file() and is_below(file, place):
                yield from shelf.take(run_id, path, digest, file)


def is_below(file: Path, directory: Path) -> bool:
    """Whether a file is really inside of a directory: no link leads out of it."""
    return file.resolve().is_relative_to(directory.resolve())


def write_report(verification: Verification) -> None:
    """report.txt, report.md and report.html from the values that were read. Raises `RunError`."""
    directory = Path(verification.directory)
    assessment = verification.assessment
    page = report.page(verification)
    files = {
        "report.txt": texts.text(assessment),
        "report.md": texts.markdown(assessment),
        "report.html": page.html,
    }
    try:
        write_sheets(directory / SHEETS, page)
        for name, content in files.items():
            write_atomically(directory / name, content)
    except OSError as error:
        raise RunError(
            f"cannot write {directory}: {error.strerror}", hint="copy it to where you may write"
        ) from error


def write_comparison(found: Comparison, path: Path, *, force: bool) -> None:
    """A comparison as an HTML file. Raises `UsageError` where something is in its place."""
    if path.exists() and not (force and path.is_file()):
        raise UsageError(f"{path} exists already", hint="name another with -o, or add --force")
    try:
        write_atomically(path, comparing.page(found))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def write_sheets(folder: Path, page: Page) -> None:
    """The values that would make the page large, beside it; none of an earlier page remain."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    if page.files:
        folder.mkdir()
    for name, content in page.files.items():
        write_atomically(folder / name, content)
