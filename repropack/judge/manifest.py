"""The judge's view of `repropack.json`: experiments, claims, and where the source came from.

Owns: reading the file, and finding it beside the zipapp. Does not own: any other key of it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from typing import Any, List, Optional, Sequence, Tuple

from repropack.judge import check, seen
from repropack.judge.fields import Fields, ManifestError
from repropack.judge.model import Claim, Experiment

FILE_NAME = "repropack.json"
SCHEMA = "repropack.bundle"
_MAJOR = "1"


@dataclass(frozen=True)
class Manifest:
    """What the judge reads of a bundle's manifest.

    The quick set is what the author declares to take minutes: experiments that stand in the place
    of those with the same names, and the claims that their runs support.
    """

    name: str
    experiments: Tuple[Experiment, ...]
    claims: Tuple[Claim, ...]
    source_kind: str = "commit"
    commit: str = ""
    quick_experiments: Tuple[Experiment, ...] = ()
    quick_claims: Tuple[Claim, ...] = ()
    datasets: Tuple[seen.Dataset, ...] = ()

    @property
    def quick(self) -> Manifest:
        """The bundle as its quick set has it."""
        return replace(self, experiments=self.quick_experiments, claims=self.quick_claims)


def default_path(module_file: str) -> str:
    """`repropack.json` beside the zipapp that holds this module; in a checkout: here."""
    path = os.path.abspath(module_file)
    while not os.path.isfile(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    beside = os.path.dirname(path) if path.endswith(".pyz") else os.curdir
    return os.path.join(beside, FILE_NAME)


def load(path: str) -> Manifest:
    """Read and check the manifest. ManifestError with all that can be told about the problem."""
    return parse(_read_json(path))


def parse(data: Any) -> Manifest:
    """The manifest of a JSON object; ManifestError if it is none or does not fit together."""
    f = Fields(data, "")
    schema = f.text("schema")
    if schema.split("/")[0] != SCHEMA or schema.split("/")[-1].split(".")[0] != _MAJOR:
        raise ManifestError("schema", "%r is not %s/%s" % (schema, SCHEMA, _MAJOR))
    source = Fields(f.get("source", {}), "source")
    quick = Fields(f.get("quick", {}), "quick")
    shorter = (Experiment.from_json(v, at) for at, v in quick.items("experiments"))
    manifest = Manifest(
        name=f.text("name", ""),
        experiments=tuple(Experiment.from_json(v, at) for at, v in f.items("experiments")),
        claims=tuple(Claim.from_json(v, at) for at, v in f.items("claims")),
        source_kind=source.choice("kind", ("commit", "dirty", "snapshot"), "commit"),
        commit=source.text("commit", ""),
        quick_experiments=tuple(replace(each, is_quick=True) for each in shorter),
        quick_claims=tuple(Claim.from_json(v, at) for at, v in quick.items("claims")),
        datasets=seen.datasets(f.get("datasets", [])),
    )
    check.require(manifest.experiments, manifest.claims)
    check.require(manifest.quick_experiments, manifest.quick_claims)
    return manifest


def select(manifest: Manifest, ids: Optional[Sequence[str]]) -> Tuple[Claim, ...]:
    """The claims with these ids, in the manifest's order (none given: all). ManifestError."""
    if not ids:
        return manifest.claims
    known = {claim.id for claim in manifest.claims}
    unknown = [claim_id for claim_id in ids if claim_id not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise ManifestError("", "there is no claim %s; there are: %s" % (", ".join(unknown), names))
    return tuple(claim for claim in manifest.claims if claim.id in ids)


def parse_records(text: str) -> List[Any]:
    """The records of JSON lines, or of `record.json` files one after the other (`cat`).

    ManifestError with the line where something else stands.
    """
    decoder, records, position = json.JSONDecoder(), [], 0
    text = text.rstrip()
    while position < len(text):
        position += len(text[position:]) - len(text[position:].lstrip())
        try:
            record, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            line = text.count("\n", 0, position) + 1
            raise ManifestError("records", "line %d is not JSON" % line) from None
        records.append(record)
    return records


def parse_whole_records(text: str) -> List[Any]:
    """The records that can be read among `record.json` files one after the other.

    Where the machine stopped while one was written, a part of it may be there, or nothing.
    """
    found: List[Any] = []
    for part in re.split(r"^(?=\{)", text, flags=re.MULTILINE):
        try:
            found += parse_records(part)
        except ManifestError:
            continue
    return found


def _read_json(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        what = "cannot be read: %s" % (error.strerror or error)
    except json.JSONDecodeError as error:
        what = "is not JSON: line %d: %s" % (error.lineno, error.msg)
    except (ValueError, RecursionError):
        what = "is not JSON"
    raise ManifestError(path, what)
