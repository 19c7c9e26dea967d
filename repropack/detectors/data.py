"""Data that the experiments read: directories, and calls that download it."""

from __future__ import annotations

import re
from typing import Final

from repropack.detectors.code import Call, Code
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where

DIRECTORY: Final = "data.directory"
BUNDLED: Final = "data.bundled"
DOWNLOAD: Final = "data.download"
_DIRECTORY = re.compile(r"(?:^|/)(?:data|datasets?)$", re.I)
_BUNDLED = re.compile(r"(?:sklearn\.datasets|datasets)\.load_\w+|sklearn\.datasets\.make_\w+")
_DOWNLOADS = (
    (re.compile(r"(?:sklearn\.)?datasets\.fetch_\w+"), "scikit-learn"),
    (re.compile(r"(?:torchvision|torchaudio|torchtext)\.datasets\.[A-Z]\w+"), "torch"),
    (re.compile(r"datasets\.load_dataset"), "Hugging Face"),
    (re.compile(r"tensorflow_datasets\.load|tfds\.load"), "TensorFlow Datasets"),
    (re.compile(r"(?:tensorflow\.)?(?:tf\.)?keras\.datasets\.\w+\.load_data"), "Keras"),
    (re.compile(r"(?:\w+\.)*from_pretrained"), "Hugging Face"),
    (re.compile(r"urllib\.request\.(?:urlopen|urlretrieve)|requests\.get|wget\.download"), "URL"),
)


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return data directories with their sizes, and calls that load or download data."""
    found = _directories(reading)
    for code in reading.code:
        found += _loaders(code)
    return tuple(found)


def _directories(reading: Reading) -> list[Finding]:
    totals: dict[str, list[int]] = {}
    known: dict[str, str] = {}
    for path, size_bytes in reading.sizes.items():
        parent = path.rpartition("/")[0]
        directory = known.get(parent)
        if directory is None:
            directory = known[parent] = _data_directory(parent)
        if directory and not path.endswith(".py"):
            totals.setdefault(directory, []).append(size_bytes)
    return [
        Finding(
            kind=DIRECTORY,
            value=directory,
            because=f"{len(sizes)} files, {sum(sizes)} bytes",
            where=Where(path=directory),
        )
        for directory, sizes in sorted(totals.items())
    ]


def _data_directory(directory: str) -> str:
    """The directory of data that one lies in, at most two below the root; "" for none."""
    parts = directory.split("/")
    above = ("/".join(parts[:depth]) for depth in range(1, min(len(parts), 2) + 1))
    return next((path for path in above if _DIRECTORY.search(path)), "")


def _loaders(code: Code) -> list[Finding]:
    seen: dict[str, Finding] = {}
    for call in code.calls:
        finding = _loader(call, code)
        if finding is not None:
            seen.setdefault(finding.value, finding)
    return list(seen.values())


def _loader(call: Call, code: Code) -> Finding | None:
    where = Where(path=code.path, line=call.line)
    for pattern, origin in _DOWNLOADS:
        if pattern.fullmatch(call.name):
            return Finding(
                kind=DOWNLOAD,
                value=call.name,
                because=f"may download ({origin}); runs have no network unless network: true",
                where=where,
                severity=Severity.WARNING,
            )
    if _BUNDLED.fullmatch(call.name) and "sklearn" in code.imports:
        return Finding(
            kind=BUNDLED, value=call.name, because="data that ships with scikit-learn", where=where
        )
    return None
