"""What is attested of a bundle when it is built, and asked of one that somebody sent.

Owns: provenance.json and the signatures, which stand in a bundle beside what SHA256SUMS lists: they
are about it, and the image is built from it. Does not own: signing (`signing`), the statement's
shape (`metadata.provenance`).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from repropack import datasets, demands, signing
from repropack.bundle import Bundle, checksums, read_bundle
from repropack.choosing import refuse_loosening, select_runs
from repropack.errors import BuildError
from repropack.metadata import provenance
from repropack.progress import Reporter
from repropack.sameness import pinned
from repropack.settings import Built, Question, Settings
from repropack.workspace import write_atomically


def attest(built: Built, settings: Settings) -> Built:
    """Write where a bundle's image comes from, and sign both where a key is named.

    Raises `BuildError` if it cannot be written, `UsageError` if the key does not sign.
    """
    directory = built.bundle.directory
    before = (directory / checksums.SUMS).stat().st_mtime_ns
    try:
        written = [directory / provenance.FILE]
        write_atomically(written[0], statement_text(built, settings.cache))
        if settings.sign is not None:
            files = (directory / checksums.SUMS, written[0])
            written += [signing.sign(path, settings.sign) for path in files]
        listed = [path for path in (directory / provenance.FILES,) if path.exists()]
        for path in (
            *written,
            *listed,
            directory,
        ):  # as everything in a bundle: of the commit's time
            os.utime(path, ns=(before, before))
    except OSError as error:
        raise BuildError(f"cannot write to {directory}: {error.strerror or error}") from error
    return built


def statement_text(built: Built, cache: Path) -> str:
    """The provenance of a bundle's image as JSON."""
    directory = built.bundle.directory
    manifest = json.loads((directory / "repropack.json").read_bytes())
    sums = checksums.parse_sums((directory / checksums.SUMS).read_text("utf-8", "surrogateescape"))
    contained = built.engine.name != "venv"
    found = provenance.statement(
        manifest,
        sums,
        digest=built.bundle.sums_sha256,
        image=(built.image.tag, image_record(built)) if contained else None,
        builder=builder_of(built, cache),
    )
    return json.dumps(found, indent=1) + "\n"


def builder_of(built: Built, cache: Path) -> provenance.Builder:
    """What built the image; of one that lay there already, what is remembered of that."""
    facts = built.facts
    now = provenance.Builder(
        engine=facts.name,
        version=facts.version,
        builder=facts.builder,
        builder_version=facts.builder_version,
    )
    path = cache / "builders" / f"{built.image.id.rpartition(':')[2]}.json"
    if built.made:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(now)) + "\n")
        return now
    try:
        return provenance.Builder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return replace(now, builder="", builder_version="")


def image_record(built: Built) -> provenance.Recorded:
    """The image, and how far it can be made again: as compared, else as its inputs are pinned."""
    found, carried = built.sameness, built.bundle.carried
    image_id = built.image.id
    if carried is not None and image_id not in carried.ids:  # an anonymous one is written anew
        image_id = carried.config.digest
    level = found.level if found and found.level else pinned(built.bundle)
    return provenance.Recorded(
        image_id=image_id,
        level=level.value,
        files_sha256=found.files_sha256 if found else None,
    )


def read_trusted(directory: Path, settings: Settings, reporter: Reporter) -> Bundle:
    """A bundle that somebody sent: its signature first, where one is asked for, then every file.

    Raises `IntegrityError` (exit code 7) for anything wrong with it.
    """
    reporter.step(f"checking {directory}")
    if settings.trust is not None:
        who = signing.check(directory / checksums.SUMS, settings.trust)
        reporter.note(f"signed by {who}")
    return read_bundle(directory)


def read_runnable(
    directory: Path, question: Question, settings: Settings, reporter: Reporter
) -> Bundle:
    """The same, to be run, on a machine that has what its runs need, and their data.

    Raises `UsageError` for what they want and was not allowed, and for data that is missing,
    `IntegrityError` for other data, `RunError` for a GPU that is missing.
    """
    bundle = read_trusted(directory, settings, reporter)
    chosen = select_runs(bundle, question)
    refuse_loosening(chosen, settings, reporter)
    place = question.out or question.home or directory
    demands.check(bundle, chosen, settings, reporter, place.absolute(), question.jobs)
    datasets.provide(bundle, question, cache=settings.cache, reporter=reporter)
    return bundle
