"""Result files that a source ships, in the place of runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.judge import report
from repropack.judge.assessment import Assessment
from repropack.judge.expand import expand_all, for_run
from repropack.judge.model import Claim, Experiment, Metric, MetricRef, parse_tolerance
from repropack.judge.rule import judge_all
from repropack.judge.shipped import countable, records
from repropack.report import assessment as saved

CELLS = Metric("acc", "json", "results/{attention}-{seed}.json", "acc")
NET = Experiment(
    "net",
    "train {attention} {seed}",
    (CELLS,),
    seeds=(0, 1),
    matrix=(("attention", ("none", "eca")),),
)


def claim(cell: str, value: str) -> Claim:
    """A value with half a point of tolerance."""
    ref = MetricRef("net", "acc", (("attention", cell),) if cell else ())
    return Claim(f"c-{cell}", "value", ref, value, tolerance=parse_tolerance("0.5"))


def judged(root: Path, experiment: Experiment, *claims: Claim) -> Assessment:
    """The claims, on what lies below `root`."""
    experiments = countable([experiment])
    specs = expand_all(experiments)
    return judge_all(experiments, claims, records(experiments, specs, str(root), "abc"))


def ship(root: Path, **values: float) -> None:
    """A result file for each run, such as `eca-0`."""
    (root / "results").mkdir()
    for name, value in values.items():
        path = root / "results" / f"{name.replace('_', '-')}.json"
        path.write_text(json.dumps({"acc": value}), "utf-8")


def test_files_are_told_apart_by_their_names(tmp_path: Path) -> None:
    """Each file belongs to the run that its name says, and the words say that nothing was run."""
    ship(tmp_path, none_0=93.1, none_1=93.15, eca_0=94.0, eca_1=94.1)
    found = judged(tmp_path, NET, claim("none", "93.1"), claim("eca", "99.9"))
    assert [j.words for j in found.judgements] == ["file agrees", "file differs"]
    assert found.judgements[0].groups[0].texts == ("93.1", "93.15")
    assert (found.words, found.exit_code) == ("file differs", 1)
    for text in (report.text(found), report.markdown(found), json.dumps(report.as_dict(found))):
        assert "nothing was run" in text and "file agrees" in text
        assert "reproduced" not in text
    assert report.as_dict(found)["evidence"] == "shipped files"
    assert saved(json.loads(json.dumps(report.as_dict(found)))) == found


def test_one_file_for_several_cells_is_of_none(tmp_path: Path) -> None:
    """A file that two cells share is no evidence for either; the reason says how to name it."""
    (tmp_path / "r.json").write_text('{"acc": 93.1}')
    shared = replace(NET, metrics=(replace(CELLS, path="r.json"),))
    found = judged(tmp_path, shared, claim("none", "93.1"))
    assert (found.words, found.exit_code) == ("no evidence", 6)
    assert "the same file for 2 runs" in found.judgements[0].reasons[0]


def test_one_file_for_several_seeds_is_one_run(tmp_path: Path) -> None:
    """Where no name has the seed, one file counts once, whatever seeds are declared."""
    (tmp_path / "r.json").write_text('{"acc": 93.1}')
    plain = replace(NET, metrics=(replace(CELLS, path="r.json"),), matrix=())
    found = judged(tmp_path, plain, claim("", "93.1"))
    assert (found.judgements[0].groups[0].n, found.words) == (1, "file agrees")


@pytest.mark.parametrize(
    ("metric", "content", "reason"),
    [
        (Metric("acc", "json", "none.json", "acc"), "", "not among the files of the source"),
        (Metric("acc", "stdout", "", "acc: (.*)"), "", "what a run prints is not shipped"),
        (Metric("acc", "json", "../r.json", "acc"), "", "outside of the working directory"),
        (Metric("acc", "json", "r.json", "acc"), '{"acc": NaN}', "NaN"),
        (
            Metric("acc", "json", "r.json", "acc"),
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "git lfs pull",
        ),
    ],
)
def test_what_is_no_evidence(tmp_path: Path, metric: Metric, content: str, reason: str) -> None:
    """A file that is not there, is not one, or holds no number: no evidence, with the reason."""
    (tmp_path / "r.json").write_text(content)
    found = judged(tmp_path, Experiment("net", "train", (metric,)), claim("", "1"))
    assert found.exit_code == 6
    assert reason in found.judgements[0].reasons[0]


def test_placeholders_are_those_of_the_run() -> None:
    """Paths, conditions and outputs get the run's own values; other braces stay."""
    where = (("run", "s{seed}"), ("kind", "{other}"))
    declared = replace(
        NET, metrics=(replace(CELLS, where=where),), outputs=("{attention}/{seed}/*.png",)
    )
    spec = expand_all([declared])[3]
    own = for_run(declared, spec)
    assert own.metrics[0].path == "results/eca-1.json"
    assert own.metrics[0].where == (("run", "s1"), ("kind", "{other}"))
    assert own.outputs == ("eca/1/*.png",)
