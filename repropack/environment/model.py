"""What an environment is made of: requirements, the lock, the target, and the wheels chosen.

Owns: the values. Does not own: reading them (`requirements`, `pylock`) or fetching (`fetching`).
Imports nothing heavy, because every command passes here.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from repropack.environment.condamodel import CondaEnvironment
from repropack.environment.parts import NO_PARTS, Parts
from repropack.findings import Choice, Finding, Where
from repropack.tables import DEFAULT_SUITE, GLIBC

OLDEST_MANYLINUX_GLIBC = 5  # manylinux1 is glibc 2.5; a manylinux_2_17 is also a manylinux2014
LEGACY_NAMES = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}


class Kind(enum.StrEnum):
    """What a package is made from, when it is not a wheel of an index."""

    SDIST = "source distribution"
    GIT = "git"
    FILE = "file"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a package comes from that is no wheel of an index.

    `path` is POSIX: a file or directory of the source (`FILE`, `DIRECTORY`; "." is its root), or
    a directory below the root of a git repository (""). `url` never holds a credential, `ref` is
    what the author wrote (a branch, a tag); `commit` is "" until it is known.
    """

    kind: Kind
    url: str = ""
    commit: str = ""
    ref: str = ""
    path: str = ""

    def __str__(self) -> str:
        if self.kind is Kind.GIT:
            return f"{self.url} at {self.commit[:12] or self.ref or 'HEAD'}"
        return self.url or self.path or self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The moment whose packages a resolution sees, and why that one.

    `time` None means the newest packages there are: those of the first time that this is asked, or
    with `fresh` those of this time.
    """

    time: datetime | None
    because: str
    fresh: bool = False

    @property
    def date(self) -> str:
        """The day in UTC, or `now`."""
        return "now" if self.time is None else self.time.astimezone(UTC).strftime("%Y-%m-%d")

    @property
    def choice(self) -> Choice:
        """The same as a decision."""
        return Choice(value=self.date, because=self.because)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One pinned package. `hashes` are `algorithm:hex`; `url` is used where no index has it.

    `origin` says what a wheel has to be built from, where none can be fetched; the version of
    such a package may be "" until it is built. `groups` and `extras` are those that it is installed
    for, empty where the main dependencies need it.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    where: Where
    marker: str | None = None
    index: str | None = None
    url: str | None = None
    origin: Origin | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}=={self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Every package of an environment, exactly.

    `origin` is the path that it was read or resolved from ("" for an environment without any).
    `indexes` and `find_links` are those that the author's own files name: they are asked besides
    those of the machine, and never written into a bundle. `as_of` is the moment as of which it was
    resolved; None for a lock that was read. `conda` is what conda installs beneath the
    requirements, Python included; None where Python is the base's. `parts` are the groups and
    extras that are installed.
    """

    requirements: tuple[Requirement, ...]
    origin: str
    because: str
    findings: tuple[Finding, ...] = ()
    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    as_of: Choice | None = None
    conda: CondaEnvironment | None = None
    parts: Parts = NO_PARTS

    @property
    def unbuilt(self) -> tuple[Requirement, ...]:
        """The packages of which no wheel can be fetched: one is built of each."""
        return tuple(item for item in self.requirements if item.origin is not None)


EMPTY_LOCK = Lock(requirements=(), origin="", because="nothing in the repository needs a package")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel, chosen for a target. `index` only if the author's own lock names one."""

    name: str
    version: str
    filename: str
    size_bytes: int
    sha256: str
    index: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the environment will be installed: CPython on Linux with a glibc.

    `python` is `3.11` or `3.11.2`; `platform` is `linux_` and a machine. `from_sources` lets a
    package be built of which other Pythons have wheels: when no other Python can be taken.
    """

    python: str
    platform: str = "linux_x86_64"
    glibc: tuple[int, int] = (2, 36)
    from_sources: bool = False

    @classmethod
    def of(cls, python: str, suite: str | None) -> Target:
        """The target that an image on a Debian release is; without one, on the default release."""
        return cls(python=python, glibc=GLIBC.get(suite or DEFAULT_SUITE, GLIBC[DEFAULT_SUITE]))

    @property
    def minor(self) -> str:
        """The Python minor version: `3.11`."""
        return ".".join(self.python.split(".")[:2])

    @property
    def machine(self) -> str:
        """The machine: `x86_64`."""
        return self.platform.removeprefix("linux_")

    @property
    def abi(self) -> str:
        """CPython's ABI tag: `cp311`."""
        return "cp" + self.minor.replace(".", "")

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platform tags that this target can run, best first, as pip orders them."""
        return (self.platform, *self._manylinux())

    def __str__(self) -> str:
        return f"Python {self.minor}, {self.platform.replace('_', ' ', 1)}"

    def _manylinux(self) -> Iterator[str]:
        major, newest = self.glibc
        for minor in range(newest, OLDEST_MANYLINUX_GLIBC - 1, -1):
            yield f"manylinux_{major}_{minor}_{self.machine}"
            legacy = LEGACY_NAMES.get((major, minor))
            if legacy:
                yield f"{legacy}_{self.machine}"


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 spells it: `Scikit_Learn` is `scikit-learn`."""
    return re.sub(r"[-_.]+", "-", name).lower()
