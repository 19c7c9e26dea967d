"""Where images are made: the engine, the base in it, and what both are.

Owns: finding and providing them. Does not own: what is made there (`images`, `building`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from repropack.bundle import BaseRecord, Bundle
from repropack.bundle.contents import CUDA_IMAGE, IMAGE, Brought
from repropack.bundle.image import CarriedImage
from repropack.debian.debs import Deb
from repropack.engines import BUILDS_NONE, RUN_ONLY, Engine, EngineFacts, Image, choose
from repropack.engines.base import ARCHIVE_LABEL, BaseSpec, base_tag, debs_of
from repropack.engines.cuda_image import provide_cuda
from repropack.engines.debs import provide_debs
from repropack.engines.exact import provide_wanted
from repropack.engines.managed import by_its_hash, given_python
from repropack.engines.saved import brought_image, saved_image
from repropack.environment import Target
from repropack.errors import UsageError
from repropack.plan import BaseNeed
from repropack.progress import Reporter
from repropack.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where images are made. `base` is None for an engine that has no use for one.

    With `again`, a mark, images are made under names of their own, and of nothing that was built
    before.
    """

    engine: Engine
    facts: EngineFacts
    spec: BaseSpec
    base: Image | None
    cuda: Image | None
    debs: tuple[Deb, ...]
    target: Target
    settings: Settings
    reporter: Reporter
    again: str = ""

    @property
    def base_record(self) -> BaseRecord:
        """The base as the bundle names it: by digest if it has one."""
        if self.base is None:
            return BaseRecord(reference=base_tag(self.spec))
        cuda = None if self.cuda is None else self.cuda.tag
        sha256 = dict(self.base.labels).get(ARCHIVE_LABEL)
        cache = self.settings.cache
        python = by_its_hash(cache, sha256) if sha256 else None
        return BaseRecord(
            reference=self.base.tag,
            cuda=cuda,
            debs=self.debs,
            python=python,
            exact=self.spec.exact or None,
            deb_files=self._deb_files(self.base),
            image=self._saved(self.base, "base"),
            cuda_image=self._saved(self.cuda, "cuda"),
        )

    def _deb_files(self, base: Image) -> tuple[tuple[Deb, Path], ...]:
        if not self.settings.offline:
            return ()
        return provide_debs(
            *(self.spec.suite, self.debs),
            cache=self.settings.cache,
            progress=self.reporter.detail,
            base=base.tag,
        )

    def _saved(self, image: Image | None, what: str) -> Brought | None:
        if image is None or not self.settings.offline:
            return None
        return saved_image(self.engine, image, what, cache=self.settings.cache)

    @property
    def log(self) -> Path:
        """Where the whole output of a build goes."""
        name = "again" if self.again else "build"
        return self.settings.cache / "logs" / f"{name}-{os.getpid()}.log"


def refuse_venv(engine: Engine, settings: Settings) -> None:
    """Raises `UsageError` where what only a container has is to go into a bundle."""
    asked = {"--offline": settings.offline, "--with-image": settings.with_image}
    for option in (name for name, is_asked in asked.items() if is_asked):
        if engine.name == "venv":
            what = {"--offline": "base", "--with-image": "image"}[option]
            raise UsageError(
                f"without a container there is no {what} to put into a bundle",
                hint=f"{option} needs --engine docker or --engine podman",
            )


def refuse_building(engine: Engine, *, brought: bool) -> None:
    """Raises `UsageError` where an engine that only runs images would have to build one."""
    if engine.name in RUN_ONLY and not brought:
        raise UsageError(f"{engine.name} builds no image, it only runs one", hint=BUILDS_NONE)


def open_workshop(
    need: BaseNeed, settings: Settings, reporter: Reporter, bundle: Bundle | None = None
) -> Workshop:
    """Find the engine and provide the base; a `bundle` may bring it, or the archive of its Python.

    Raises `NoEngineError` (exit code 4), `BuildError` (5) or `TemporaryError` (75).
    """
    engine = choose(settings.engine, builder=settings.builder)
    brought = bundle is not None and bundle.carried is not None and not settings.rebuild
    refuse_venv(engine, settings)
    refuse_building(engine, brought=brought)
    facts = engine.check()
    if settings.engine is None and engine.name != "docker":
        reporter.note(f"Docker does not answer; {engine.name} {facts.version} does")
    spec = BaseSpec(suite=need.suite, python=need.python, apt=need.apt)
    base = cuda = None
    if engine.name != "venv" and not brought:
        reporter.step(f"providing the base: Python {spec.python} on Debian {spec.suite}")
        pull = settings.base != "bootstrap"
        if bundle is not None and bundle.archive is not None:
            spec = replace(spec, managed=given_python(bundle.archive))
        base, cuda = brought_by(bundle, engine, reporter)
        if base is None:
            spec, base = provide_wanted(
                *(engine, spec, need.exact),
                allow_pull=pull,
                reporter=reporter,
                cache=settings.cache,
            )
        if need.cuda is not None and cuda is None:
            reporter.step(f"providing CUDA: {need.cuda}")
            cuda = provide_cuda(engine, need.cuda, reporter.detail)
    return Workshop(
        engine=engine,
        facts=facts,
        spec=spec,
        base=base,
        cuda=cuda,
        debs=() if base is None else debs_of(engine, base, cache=settings.cache),
        target=need.target,
        settings=settings,
        reporter=reporter,
    )


def brought_by(
    bundle: Bundle | None, engine: Engine, reporter: Reporter
) -> tuple[Image | None, Image | None]:
    """The base and the image of CUDA's files, where a bundle brings them, in the engine.

    Raises `IntegrityError` (exit code 7) and `BuildError` (5).
    """
    if bundle is None:
        return None, None

    def brought(name: str, record: CarriedImage | None) -> Image | None:
        if record is None:
            return None
        return brought_image(engine, bundle.directory / name, record, reporter.detail)

    return brought(IMAGE, bundle.base_image), brought(CUDA_IMAGE, bundle.cuda_image)
