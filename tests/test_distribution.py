"""What is published: the wheel and the sdist hold everything, and the wheel works alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from repropack import __version__
from tests.conftest import ROOT, example


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist, built as a user's tools build them."""
    out = tmp_path_factory.mktemp("dist")
    for kind in ("wheel", "sdist"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    return out


def test_wheel_holds_templates(published: Path) -> None:
    """templates/ and Dockerfile.base reach the wheel, under repropack/_assets."""
    wheel = next(published.glob("*.whl"))
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
    assert ROOT / "templates" / "reproduce" / "runs.sh.j2" in templates
    for path in templates:
        assert f"repropack/_assets/templates/{path.relative_to(ROOT / 'templates')}" in names
    assert "repropack/_assets/Dockerfile.base" in names
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


def test_sdist_holds_what_builds_and_tests_it(published: Path) -> None:
    """The sdist has sources, templates, tests, examples and licence."""
    with tarfile.open(next(published.glob("*.tar.gz"))) as archive:
        names = set(archive.getnames())
    top = f"repropack-{__version__}"
    for name in ("LICENSE", "Dockerfile.base", "templates/Dockerfile.j2", "tests/conftest.py"):
        assert f"{top}/{name}" in names


def test_wheel_alone_renders(published: Path, tmp_path: Path) -> None:
    """Installed without the checkout, from another directory, repropack plans a project."""
    wheel = next(published.glob("*.whl"))
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    project = example("quickstart", tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import repropack, repropack.assets as a\n"
        f"assert repropack.__file__.startswith({str(site)!r}), repropack.__file__\n"
        f"assert str(a.templates()).startswith({str(site)!r}), a.templates()\n"
        "from repropack.cli import run\n"
        f"sys.exit(run(['plan', {str(project)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd="/",
        env={**os.environ, "REPROPACK_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "python: 3.11" in done.stdout
