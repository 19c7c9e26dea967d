"""What a bundle says of itself is accepted by the tools of those who wrote the formats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.driver import inside, project
from tests.conftest import example
from tests.integration.test_signing import FILES
from tests.unit.bundle.made import make_bundle

PROGRAM = Path(__file__).with_name("standards.py")
CRATES = ("roc-validator==0.13.0", "rocrate==0.13.0", "cyclonedx-python-lib[json-validation]==11.*")
CITATIONS = ("cffconvert==2.0.0",)  # which wants a jsonschema that CycloneDX's library refuses
Validate = Callable[[str, Path], list[str]]
pytestmark = [pytest.mark.network, pytest.mark.xdist_group("standards")]


def environment(directory: Path, tools: tuple[str, ...]) -> str:
    """The Python of an environment with these packages, which are too many for our own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    python = str(directory / "bin" / "python")
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, *tools]
    subprocess.run(install, check=True)
    return python


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """What is wrong with a file, or the directory of a crate; a line each."""
    root = tmp_path_factory.mktemp("validators")
    pythons = {"citation": environment(root / "citations", CITATIONS)}
    crates = environment(root / "crates", CRATES)

    def run(kind: str, path: Path) -> list[str]:
        program = [pythons.get(kind, crates), str(PROGRAM), kind, str(path)]
        done = subprocess.run(program, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the smallest example."""
    directory = tmp_path_factory.mktemp("said")
    return make_bundle(example("quickstart", directory), directory / "bundle").directory


def test_bundle_is_a_crate(bundle: Path, validate: Validate) -> None:
    """roc-validator misses nothing but an author and a publisher, whom nobody named."""
    amiss = validate("crate", bundle)
    assert not [line for line in amiss if "author" not in line and "publisher" not in line]


def test_verification_is_a_crate_of_runs(tmp_path: Path, validate: Validate) -> None:
    """A verification is a Process Run Crate 0.5; it lacks nothing but agent, author and address."""
    paper = project(tmp_path / "paper", FILES)
    assert inside("verify", paper, "--engine", "venv", "-o", tmp_path / "out").code == 1
    unsaid = ("author", "publisher", "agent", "SHOULD have a url", "an absolute URI")
    for kind in ("crate", "runs"):
        amiss = validate(kind, tmp_path / "out")
        assert not [line for line in amiss if not any(each in line for each in unsaid)]


def test_packages_keep_the_schema(bundle: Path, validate: Validate) -> None:
    """The list of packages is CycloneDX 1.6, strictly."""
    assert validate("sbom", bundle / "sbom.cdx.json") == []


def test_draft_of_a_citation_keeps_the_schema(bundle: Path, validate: Validate) -> None:
    """A drafted CITATION.cff is one that its tools read."""
    assert validate("citation", bundle / "CITATION.cff") == []


def test_a_broken_crate_is_refused(bundle: Path, validate: Validate, tmp_path: Path) -> None:
    """The validators do say what is wrong: a root without a licence, a package that is a book."""
    text = (bundle / "ro-crate-metadata.json").read_text("utf-8")
    (tmp_path / "ro-crate-metadata.json").write_text(text.replace('"license"', '"licensed"'))
    assert any(line.startswith("REQUIRED") for line in validate("crate", tmp_path))
    (tmp_path / "sbom").write_text(
        (bundle / "sbom.cdx.json").read_text().replace("library", "book")
    )
    assert validate("sbom", tmp_path / "sbom")
