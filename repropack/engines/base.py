"""The base underneath an image: Debian with its own Python, pulled or bootstrapped.

Owns: which base serves a plan, its tag, and getting it: the local one, a pulled one pinned by its
digest, or one made of the distribution's packages by `templates/base.sh`.
Does not own: which Python and suite a project needs (`plan`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from repropack import assets
from repropack.debian.debs import DEBS_FILE, STATUS_FILE, Deb, debs_text, parse_debs, parse_status
from repropack.engines.bootstrap import bootstrap
from repropack.engines.debs import keep_debs
from repropack.engines.managed import ManagedPython, managed_python
from repropack.engines.model import BuildRecipe, Engine, Image, Progress
from repropack.errors import BuildError, NoEngineError, PlanError, TemporaryError
from repropack.marks import scratch
from repropack.tables import SUITES
from repropack.workspace import cache_directory, write_atomically

RECIPE_LABEL = "repropack.base"
RECIPE_VERSION = "2"
"""Goes up when base.sh or Dockerfile.base make something else; Dockerfile.base says it too."""
ARCHIVE_LABEL = "repropack.base.python.sha256"
"""The hash of the archive that the base's Python comes from, where it is not Debian's."""
PACKAGES_LABEL = "repropack.base.packages"
ROOTFS = "rootfs.tar"

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.:=~_-]*")


@runtime_checkable
class BaseEngine(Protocol):
    """What this module needs of an engine."""

    def image(self, tag: str) -> Image | None:
        """Return the image of that name, or `None`."""

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an image more tags."""

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Build an image with the network off."""

    def pull(self, reference: str, progress: Progress) -> Image:
        """Pull an image and pin it by digest; `TemporaryError` if no registry answers."""

    def pinned(self, tag: str) -> Image | None:
        """Return a local image under the digest it was pulled by, or `None`."""

    def read(self, image: Image, path: str) -> bytes | None:
        """Return one file of an image, or `None`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSpec:
    """Which base: Debian suite, Python minor version (`3.11`), names of Debian packages.

    `managed` is the archive of the Python, where it has to be this one. `exact` is its whole
    version, where no other patch version will do.
    """

    suite: str
    python: str
    apt: tuple[str, ...] = ()
    managed: ManagedPython | None = None
    exact: str = ""

    @property
    def is_debians(self) -> bool:
        """Whether the Debian release has this Python itself."""
        return SUITES.get(self.python) == self.suite and not self.exact

    @property
    def version(self) -> str:
        """The Python as exactly as it is asked for."""
        return self.exact or self.python


def base_tag(spec: BaseSpec) -> str:
    """Return the tag of the base for `spec`: equal needs share one image."""
    packages = sorted(set(spec.apt))
    digest = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:8]
    python = f"-{spec.managed.short}" if spec.managed else ""
    named = f"repropack/base:{spec.suite}-py{spec.version}{python}"
    return named + (f"-{digest}" if packages else "")


def registry_reference(spec: BaseSpec) -> str:
    """Return the official image that serves as a base when no Debian packages are asked for."""
    return f"python:{spec.version}-slim-{spec.suite}"


def provide_base(
    engine: Engine,
    spec: BaseSpec,
    *,
    allow_pull: bool,
    progress: Progress,
    allow_bootstrap: bool = True,
    log: Path | None = None,
    cache: Path | None = None,
    keep: bool = False,
) -> Image:
    """Return the base for `spec`: the local one, else a pulled one, else a bootstrapped one.

    With a `cache`, a Python that the Debian release has not is had from uv and put into it; with
    `keep` also the packages of which a base is made.

    The image's `tag` is what `FROM` takes: `repropack/base:…`, or `python@sha256:…` when pulled.
    `log` gets the complete output of a bootstrap. Raises `PlanError` for a package that cannot
    be, `TemporaryError` (75) when neither a registry nor a mirror answers, `BuildError`.
    """
    if not isinstance(engine, BaseEngine):
        raise NoEngineError(f"the {engine.name} engine has no use for a base")
    for package in spec.apt:
        if not _PACKAGE.fullmatch(package):
            raise PlanError(f"not the name of a Debian package: {package!r}")
    found = _local(engine, spec)
    if found is not None:
        return found
    pull_error = None
    if allow_pull and not spec.apt and spec.managed is None:
        try:
            return _pull(engine, spec, progress)
        except TemporaryError as error:
            held = engine.pinned(registry_reference(spec))
            if held is not None:  # as it was pulled some other day
                engine.tag(held, (base_tag(spec),))
                return held
            pull_error = error
            progress(f"{error.what}; making the base from Debian's packages instead")
    if not allow_bootstrap:
        raise pull_error or TemporaryError(f"the base {base_tag(spec)} is not there")
    if not spec.is_debians and spec.managed is None and cache is not None:
        spec = replace(spec, managed=managed_python(spec.version, cache=cache, progress=progress))
    made = _local(engine, spec)
    if made is None:
        kept = cache if keep else None
        made = _bootstrap(engine, spec, progress, log or _own_log(spec), kept)
    if spec.managed is not None:  # found at once the next time
        engine.tag(made, (base_tag(replace(spec, managed=None)),))
    return made


def _local(engine: BaseEngine, spec: BaseSpec) -> Image | None:
    tag = base_tag(spec)
    image = engine.image(tag)
    if image is None:
        return None
    labels = dict(image.labels)
    if labels.get(RECIPE_LABEL) == RECIPE_VERSION:
        return exactly(image, spec, labels.get(ARCHIVE_LABEL))
    return engine.pinned(tag)


def exactly(image: Image, spec: BaseSpec, archive_sha256: str | None) -> Image:
    """A base under the tag that also says which archive its Python is from."""
    if archive_sha256 is None:
        return image
    managed = ManagedPython(archive=Path(), sha256=archive_sha256)
    return replace(image, tag=base_tag(replace(spec, managed=managed)))


def _pull(engine: BaseEngine, spec: BaseSpec, progress: Progress) -> Image:
    image = engine.pull(registry_reference(spec), progress)
    engine.tag(image, (base_tag(spec),))
    return image


def _bootstrap(
    engine: BaseEngine, spec: BaseSpec, progress: Progress, log: Path, cache: Path | None
) -> Image:
    """Make the base; with a `cache`, keep the packages that it is made of."""
    with scratch(Path(tempfile.gettempdir()), "repropack-base-") as directory:
        context, debs = directory / "context", directory / "debs"
        context.mkdir()
        debs.mkdir()
        python, keep = spec.managed.archive if spec.managed else None, debs if cache else None
        bootstrap(
            *(spec.suite, spec.apt, context / ROOTFS),
            python=python,
            keep=keep,
            log=log,
            progress=progress,
        )
        packages = packages_of(context / ROOTFS)
        _check_python(packages, spec, log)
        if cache is not None:
            keep_debs(debs, parse_debs(packages.decode()), cache)
        labels = _labels(spec, hashlib.sha256(packages).hexdigest())
        return build_rootfs(engine, context, base_tag(spec), labels, log, progress)


def build_rootfs(
    engine: BaseEngine,
    context: Path,
    tag: str,
    labels: tuple[tuple[str, str], ...],
    log: Path,
    progress: Progress,
) -> Image:
    """The image of the root file system that lies in a directory as ROOTFS."""
    shutil.copyfile(assets.dockerfile_base(), context / "Dockerfile.base")
    return engine.build(
        BuildRecipe(
            context=context,
            dockerfile="Dockerfile.base",
            tag=tag,
            labels=labels,
            log=log.with_suffix(".build.log"),
        ),
        progress,
    )


def _labels(spec: BaseSpec, packages_sha256: str) -> tuple[tuple[str, str], ...]:
    return (
        *([(ARCHIVE_LABEL, spec.managed.sha256)] if spec.managed else []),
        ("repropack.base.suite", spec.suite),
        ("repropack.base.python", spec.version),
        ("repropack.base.apt", " ".join(sorted(set(spec.apt)))),
        (PACKAGES_LABEL, packages_sha256),
    )


def packages_of(rootfs: Path) -> bytes:
    """Return the list of packages and versions that a root file system carries."""
    with tarfile.open(rootfs) as archive:
        stream = archive.extractfile(f"./{DEBS_FILE}")
        return stream.read() if stream else b""


def debs_of(engine: Engine, base: Image, *, cache: Path) -> tuple[Deb, ...]:
    """Return every .deb that a base is made of; `cache` keeps it, because an image never changes.

    Of a base that was pulled there are versions and no hashes: its digest is the hash of them all.
    """
    if not isinstance(engine, BaseEngine):
        return ()
    kept = cache / "bases" / f"{base.id.rpartition(':')[2]}.tsv"
    try:
        return parse_debs(kept.read_text("utf-8"))
    except (OSError, ValueError):
        debs = _debs_of(engine, base)
    with contextlib.suppress(OSError):  # it is only asked for again
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, debs_text(debs))
    return debs


def _debs_of(engine: BaseEngine, base: Image) -> tuple[Deb, ...]:
    record = engine.read(base, DEBS_FILE)
    if record is not None:
        try:
            return parse_debs(record.decode())
        except ValueError as error:
            raise BuildError(f"the base {base.tag} was not made by repropack: {error}") from error
    return parse_status((engine.read(base, STATUS_FILE) or b"").decode("utf-8", "replace"))


def _check_python(packages: bytes, spec: BaseSpec, log: Path) -> None:
    if spec.managed is None and f"python{spec.python}\t".encode() not in packages:
        raise BuildError(f"Debian {spec.suite} has no Python {spec.python}", log=log)


def _own_log(spec: BaseSpec) -> Path:
    directory = cache_directory() / "logs"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"base-{spec.suite}-{os.getpid()}.log"
