"""conda-lock.yml against the environment.yml that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from repropack.conda import condalock
from repropack.conda.stale import stale
from repropack.errors import PlanError
from repropack.findings import Severity
from repropack.formats import Format
from repropack.inspection import EnvironmentFile
from repropack.locking import accepted
from tests.unit.conda.test_readers import entry, unified

MANIFEST = """\
channels: [main, nodefaults]
dependencies:
  - python >=3.8
  - numpy
  - pip
  - pip:
      - six>=1
"""
#: What `conda-lock` 4 writes of that manifest, with its default virtual packages and without CUDA.
HASHES = {
    "default": "9c6b3293bc20c6a4a37e9f0857f68193e025c9cd72f246ef846aea8ef505ed57",
    "without CUDA": "f0f2c7fe93080b8c2b1c265e10ad09e0dcce3bd4287172b240b685bab22bdb69",
}


@dataclass(frozen=True)
class Files:
    """A source with these files."""

    texts: dict[str, str]

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return path in self.texts

    def read_text(self, path: str) -> str:
        """Its text."""
        return self.texts[path]


def project(content_hash: str, manifest: str = MANIFEST, *, lock: str = "conda-lock.yml") -> Files:
    """A manifest, and a lock of it that has this hash."""
    packages = [entry("python"), entry("numpy"), entry("pip"), entry("six", manager="pip")]
    text = unified(*packages).replace("linux-64: a", f"linux-64: {content_hash}")
    return Files({lock: text, "environment.yml": manifest})


@pytest.mark.parametrize("how", HASHES)
def test_the_lock_of_the_manifest_is_fresh(how: str) -> None:
    """Its hash is conda-lock's own, whichever of its usual options it was made with."""
    assert HASHES[how] in condalock.asked({"environment.yml": MANIFEST}, "linux-64")[0]
    assert stale(project(HASHES[how]), "conda-lock.yml") is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (MANIFEST.replace("numpy", "scipy"), "scipy is not locked"),
        (MANIFEST.replace("numpy", "numpy>=4"), "numpy >=4 is asked for, 3.9.18 is locked"),
        (MANIFEST.replace("six>=1", "six==1.0"), "six ==1.0 is asked for, 3.9.18 is locked"),
    ],
)
def test_a_changed_manifest_makes_it_stale(changed: str, said: str) -> None:
    """What is missing or has another version is named, and stands in the way unless declared."""
    found = stale(project(HASHES["default"], changed), "conda-lock.yml")
    assert found is not None and found.severity is Severity.PROBLEM
    assert (found.kind, found.value) == ("dependencies.stale", "conda-lock.yml")
    line = found.where.line if found.where else None
    lock = project(HASHES["default"], changed).read_text("conda-lock.yml")
    assert line and "content_hash:" in lock.splitlines()[line - 1]
    assert f"environment.yml was changed after conda-lock.yml was made ({said})" in found.because
    for declared in (False, True):
        file = EnvironmentFile(
            path="conda-lock.yml", format=Format.CONDA_LOCK, because="", declared=declared
        )
        if declared:
            assert [f.severity for f in accepted((found,), file)] == [Severity.WARNING]
        else:
            with pytest.raises(PlanError, match=r"conda-lock\.yml cannot be built from"):
                list(accepted((found,), file))


def test_a_hash_that_differs_alone_is_a_warning() -> None:
    """Options that a lock does not keep change the hash: what is asked for is compared too."""
    for files in (
        project("f" * 64),
        project(HASHES["default"], MANIFEST.replace("  - numpy\n", "")),
    ):
        found = stale(files, "conda-lock.yml")
        assert found is not None and found.severity is Severity.WARNING
        assert "though it has all that is asked for" in found.because


def test_nothing_to_compare_with() -> None:
    """Without the manifest, or with one that conda-lock does not read, nothing is said."""
    alone = project("f" * 64)
    del alone.texts["environment.yml"]
    assert stale(alone, "conda-lock.yml") is None
    assert stale(project("f" * 64, "dependencies: 7"), "conda-lock.yml") is None
    assert stale(project("f" * 64, lock="locks/conda-lock.yml"), "locks/conda-lock.yml") is None
