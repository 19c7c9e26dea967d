"""The author's own verification in a bundle, and what reviewers see of it. Without a container."""

from __future__ import annotations

import json
from pathlib import Path

from repropack.bundle import author_files, checksums, write_bundle
from repropack.project import look
from tests.cli.driver import inside, project, repropack
from tests.conftest import commit_all
from tests.integration.test_many_runs import PYTHON
from tests.unit.bundle.made import plan_of

CONFIG = f"""
    name: train
    environment: {{python: "{PYTHON}"}}
    experiments:
      e:
        run: python e.py {{seed}}
        seeds: [0, 1]
        metrics: {{acc: {{csv: t.csv, column: acc}}}}
    claims:
      - {{id: acc, metric: e.acc, value: "0.9", tolerance: 0.1}}
"""
SCRIPT = """
    import sys
    with open("t.csv", "w") as table:
        print("epoch,acc", file=table)
        for epoch in range(1, 6):
            print(f"{epoch},{0.4 + epoch / 10 + int(sys.argv[1]) / 100}", file=table)
"""


def test_a_reviewer_sees_the_author(tmp_path: Path) -> None:
    """Verified, built with it, verified again: curves, points and numbers of both, and compare."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    mine, bundle, theirs = (tmp_path / name for name in ("mine", "bundle", "theirs"))
    done = repropack("verify", paper, "--engine", "venv", "-o", mine)
    assert done.code == 0, done.said
    built = repropack(
        "build", paper, "--engine", "venv", "-o", bundle, "--with-results", mine, "--json"
    )
    assert built.code == 0, built.said
    sent = {p.relative_to(bundle).as_posix() for p in (bundle / "author").rglob("*.json")}
    assert sent == {
        "author/report.json",
        "author/runs/e-seed0/record.json",
        "author/runs/e-seed1/record.json",
    }
    assert all(str(tmp_path).encode() not in (bundle / each).read_bytes() for each in sent)

    done = repropack("verify", bundle, "--engine", "venv", "-o", theirs)
    assert done.code == 0, done.said
    line = "acc: 0.905 ± 0.007 (0.900, 0.910) (n = 2), reproduced"
    assert "What the author obtained" in done.out and line in done.out
    page = (theirs / "report.html").read_text("utf-8")
    assert "The dotted line is the author" in page and 'class="theirs"' in page
    assert "author: " in page and "between the two environments" in page
    for name in ("report.html", "report.md"):
        (theirs / name).unlink()
    again = inside("report", theirs)  # finds the bundle by what the report says
    assert (again.code, again.out) == (0, done.out)
    assert (theirs / "report.html").read_text("utf-8") == page
    compared = inside("compare", bundle / "author", theirs)
    assert compared.code == 0 and "all 1 verdicts agree" in compared.out
    changed = bundle / "author" / "report.json"
    changed.write_bytes(changed.read_bytes().replace(b"0.9", b"0.8"))
    assert inside("verify", bundle, "--engine", "venv").code == 7


def test_bundles_stay_the_same_to_the_byte(tmp_path: Path) -> None:
    """Built twice with the same results, every byte is the same; without them there is no trace."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    mine = tmp_path / "mine"
    assert repropack("verify", paper, "--engine", "venv", "-o", mine).code == 0
    plan, ingredients = plan_of(paper)
    source = look(paper, allow_dirty=False).source
    sums = []
    for name, results in (("a", mine), ("b", mine), ("c", None)):
        author = author_files(results, plan.origin)
        bundle = write_bundle(
            plan, source, ingredients, author, cache=tmp_path / "cache", out=tmp_path / name
        )
        sums.append((bundle.directory / checksums.SUMS).read_text())
    assert sums[0] == sums[1]
    # What lists the files names `author/`, and the reviewer's page and script tell what runs took.
    telling = ("  author/", "  ro-crate-metadata.json", "  README.md", "  reproduce.sh")
    rest = [
        [line for line in text.splitlines() if not any(name in line for name in telling)]
        for text in sums
    ]
    assert rest[0] == rest[2] != []


def test_results_of_something_else_are_refused(tmp_path: Path) -> None:
    """Results of another commit, of shipped files or of nothing: refused, and nothing is built."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    (paper / "t.csv").write_text("epoch,acc\n1,0.9\n")
    commit_all(paper)
    recorded = tmp_path / "recorded"
    assert inside("verify", paper, "--recorded", "-o", recorded).code == 0
    options = ("--engine", "venv", "-o", tmp_path / "out", "--with-results")
    done = inside("build", paper, *options, recorded)
    assert done.code == 3 and "no run stands behind it" in done.err
    saved = json.loads((recorded / "report.json").read_text())
    (recorded / "report.json").write_text(json.dumps({**saved, "commit": "1" * 40}))
    done = inside("build", paper, *options, recorded)
    assert done.code == 3 and "is a verification of 111111111111" in done.err
    assert inside("build", paper, *options, tmp_path).code == 2
    assert not (tmp_path / "out").exists()
