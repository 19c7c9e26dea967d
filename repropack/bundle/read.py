"""Reading a bundle: checked against its checksums first, then its manifest as frozen values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repropack.bundle import checksums
from repropack.bundle.contents import DEB_FILES, DEBS, PYTHON
from repropack.bundle.data import Data, from_json
from repropack.bundle.image import CarriedImage
from repropack.bundle.image import from_json as image_from_json
from repropack.bundle.strict import address, count, shaped
from repropack.cuda import CudaPlan
from repropack.cuda.record import from_dict
from repropack.debian.debs import Deb, parse_debs
from repropack.environment import Target, Wheel
from repropack.environment.condamodel import CondaFile
from repropack.errors import IntegrityError, InvalidError
from repropack.judge.expand import expand
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest, parse
from repropack.judge.model import RunSpec
from repropack.plan import BaseNeed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle on disk. `digest` is the SHA-256 of what its SHA256SUMS lists but its image: it
    identifies everything that an image is built from. `sums_sha256` is that of all of SHA256SUMS.

    `commit` is the commit that was packed, or the tree of what no commit holds. `built` has the
    names of the wheels that it carries, because no index has them; `carried` is its image, and
    `base_image` and `cuda_image` are what that is built on, where it brings them. With
    `brings_debs` it brings the file of each of `debs`, too.
    """

    directory: Path
    digest: str
    name: str
    commit: str
    tag: str
    base: BaseNeed
    base_reference: str
    debs: tuple[Deb, ...]
    wheels: tuple[Wheel, ...]
    tools: tuple[Wheel, ...]
    built: frozenset[str]
    manifest: Manifest
    cuda: CudaPlan
    conda: tuple[CondaFile, ...] = ()
    python: str = ""
    datasets: tuple[Data, ...] = ()
    sums_sha256: str = ""
    carried: CarriedImage | None = None
    base_image: CarriedImage | None = None
    cuda_image: CarriedImage | None = None
    brings_debs: bool = False

    @property
    def target(self) -> Target:
        """What the environment's wheels fit: the base, with conda's Python if it has one."""
        return replace(self.base.target, python=self.python or self.base.python)

    @property
    def archive(self) -> Path | None:
        """The archive of the base's Python, where that is not the distribution's."""
        path = self.directory / PYTHON
        return path if path.is_file() else None

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        """Every run, in the order of the config."""
        return tuple(run for each in self.manifest.experiments for run in expand(each))


def is_bundle(directory: Path) -> bool:
    """Whether a directory is a bundle, or was one before a file of it was lost."""
    marks = (checksums.SUMS, "repropack.json", "reproduce.sh")
    return sum((directory / name).is_file() for name in marks) >= 2


def read_bundle(directory: Path) -> Bundle:
    """Check and read a bundle. Raises `IntegrityError` (exit code 7) for anything wrong with it."""
    found = checksums.check(directory)
    path = directory / "repropack.json"
    try:
        raw = json.loads(path.read_bytes())
        bundle = from_manifest(directory, found.digest, raw)
        refuse_debs(bundle, found.listed)
        path = directory / checksums.IMAGE_RECORD
        carried = carried_in(directory, bundle.tag, found.listed)
        return replace(bundle, sums_sha256=found.sums_sha256, carried=carried)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        ManifestError,
        InvalidError,
    ) as error:
        raise IntegrityError(
            f"{path} is not a manifest that this version reads: {error}",
            hint="get the bundle again from where it was published; what another version of "
            "repropack wrote, its own ./reproduce.sh reproduces",
        ) from error


def from_manifest(directory: Path, digest: str, raw: dict[str, Any]) -> Bundle:
    """The manifest's JSON as frozen values; raises `KeyError`, `TypeError` or `ValueError`."""
    base = raw["base"]
    return Bundle(
        directory=directory,
        digest=digest,
        name=shaped("name", raw["name"]),
        commit=str(raw["source"]["commit"] or raw["source"]["tree"]),
        tag=shaped("tag", raw["image"]["tag"]),
        base=BaseNeed(
            python=shaped("Python", base["python"]),
            suite=shaped("Debian release", base["suite"]),
            apt=tuple(shaped("Debian package", package) for package in base["apt"]),
            cuda=None if base["cuda"] is None else shaped("image", base["cuda"]),
            exact=shaped("whole version", base["exact"]) if base.get("exact") else None,
        ),
        base_reference=shaped("image", base["reference"]),
        debs=debs_in(directory, base["packages_sha256"]),
        wheels=tuple(wheel_from_json(wheel) for wheel in raw["wheels"]),
        tools=tuple(wheel_from_json(wheel) for wheel in raw["tools"]),
        built=frozenset(str(item["filename"]) for item in raw.get("built", ())),
        manifest=parse(raw),
        cuda=from_dict(raw["cuda"]),
        conda=tuple(conda_from_json(each) for each in raw.get("conda", {}).get("packages", ())),
        python=conda_python(raw),
        base_image=brought_from_json(base.get("image")),
        cuda_image=brought_from_json(base.get("cuda_image")),
        brings_debs=base.get("debs") is not None,
        datasets=tuple(from_json(each) for each in raw.get("datasets", ())),
    )


def refuse_debs(bundle: Bundle, listed: Mapping[str, str]) -> None:
    """Raises `IntegrityError` where a .deb that the bundle brings is not that of its record."""
    names = ((deb, f"{DEB_FILES}/{deb.filename}") for deb in bundle.debs if bundle.brings_debs)
    for deb, name in names:
        if listed.get(name) != deb.sha256:
            what = "another file than that of" if name in listed else "missing, and stands in"
            raise IntegrityError(
                f"{bundle.directory / name} is {what} {DEBS}",
                hint="get the bundle again from where it was published",
            )


def carried_in(directory: Path, tag: str, listed: Mapping[str, str]) -> CarriedImage | None:
    """The image that a bundle brings: both of its files, as they were checked, or none."""
    if not listed.keys() >= {checksums.IMAGE_RECORD, checksums.IMAGE_ARCHIVE}:
        return None
    found = image_from_json(json.loads((directory / checksums.IMAGE_RECORD).read_bytes()))
    if found.tag != tag:
        raise ValueError(f"it is of {found.tag}, and the bundle's image is {tag}")
    return found


def brought_from_json(raw: Any) -> CarriedImage | None:
    """An image that an image is built on, where the bundle brings it."""
    if isinstance(raw, str):
        raise ValueError("it brings its base without a digest, as earlier versions wrote it")
    return None if raw is None else image_from_json(raw)


def debs_in(directory: Path, digest: str | None) -> tuple[Deb, ...]:
    """The packages of the authors' base; none where no container was used."""
    return () if digest is None else parse_debs((directory / DEBS).read_text("utf-8"))


def conda_from_json(raw: dict[str, Any]) -> CondaFile:
    """A conda package of the manifest."""
    url = raw["url"]
    return CondaFile(
        name=shaped("package", raw["name"]),
        version=shaped("version", raw["version"]),
        build=shaped("build", raw["build"]),
        url="" if url is None else address("address", url),
        filename=shaped("file name", raw["filename"]),
        size_bytes=count("size", raw["size_bytes"]),
        sha256=shaped("sha256", raw["sha256"]),
        md5=shaped("md5", raw["md5"]),
        carried=url is None,
    )


def conda_python(raw: dict[str, Any]) -> str:
    """The Python that conda brings, or ""."""
    return shaped("Python", raw["conda"]["python"]) if "conda" in raw else ""


def wheel_from_json(raw: dict[str, Any]) -> Wheel:
    """A wheel of the manifest."""
    return Wheel(
        name=shaped("package", raw["name"]),
        version=shaped("version", raw["version"]),
        filename=shaped("file name", raw["filename"]),
        size_bytes=count("size", raw["size_bytes"]),
        sha256=shaped("sha256", raw["sha256"]),
    )
