"""Packages that need Debian's libraries really find them in the image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import commit_all

CONFIG = r"""
name: system-packages
environment: {python: "PYTHON"}
experiments:
  e: {run: python e.py, metrics: {m: {stdout: 'ok=(\d+)'}}}
claims:
  - {id: c, metric: e.m, value: "1"}
"""
# Each fails on a base without its libraries when it is imported, or at the call below.
CODE = """
import cairocffi, cv2, graphviz, lightgbm, magic, pytesseract, sounddevice, soundfile
from rdkit.Chem import Draw
assert magic.from_buffer(b"%PDF-1.4").startswith("PDF"), pytesseract.get_tesseract_version()
assert b"<svg" in graphviz.Source("digraph {a->b}").pipe(format="svg")
print("ok=1")
"""
REQUIREMENTS = (
    "cairocffi graphviz lightgbm opencv-python<5 pytesseract python-magic rdkit sounddevice "
    "soundfile==0.11.0"
)


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_what_the_table_installs_is_enough(python: str, tmp_path: Path) -> None:
    """Nine packages of the table work on the base that their lock gives, on each Debian."""
    (tmp_path / "requirements.txt").write_text("\n".join(REQUIREMENTS.split()) + "\n")
    (tmp_path / "repropack.yaml").write_text(CONFIG.replace("PYTHON", python))
    (tmp_path / "e.py").write_text(CODE)
    commit_all(tmp_path)
    command = [sys.executable, "-m", "repropack", "verify", str(tmp_path), "--as-of", "now"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
