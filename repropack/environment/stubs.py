"""Packages that no index has, as the resolver sees them: wheels with metadata and nothing else.

Owns: what a manifest's direct requirements mean, with what they need in turn, and these wheels.
Does not own: resolving (`resolving`), reading metadata (`metadata`), commits (`gitcommits`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from repropack.environment.direct import Direct, provisional_name
from repropack.environment.gitcommits import checked_out, commit_of
from repropack.environment.manifest import Manifest
from repropack.environment.metadata import Metadata, Tree, read_metadata
from repropack.environment.model import Kind, Origin, Requirement, normalise
from repropack.environment.origins import unbuilt
from repropack.environment.requirements import Line
from repropack.environment.store import workspace
from repropack.errors import InvalidError
from repropack.findings import Finding, Where

MOST = 100
#: Marks the versions of these wheels, so that no index has the same.
LABEL = "+source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """A package that is built, for the resolver. `requires` are standard requirements."""

    name: str
    version: str
    origin: Origin
    where: Where
    requires: tuple[str, ...] = ()
    extras: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hashes: tuple[str, ...] = ()

    @property
    def shown_version(self) -> str:
        """The version that the resolver sees."""
        from packaging.version import InvalidVersion, Version

        try:
            return Version(self.version or "0").public + LABEL
        except InvalidVersion:
            return "0" + LABEL

    @property
    def metadata(self) -> str:
        """The METADATA of its wheel."""
        lines = [f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.shown_version}"]
        lines += [f"Requires-Dist: {need}" for need in self.requires]
        for extra, needs in self.extras:
            lines.append(f"Provides-Extra: {extra}")
            lines += [f"Requires-Dist: {of_extra(need, extra)}" for need in needs]
        return "\n".join(lines) + "\n"

    @property
    def requirement(self) -> Requirement:
        """The package in a lock."""
        return unbuilt(self.name, self.version, self.origin, self.where, hashes=self.hashes)


def of_extra(need: str, extra: str) -> str:
    """A requirement that counts with an extra only."""
    text, _, marker = need.partition(";")
    condition = f'extra == "{extra}"'
    both = f"({marker.strip()}) and {condition}" if marker.strip() else condition
    return f"{text.strip()} ; {both}"


def write_stubs(stubs: Iterable[Stub], directory: Path) -> None:
    """Their wheels, for `--find-links`."""
    directory.mkdir()
    for stub in stubs:
        escaped = stub.name.replace("-", "_")
        info = f"{escaped}-{stub.shown_version}.dist-info"
        files = {
            f"{info}/METADATA": stub.metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        wheel = directory / f"{escaped}-{stub.shown_version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(zipfile.ZipInfo(path), text)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """Follows direct requirements; lives for one manifest."""

    source: Tree
    as_of: datetime | None
    cache: Path
    stubs: dict[str, Stub] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def line(self, line: Line, parent: Origin | None) -> str:
        """The requirement that a line is for the resolver."""
        direct = line.direct
        if direct is None or direct.origin is None:
            return line.text
        origin = self.origin(direct.origin, parent, line.where)
        stub = self.stub(direct, origin, line.where)
        marker = f" ; {direct.marker}" if direct.marker else ""
        return f"{stub.name}{direct.extras}=={stub.shown_version}{marker}"

    def origin(self, origin: Origin, parent: Origin | None, where: Where) -> Origin:
        """Where it is: a path of a repository is of that repository, a branch is a commit."""
        if parent is not None and parent.kind is Kind.GIT and not origin.url:
            if origin.kind is Kind.FILE:
                raise InvalidError(f"{where}: {origin} is a file of another repository")
            path = "" if origin.path == "." else origin.path
            return replace(parent, path=path)
        if origin.kind is Kind.GIT and not origin.commit:
            settled, finding = commit_of(origin, where, self.as_of, self.cache, _silent)
            self.findings.append(finding)
            return settled
        return origin

    def stub(self, direct: Direct, origin: Origin, where: Where) -> Stub:
        """The package with what it needs; each once."""
        said = self.metadata(origin, where)
        name = normalise(direct.name or said.name or provisional_name(origin))
        known = self.stubs.get(name)
        if known is not None:
            return known
        if len(self.stubs) >= MOST:
            raise InvalidError(f"{where}: more than {MOST} packages come from no index")
        stub = Stub(name=name, version=said.version, origin=origin, where=where, extras=said.extras)
        self.stubs[name] = stub  # before what it needs, which may need it
        requires = tuple(self.line(line, origin) for line in said.lines)
        self.stubs[name] = replace(stub, requires=requires)
        self.findings += said.findings
        return self.stubs[name]

    def metadata(self, origin: Origin, where: Where) -> Metadata:
        """What the package says of itself."""
        label = f"{where}: {origin}"
        if origin.kind is Kind.DIRECTORY:
            return read_metadata(self.source, origin.path, label)
        if origin.kind is not Kind.GIT:
            return Metadata(name="", version="", lines=(), extras=())
        with workspace(self.cache) as directory:
            tree, version = checked_out(origin, where, self.cache, directory, _silent)
            said = read_metadata(tree, origin.path, label)
        return said if said.version else replace(said, version=version)


def _silent(line: str) -> None:
    """Planning says nothing while it reads."""


def stubbed(
    manifest: Manifest, source: Tree, *, as_of: datetime | None, cache: Path
) -> tuple[Manifest, tuple[Stub, ...]]:
    """The manifest as the resolver can read it, and the packages that it is told of.

    Raises `InvalidError` with the place, `TemporaryError` for the network.
    """
    reading = _Reading(source=source, as_of=as_of, cache=cache)
    lines = tuple(
        replace(line, text=reading.line(line, None), direct=None) for line in manifest.lines
    )
    findings = (*manifest.findings, *reading.findings)
    stubs = tuple(reading.stubs[name] for name in sorted(reading.stubs))
    return replace(manifest, lines=lines, findings=findings), stubs


def unstubbed(
    requirements: Iterable[Requirement], stubs: tuple[Stub, ...]
) -> Iterator[Requirement]:
    """The answer's requirements with the packages themselves in place of their stubs."""
    by_name = {stub.name: stub for stub in stubs}
    for item in requirements:
        stub = by_name.get(item.name)
        yield item if stub is None else stub.requirement
