"""The peer's side: the hand-written Dockerfile beside this file, its context, its images.

Owns: what an expert would type besides repropack. Does not own: repropack's side (`project`).
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from commands import docker, images, require_new, run
from project import Project

DOCKERFILES = {
    "uv": Path(__file__).with_name("Dockerfile"),
    "pip": Path(__file__).with_name("Dockerfile.pip"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """The directory that an expert builds, made from the same files as repropack's project."""

    directory: Path
    wheelhouse: Path
    tag: str
    base: str
    buildkit: bool

    @classmethod
    def create(
        cls, project: Project, *, base: str, buildkit: bool, installer: str = "uv"
    ) -> ByHand:
        """The context, with the installer from the wheel that repropack uses, and all wheels.

        The wheelhouse is what a `pip download` of yesterday has left: the versions of today's
        change are in it, as they are in repropack's cache.
        """
        directory = project.directory.with_name(f"{project.name}-by-hand-{installer}")
        wheelhouse = directory.with_name(f"{directory.name}-wheelhouse")
        peer = cls(
            directory=directory,
            wheelhouse=wheelhouse,
            tag=f"repropack-{project.name}:by-hand-{installer}",
            base=base,
            buildkit=buildkit,
        )
        directory.mkdir()
        wheelhouse.mkdir()
        for wheel in project.cache.glob("wheels/*/*.whl"):
            is_tool = wheel.name.startswith(("uv-", "pip-"))
            if not is_tool:
                (wheelhouse / wheel.name).hardlink_to(wheel)
            elif wheel.name.startswith(f"{installer}-"):
                shutil.copyfile(wheel, directory / wheel.name)
        shutil.copyfile(DOCKERFILES[installer], directory / "Dockerfile")
        peer.take_source(project)
        peer.take_lock(project)
        return peer

    def take_source(self, project: Project) -> None:
        """The project's files as they are now: the same tree that repropack packs."""
        ignore = shutil.ignore_patterns(".git", ".repropack")
        shutil.rmtree(self.directory / "source", ignore_errors=True)
        shutil.copytree(project.directory, self.directory / "source", ignore=ignore)

    def take_lock(self, project: Project) -> None:
        """The project's lock as it is now."""
        shutil.copyfile(project.directory / "requirements.txt", self.directory / "requirements.txt")

    def fetch(self, pip_cache: Path | None = None) -> float:
        """Fetch the lock's wheels with their hashes checked, and no others; in seconds.

        From the wheelhouse; with `pip_cache`, a directory, from the machine's indexes.
        """
        from repropack.environment import Target

        target = Target.of("3.11", "bookworm")
        wheels = self.directory / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        source = ("--no-index", "--find-links", str(self.wheelhouse)) if pip_cache is None else ()
        command = [
            *(sys.executable, "-m", "pip", *(("--isolated",) if pip_cache is None else ())),
            *("--disable-pip-version-check", "download", "--quiet", "--no-deps", *source),
            *("--require-hashes", "--only-binary=:all:", "--python-version", "3.11"),
            *("--implementation", "cp", "--abi", target.abi, "--progress-bar", "off"),
            *(word for tag in target.platforms for word in ("--platform", tag)),
            *("--dest", str(wheels), "--requirement", str(self.directory / "requirements.txt")),
        ]
        began = time.perf_counter()
        run(command, env={"PIP_CACHE_DIR": str(pip_cache)} if pip_cache else {})
        return time.perf_counter() - began

    def build(self, revision: str, *, cached: bool = True) -> float:
        """`docker build` with the builder that repropack uses, labelled alike; in seconds."""
        since_s = time.time()
        done = docker(
            *("build", "--quiet", "--network", "none", "--tag", self.tag),
            *(() if cached else ("--no-cache",)),
            *("--build-arg", f"BASE={self.base}", "--build-arg", f"SESSION={self.tag}"),
            *("--label", f"org.opencontainers.image.revision={revision}"),
            str(self.directory),
            env={"DOCKER_BUILDKIT": "1" if self.buildkit else "0"},
        )
        require_new(self.tag, since_s)
        return done.seconds

    def remove_images(self) -> None:
        """Remove the images made here, and what is left of their stages."""
        for tag in images(self.tag.partition(":")[0]):
            docker("rmi", tag)
        docker("image", "prune", "--force", "--filter", f"label=repropack.benchmark={self.tag}")
