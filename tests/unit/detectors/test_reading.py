"""What is looked into, and what is said about the rest."""

from __future__ import annotations

import time

from repropack.detectors import Reading, detect
from repropack.detectors.reading import MAX_PARSED_BYTES, script_rank
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree


def test_a_file_is_read_once() -> None:
    """However many detectors look at a file, it is read once."""
    tree = Tree({"pyproject.toml": "[project]\ndependencies = ['a']\nrequires-python='>=3.9'"})
    detect(Reading(tree))
    assert tree.reads == ["pyproject.toml"]


def test_what_cannot_be_read_is_a_finding() -> None:
    """A manifest that is not text is never taken for an absent one."""
    found = detect(Reading(Tree({"requirements.txt": None, "pyproject.toml": "a = ["})))
    said = {(f.kind, str(f.where)) for f in found if f.severity is Severity.WARNING}
    assert ("file.unreadable", "requirements.txt") in said
    assert ("file.unreadable", "pyproject.toml") in said


def test_python_that_cannot_be_parsed_is_a_finding_with_its_line() -> None:
    """Python 2 is told, and the other files are still read."""
    tree = Tree({"old.py": "x = 1\nprint 'a' # print(\n", "new.py": "print('accuracy:', x)\n"})
    reading = Reading(tree)
    assert [code.path for code in reading.code] == ["new.py"]
    (finding,) = reading.findings()
    assert (finding.kind, str(finding.where)) == ("code.unreadable", "old.py:2")
    assert "not Python 3" in finding.because


def test_code_that_is_too_deep_is_a_finding() -> None:
    """A file that exhausts the parser is told, not fatal."""
    reading = Reading(Tree({"deep.py": "print(" + "-" * 60_000 + "1)\n"}))
    assert reading.code == ()
    assert [finding.kind for finding in reading.findings()] == ["code.unreadable"]


def test_doubtful_escapes_are_no_errors() -> None:
    """A warning of the parser about the author's code stays silent."""
    reading = Reading(Tree({"a.py": "print('\\d')\n"}))
    assert [code.path for code in reading.code] == ["a.py"]


def test_large_repositories_are_looked_into_partly_and_that_is_said() -> None:
    """Parsing stops at a limit, likely scripts first, and a finding tells how many are left."""
    body = "print(1)\n" + "x = 1\n" * (MAX_PARSED_BYTES // 12)
    tree = Tree(dict.fromkeys([*(f"pkg/m{n}.py" for n in range(5)), "train.py"], body))
    reading = Reading(tree)
    assert reading.code[0].path == "train.py"
    (finding,) = reading.findings()
    assert finding.kind == "code.limit"
    assert finding.value.startswith(f"{6 - len(reading.code)} Python files")


def test_code_of_others_is_not_looked_into() -> None:
    """Tests, vendored packages and environments say nothing about the experiments."""
    paths = ["tests/a.py", "a/node_modules/b.py", ".venv/lib/c.py", "setup.py", "docs/conf.py"]
    assert Reading(Tree(dict.fromkeys(paths, "print(1)\n"))).python_paths == ()


def test_twenty_thousand_files_are_inspected_fast() -> None:
    """Twenty thousand files, two thousand of them Python, take well under a second."""
    code = "import argparse\nprint('accuracy:', f(x))\n" + "y = [i * 2 for i in range(9)]\n" * 60
    files: dict[str, str | None] = {f"pkg{n % 40}/m{n}.py": code for n in range(2_000)}
    files |= {f"data/d{n % 100}/f{n}.txt": "1" for n in range(18_000)}
    start_s = time.process_time()
    detect(Reading(Tree(files)))
    assert time.process_time() - start_s < 4.0  # about a second, if nothing else is running


def test_scripts_are_ranked_by_place_and_name() -> None:
    """A train.py in the root comes first, then its variants, then other files, then deeper ones."""
    paths = ["a/train.py", "util.py", "train_svm.py", "eval.py", "main.py", "train.py"]
    assert sorted(paths, key=script_rank) == [
        "train.py",
        "main.py",
        "eval.py",
        "train_svm.py",
        "util.py",
        "a/train.py",
    ]
