"""What is attested of a verification: which claims passed, and the crate of its runs.

Owns: attestation.json, its signature and ro-crate-metadata.json of a verification's directory. Does
not own: their shapes (`judge.attestation`, `metadata.runcrate`), the reports (`verification`).
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from repropack import signing
from repropack.errors import RunError
from repropack.judge import attestation
from repropack.metadata import rocrate, runcrate
from repropack.settings import Verified
from repropack.verification import load, record_of
from repropack.workspace import write_atomically

_OF_A_RUN = ("record.json", "log.txt", "telemetry.json")


def attest(verified: Verified, key: Path | None) -> None:
    """Write both files of a verification, and sign the attestation where a key is named.

    Raises `RunError` if they cannot be written, `UsageError` if the key does not sign.
    """
    directory = verified.directory
    try:
        sha256 = hashlib.sha256((directory / "report.json").read_bytes()).hexdigest()
        found = attestation.statement(verified.assessment, subjects(verified), sha256)
        write_atomically(directory / attestation.FILE, json.dumps(found, indent=1) + "\n")
        if key is not None:
            signing.sign(directory / attestation.FILE, key)
        write_atomically(directory / rocrate.FILE, crate_text(verified))
    except OSError as error:
        raise RunError(f"cannot write {directory}: {error.strerror or error}") from error


def subjects(verified: Verified) -> list[attestation.Subject]:
    """The bundle by its checksums, and the image that its runs were done in."""
    built = verified.built
    found = [("SHA256SUMS", built.bundle.sums_sha256)]
    if built.engine.name != "venv" and re.fullmatch("sha256:[0-9a-f]{64}", built.image.id):
        found.append((built.image.tag, built.image.id.removeprefix("sha256:")))
    return found


def crate_text(verified: Verified) -> str:
    """The crate of what lies in a verification's directory."""
    directory, runs = verified.directory, verified.assessment.runs
    report = load(directory / "report.json") or {}
    records = {run.id: record for run in runs if (record := record_of(directory, run))}
    inside = [name for name in runcrate.REPORTS if (directory / name).is_file()]
    inside += [
        f"runs/{run_id}/{name}"
        for run_id in records
        for name in _OF_A_RUN
        if (directory / "runs" / run_id / name).is_file()
    ]
    found = runcrate.of_verification(report, records, inside)
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
