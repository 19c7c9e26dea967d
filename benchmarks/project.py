"""repropack's side: a temporary git repository made from an example, and its images.

Owns: the changes that rebuilds are measured with, and removing what was made. Does not own: the
peer's side (`byhand`).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import (
    ROOT,
    BenchmarkError,
    dangling,
    docker,
    git,
    images,
    repropack,
    require_new,
)

EXAMPLE = ROOT / "examples" / "digits-svm"
ENVIRONMENT = re.compile(r"repropack/environment:[0-9a-f]{16}")

#: The versions of joblib that the locks of the benchmark go through, with the SHA-256 of their
#: wheels: all are pure Python, about 300 kB, and satisfy scikit-learn 1.7. The example's own
#: version is not among them, and no version is used twice, so no builder has seen a lock before.
JOBLIB = (
    ("1.2.0", "091138ed78f800342968c523bdde947e7a305b8594b910a0fea2ab83c3c6d385"),
    ("1.3.0", "172d56d4c43dd6bcd953bea213018c4084cf754963bbf54b8dae40faea716b98"),
    ("1.3.1", "89cf0529520e01b3de7ac7b74a8102c90d16d54c64b5dd98cafcd14307fdf915"),
    ("1.3.2", "ef4331c65f239985f3f2220ecc87db222f08fd22097a3dd5698f693875f8cbb9"),
    ("1.4.0", "42942470d4062537be4d54c83511186da1fc14ba354961a2114da91efa9a4ed7"),
    ("1.4.2", "06d478d5674cbc267e7496a410ee875abd68e4340feff4490bcb7afb88060ae6"),
    ("1.5.0", "206144b320246485b712fc8cc51f017de58225fa8b414a1fe1764a7231aca491"),
    ("1.5.2", "4e1f0bdbb987e6d843c70cf43714cb276623def372df3c22fe5266b2670bc241"),
)


def lock_text(number: int) -> str:
    """The example's lock with the joblib of that number instead of its own."""
    version, sha256 = JOBLIB[number]
    text = (EXAMPLE / "requirements.txt").read_text("utf-8")
    line = f"joblib=={version} \\\n    --hash=sha256:{sha256}\n"
    changed, count = re.subn(r"^joblib==.*\n(?:    --hash=.*\n)+", line, text, flags=re.M)
    if count != 1:
        raise BenchmarkError("the example's lock does not pin joblib any more: see project.py")
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A copy of the example in a git repository of its own, under a name that nothing else has."""

    directory: Path
    cache: Path
    name: str
    builder: str
    tags_before: frozenset[str]
    dangling_before: frozenset[str]

    @classmethod
    def create(cls, parent: Path, builder: str, example: Path = EXAMPLE) -> Project:
        """Copy the example, commit it. `parent` is a directory of the benchmark's."""
        name = f"benchmark-{secrets.token_hex(4)}"
        directory = parent / name
        shutil.copytree(example, directory, ignore=shutil.ignore_patterns(".repropack"))
        project = cls(
            directory=directory,
            cache=parent / "cache",
            name=name,
            builder=builder,
            tags_before=frozenset(images("repropack/environment")),
            dangling_before=dangling(),
        )
        git(directory, "init", "--quiet")
        config = directory / "repropack.yaml"
        text = re.sub(r"^name: .*$", f"name: {name}", config.read_text("utf-8"), flags=re.M)
        project.commit("repropack.yaml", text)
        return project

    def commit(self, name: str, text: str) -> None:
        """Change one file, and commit."""
        (self.directory / name).write_text(text, "utf-8")
        git(self.directory, "add", "--all")
        git(self.directory, "commit", "--quiet", "--message", f"Change {name}")

    def revision(self) -> str:
        """What is committed."""
        return git(self.directory, "rev-parse", "HEAD").strip()

    def change_code(self, number: int) -> None:
        """One line more in the experiment: what a change of the code is."""
        text = (self.directory / "train.py").read_text("utf-8")
        self.commit("train.py", f"{text}# change {number}\n")

    def change_lock(self, number: int) -> None:
        """Another version of one package."""
        self.commit("requirements.txt", lock_text(number))

    def warm(self) -> None:
        """Get every version of joblib into the cache: no measurement waits for a network."""
        from repropack.environment import Lock, Requirement, Target, fetch
        from repropack.findings import Where

        pins = tuple(
            Requirement(
                name="joblib",
                version=version,
                hashes=(f"sha256:{sha256}",),
                where=Where(path="requirements.txt"),
            )
            for version, sha256 in JOBLIB
        )
        for pin in pins:  # one by one: pip takes no two versions of a package
            lock = Lock(requirements=(pin,), origin="requirements.txt", because="benchmark")
            target = Target.of("3.11", "bookworm")
            fetch(lock, target, cache=self.cache, progress=lambda line: None)

    def build(
        self,
        *,
        lock_changed: bool = False,
        cache: Path | None = None,
        pip_cache: Path | None = None,
    ) -> float:
        """`repropack build`, in seconds. Refuses an image, or an environment, that was there."""
        since_s = time.time()
        options = ("--builder", self.builder, "--json")
        env = {"PIP_CACHE_DIR": str(pip_cache)} if pip_cache else {}
        where = cache or self.cache
        done = repropack("build", str(self.directory), *options, cache=where, env=env)
        require_new(self.tag, since_s)
        if lock_changed:
            require_new(self.environments(where)[-1], since_s)
        return done.seconds

    def verify(self) -> float:
        """`repropack verify` of what is committed, in seconds."""
        options = ("--builder", self.builder, "--tolerance", "0.5")
        return repropack("verify", str(self.directory), *options, cache=self.cache).seconds

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest of the bundle that was built last."""
        found = self.directory.glob(".repropack/bundles/*/repropack.json")
        manifests = [json.loads(path.read_bytes()) for path in found]
        return dict(max(manifests, key=lambda each: int(each["source"]["commit_time_s"])))

    @property
    def tag(self) -> str:
        """The tag of the image of what is committed."""
        head = git(self.directory, "rev-parse", "HEAD")
        return f"repropack/{self.name}:{head[:12]}"

    def environments(self, cache: Path | None = None) -> tuple[str, ...]:
        """The images of environments that builds here started from, by the builds' logs, in order.

        The logs of the whole benchmark are in one cache, so these are those of all projects.
        """
        found = ((cache or self.cache) / "logs").glob("*.log")
        logs = sorted(found, key=lambda path: path.stat().st_mtime_ns)
        tags = (ENVIRONMENT.search(path.read_text("utf-8", "replace")) for path in logs)
        return tuple(dict.fromkeys(match.group() for match in tags if match))

    def locks(self) -> frozenset[bytes]:
        """The locks of the bundles that were built here."""
        found = self.directory.glob(".repropack/bundles/*/pylock.toml")
        return frozenset(path.read_bytes() for path in found)

    def forget(self, cache: Path | None = None) -> None:
        """Remove the images made here, those of environments too: the next build is a cold one."""
        for tag in images(f"repropack/{self.name}"):
            docker("rmi", tag)
        there = frozenset(images("repropack/environment")) - self.tags_before
        for tag in there.intersection(self.environments(cache)):
            docker("rmi", tag)

    def remove_images(self) -> None:
        """Remove the images made here, and what is left of stages too."""
        self.forget()
        locks = self.locks()
        for image in dangling() - self.dangling_before:
            if lock_inside(image) in locks:
                with suppress(BenchmarkError):  # somebody has built on it since
                    docker("rmi", image)


def lock_inside(image: str) -> bytes:
    """The lock that an installer's stage was made from; empty when an image has none."""
    container = docker("create", "--network", "none", image, "true").output.strip()
    try:
        with_header = docker("cp", f"{container}:/bundle/pylock.toml", "-").output
        return with_header[512:].rstrip("\0").encode()
    except BenchmarkError:
        return b""
    finally:
        docker("rm", container)
