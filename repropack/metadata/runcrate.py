"""A verification as a Process Run Crate 0.5 (RO-Crate 1.1): which run gave which numbers.

Owns: which entities there are. What it tells is what `report.json` and the runs' records tell; who
ran it is not told, because nobody was asked.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from repropack.metadata.rocrate import Entity, crate, references

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
COMPLETED, FAILED = (
    "http://schema.org/CompletedActionStatus",
    "http://schema.org/FailedActionStatus",
)
DOCKER_IMAGE = "https://w3id.org/ro/terms/workflow-run#DockerImage"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
REPORTS = {
    "report.json": ("every number and verdict", "application/json"),
    "report.md": ("the table of claims", "text/markdown"),
    "report.txt": ("the table of claims", "text/plain"),
    "report.html": ("the report as a page", "text/html"),
    "attestation.json": ("which claims passed, as an in-toto Statement", "application/json"),
}
Record = Mapping[str, Any]


def of_verification(report: Record, records: Mapping[str, Record], files: Iterable[str]) -> Entity:
    """The crate of a verification: its report's values, its runs' records by id, its files."""
    paths = sorted(files)
    parts = [file_entity(path) for path in paths]
    runs = [Run(run_id, record, paths) for run_id, record in sorted(records.items())]
    image = image_entity(report)
    entities: list[Entity] = [*parts, *programs(report, records), *image]
    for run in runs:
        entities += run.entities(image)
    profile = {
        "@id": PROFILE,
        "@type": "CreativeWork",
        "name": "Process Run Crate",
        "version": "0.5",
    }
    licence = {
        "@id": "#licence",
        "@type": "CreativeWork",
        "name": "No licence is stated",
        "description": "Whoever publishes these results states the licence.",
    }
    ends = [end for run in runs if (end := run.end)]
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Verification of {report['name']}",
        "description": f"{ran(report)} of {report['name']}, run again. {report['summary']}.",
        "datePublished": max(ends, default="1980-01-01"),
        "license": {"@id": "#licence"},
        "conformsTo": {"@id": PROFILE},
        "hasPart": references(parts),
        "mentions": [{"@id": run.id} for run in runs],
    }
    return crate(root, [*entities, profile, licence], contexts=[TERMS])


def ran(report: Record) -> str:
    """What was run."""
    return "The quick set" if report.get("evidence") == "quick runs" else "The experiments"


def file_entity(path: str) -> Entity:
    """A file of the verification."""
    about, media = REPORTS.get(path, ("", ""))
    if not about:
        media = "application/json" if path.endswith(".json") else "text/plain"
        about = "what the run left on record" if path.endswith(".json") else "what the run printed"
    return {
        "@id": quote(path), "@type": "File", "name": path, "description": about,
        "encodingFormat": media,
    }  # fmt: skip


def programs(report: Record, records: Mapping[str, Record]) -> list[Entity]:
    """The experiments, each a program of the bundle's source at its commit."""
    names = sorted({str(record.get("experiment")) for record in records.values()})
    commit = str(report.get("commit") or "unknown")
    bundle = (report.get("bundle") or {}).get("digest", "")
    return [
        {
            "@id": f"#experiment-{quoted(name)}",
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": commit,
            "description": f"The experiment {name} of the bundle whose SHA256SUMS has {bundle}.",
        }
        for name in names
    ]


def image_entity(report: Record) -> list[Entity]:
    """The image that the runs were done in; none for the engine without containers."""
    image = report.get("image") or {}
    digest = str(image.get("id", ""))
    if (report.get("engine") or {}).get("name") == "venv" or not digest.startswith("sha256:"):
        return []
    name, _, tag = str(image.get("tag", "")).rpartition(":")
    return [
        {
            "@id": "#image",
            "@type": "ContainerImage",
            "additionalType": {"@id": DOCKER_IMAGE},
            "name": name,
            "tag": tag,
            "sha256": digest.removeprefix("sha256:"),
        }
    ]


def mapping(value: Any) -> Record:
    """An object, or an empty one: a record may hold what its experiment wrote."""
    return value if isinstance(value, dict) else {}


def quoted(value: Any) -> str:
    """Any text as part of an identifier; half of a pair of surrogates is no text."""
    return quote(str(value).encode("utf-8", "replace"))


class Run:
    """One run as a CreateAction with what it gave."""

    def __init__(self, run_id: str, record: Record, paths: list[str]) -> None:
        self.id = f"#run-{quote(run_id)}"
        self._name, self._record = run_id, record
        self._paths = [path for path in paths if path.startswith(f"runs/{run_id}/")]

    @property
    def end(self) -> str:
        """When it ended, in UTC; "" if it is not known."""
        try:
            start = datetime.datetime.fromisoformat(self.start)
            end = start + datetime.timedelta(seconds=float(self._record["seconds"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return ""
        return end.astimezone(datetime.UTC).isoformat(timespec="seconds")

    @property
    def start(self) -> str:
        """When it began, in UTC; "" if it is not known."""
        told = str(self._record.get("start") or "").replace("Z", "+00:00")
        return told if _TIME.fullmatch(told) else ""

    def entities(self, image: list[Entity]) -> list[Entity]:
        """The action, its metrics and the variables that it was given."""
        record = self._record
        metrics = list(self._values("metric", self._metrics()))
        variables = list(self._values("variable", mapping(record.get("env"))))
        good = record.get("status") == "ok"
        action: Entity = {
            "@id": self.id,
            "@type": "CreateAction",
            "name": f"Run {self._name}",
            "description": str(record.get("command", "")),
            "instrument": {"@id": f"#experiment-{quoted(record.get('experiment'))}"},
            "actionStatus": COMPLETED if good else FAILED,
            "result": [*({"@id": quote(path)} for path in self._paths), *references(metrics)],
        }
        told = {"startTime": self.start, "endTime": self.end}
        told["error"] = "" if good else str(record.get("reason") or "failed")
        action |= {key: value for key, value in told.items() if value}
        if variables:
            action["environment"] = references(variables)
        if image:
            action["containerImage"] = {"@id": "#image"}
        return [action, *metrics, *variables]

    def _metrics(self) -> dict[str, Any]:
        found = mapping(self._record.get("metrics")).items()
        texts = {name: mapping(each).get("text") for name, each in found}
        return {name: text for name, text in texts.items() if text}

    def _values(self, kind: str, values: Mapping[str, Any]) -> Iterable[Entity]:
        for name, value in sorted(values.items()):
            identity = f"{self.id}-{kind}-{quoted(name)}"
            yield {"@id": identity, "@type": "PropertyValue", "name": name, "value": str(value)}
