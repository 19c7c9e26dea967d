"""The Debian packages that a bundle brings are those of its record, or the bundle is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.bundle import Bundle, read_bundle, write_bundle
from repropack.debian.debs import Deb, debs_text
from repropack.errors import IntegrityError
from repropack.project import look
from tests.conftest import example
from tests.unit.bundle.made import plan_of, reseal

NAMES = (("libc6", "2.36-9", "amd64"), ("zlib1g", "1:1.2.13.dfsg-1", "amd64"))


def make(directory: Path) -> Bundle:
    """A bundle with the files of two packages."""
    files = []
    for name, version, architecture in NAMES:
        path = directory / f"{name}.file"
        path.write_text(f"the package {name}\n")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        deb = Deb(name=name, version=version, architecture=architecture, sha256=sha256)
        files.append((deb, path))
    project = example("quickstart", directory)
    plan, found = plan_of(project)
    base = replace(found.base, debs=tuple(deb for deb, _ in files), deb_files=tuple(files))
    source = look(project, allow_dirty=False).source
    return write_bundle(
        *(plan, source, replace(found, base=base)),
        cache=directory / "cache",
        out=directory / "bundle",
    )


def test_each_package_by_the_name_that_apt_gives_it(tmp_path: Path) -> None:
    """`debs/` has a file for each line of base.debs.tsv, and SHA256SUMS and the crate list them."""
    bundle = make(tmp_path)
    assert bundle.brings_debs
    names = sorted(path.name for path in (bundle.directory / "debs").iterdir())
    assert names == ["libc6_2.36-9_amd64.deb", "zlib1g_1%3a1.2.13.dfsg-1_amd64.deb"]
    listed = (bundle.directory / "SHA256SUMS").read_text()
    assert all(f"{deb.sha256}  debs/{deb.filename}\n" in listed for deb in bundle.debs)
    assert '"debs/"' in (bundle.directory / "ro-crate-metadata.json").read_text()


def exchanged(bundle: Path, debs: tuple[Deb, ...]) -> None:
    """A file of another content."""
    (bundle / "debs" / debs[0].filename).write_text("something else\n")


def absent(bundle: Path, debs: tuple[Deb, ...]) -> None:
    """A file that is not there."""
    (bundle / "debs" / debs[1].filename).unlink()


def led_out(bundle: Path, debs: tuple[Deb, ...]) -> None:
    """A name that leads to a file elsewhere."""
    named = debs_text(debs).replace("libc6", "../../libc6", 1)
    (bundle / "base.debs.tsv").write_text(named)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (exchanged, "libc6_2.36-9_amd64.deb is another file"),
        (absent, "zlib1g_1%3a1.2.13.dfsg-1_amd64.deb is missing"),
        (led_out, "not a line of"),
    ],
)
def test_other_packages_than_the_recorded_ones(
    change: Callable[[Path, tuple[Deb, ...]], None], named: str, tmp_path: Path
) -> None:
    """A bundle whose checksums fit, and whose packages are not those of its list: exit code 7."""
    bundle = make(tmp_path)
    change(bundle.directory, bundle.debs)
    reseal(bundle.directory)
    with pytest.raises(IntegrityError, match=named) as caught:
        read_bundle(bundle.directory)
    assert caught.value.exit_code == 7
