"""Several manifests → whether they contradict each other."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, disagreement
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree

POETRY = "[[package]]\nname = 'numpy'\nversion = '{}'\n"
PIPENV = '{{"default": {{\n "numpy": {{"version": "=={}"}}}}}}'
HASHED = "numpy=={} \\\n  --hash=sha256:00\n"
NUMPY = "numpy=={}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"poetry.lock": (POETRY, "1.26"), "requirements.txt": (NUMPY, "1.26")}, None),
        ({"poetry.lock": (POETRY, "1.26"), "requirements.txt": (NUMPY, "1.24")}, Severity.WARNING),
        ({"poetry.lock": (POETRY, "1.26"), "requirements.txt": (HASHED, "1.24")}, Severity.PROBLEM),
        ({"uv.lock": (POETRY, "1.26"), "Pipfile.lock": (PIPENV, "1.24")}, Severity.PROBLEM),
        ({"uv.lock": (POETRY, "1.26+cu121"), "pdm.lock": (POETRY, "1.26")}, None),
        ({"a-requirements.txt": (NUMPY, "1"), "requirements.txt": (NUMPY, "2")}, None),
        ({"poetry.lock": (POETRY, "1.26"), "requirements.txt": ("Numpy>={}\n", "2")}, None),
    ],
)
def test_two_manifests_that_pin_different_versions(
    files: dict[str, tuple[str, str]], expected: Severity | None
) -> None:
    """Two locks that differ are a problem, a lock and something looser only a warning."""
    reading = Reading(Tree({path: text.format(version) for path, (text, version) in files.items()}))
    found = disagreement.detect(reading)
    assert [f.severity for f in found] == ([expected] if expected else [])


def test_both_places_are_named() -> None:
    """The finding has the versions with file and line, and how to decide."""
    reading = Reading(
        Tree({"uv.lock": "\n" + POETRY.format("1.26"), "Pipfile.lock": PIPENV.format("1.24")})
    )
    (finding,) = disagreement.detect(reading)
    assert "numpy is 1.26 in uv.lock:3 and 1.24 in Pipfile.lock:2" in finding.because
    assert "`environment: {lock: uv.lock}`" in finding.because
