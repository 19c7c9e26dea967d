"""The `datasets:` of a new repropack.yaml: what the code reads and git does not have.

Owns: which paths become entries (those that are on this machine), and which only a comment.
Does not own: finding them (`detectors`), the rest of the file (`proposal`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from repropack.config import suggest_name
from repropack.config.rendering import scalar
from repropack.detectors.data import DOWNLOAD
from repropack.detectors.opened import DVC, OPENED
from repropack.findings import Finding

MAX_ENTRIES: Final = 12
_DATA = re.compile(r"data|datasets?", re.I)
_LOOKED_INTO = 2000
_HEAD: Final = "# checked before each run, never part of the image"
_NO_LOADERS = frozenset({"urllib.request.urlopen", "requests.get"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What of a project lies on this machine: its directory, or nothing (`None`)."""

    directory: Path | None = None

    def has(self, path: str) -> bool:
        """Whether something is there."""
        return self.directory is not None and (self.directory / path).exists()

    def outside_git(self, tracked: frozenset[str]) -> tuple[str, ...]:
        """Directories of data, at most two below the root, of which git has nothing."""
        if self.directory is None:
            return ()
        above = {str(parent) for path in tracked for parent in PurePosixPath(path).parents}
        found = []
        for path in _directories(self.directory):
            name = path.relative_to(self.directory).as_posix()
            if _DATA.fullmatch(path.name) and name not in above and any(path.iterdir()):
                found.append(name)
        return tuple(found)


def _directories(root: Path) -> Iterator[Path]:
    """Directories near the root, hidden ones and environments aside."""
    for path in _children(root):
        yield path
        if not _DATA.fullmatch(path.name) and not (path / "pyvenv.cfg").exists():
            yield from _children(path)


def _children(path: Path) -> list[Path]:
    try:
        names = sorted(path.iterdir())[:_LOOKED_INTO]
        return [each for each in names if each.name[:1] != "." and each.is_dir()]
    except OSError:
        return []


def propose_datasets(findings: tuple[Finding, ...], tracked: frozenset[str], local: Local) -> str:
    """The lines, or "" where there is nothing to say."""
    reasons = dict(_paths(findings, tracked, local))
    filled = [path for path in reasons if local.has(path)]
    missing = [path for path in reasons if path not in filled]
    lines = [_entry(name, path, reasons[path]) for name, path in _named(filled)]
    for name, path in _named(missing, taken=len(filled)):
        url = ', url: "https://…", sha256: "…"'
        lines.append(f"#  {name}: {{path: {scalar(path)}{url}}}{_comment(reasons[path])}")
    lines += _loaders(findings)
    if not lines:
        return ""
    key = "datasets:" if filled else "#datasets:"
    return f"{key:<32} {_HEAD}\n" + "\n".join(lines) + "\n"


def _paths(
    findings: tuple[Finding, ...], tracked: frozenset[str], local: Local
) -> Iterator[tuple[str, str]]:
    """Paths and why they are data; none inside another."""
    outside = local.outside_git(tracked)
    kept: list[str] = []
    dvc = [(f.value, f"{f.where} is DVC's") for f in findings if f.kind == DVC]
    whole = [(path, "git has nothing of it") for path in outside]
    opened = [(f.value, f"{f.where} reads it") for f in findings if f.kind == OPENED]
    for path, why in (*dvc, *whole, *opened):
        inside = any(f"{path}/".startswith(f"{above}/") for above in kept)
        if inside or not _declarable(path) or len(kept) == MAX_ENTRIES:
            continue
        kept.append(path)
        yield path, why


def _declarable(path: str) -> bool:
    odd = path.startswith(("/", "-", "~")) or "\\" in path or not path.isprintable()
    return not odd and len(path) < 200 and path not in ("", ".")


def _named(paths: list[str], taken: int = 0) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    for number, path in enumerate(paths, taken + 1):
        stem = PurePosixPath(path).name.partition(".")[0]
        name = suggest_name(stem, default="data").replace(".", "-").strip("-")
        if name in names or (taken and name == "data"):
            name = f"{name}-{number}"
        names.add(name)
        yield name, path


def _entry(name: str, path: str, why: str) -> str:
    return f"  {name}: {{path: {scalar(path)}}}{_comment(f'{why}; a url: lets others get it')}"


def _loaders(findings: tuple[Finding, ...]) -> list[str]:
    """Calls that download: what they fetch has to be declared, because runs have no network."""
    calls = [f for f in findings if f.kind == DOWNLOAD and f.value not in _NO_LOADERS]
    lines = []
    for finding in calls[:MAX_ENTRIES]:
        if finding.value.endswith("from_pretrained"):
            continue
        where = f"{finding.value} ({finding.where})"
        lines.append(f"# {where} downloads data, and runs have no network: declare what it fetched")
    return lines


def _comment(text: str) -> str:
    return "    # " + "".join(c if c.isprintable() else "?" for c in text)
