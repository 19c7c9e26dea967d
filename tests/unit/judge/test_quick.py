"""The quick set: its runs, its claims, and that nobody takes it for the experiments."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from repropack.judge import attestation, report, saved
from repropack.judge.expand import expand_all
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest, parse
from repropack.judge.rule import judge_all
from repropack.judge.selection import NeedsGpu, Selection, select
from repropack.judge.verdict import QUICK_MARK
from tests.unit.judge.helpers import claim, experiment, record

LONG = experiment(run="train {seed}", seeds=(0, 1, 2), gpu="optional")
SHORT = experiment(run="train --short {seed}", seeds=(0,), gpu="optional")
OTHER = experiment(name="f", run="other", gpu="required")
CLAIM, SECOND = claim("0.97"), claim("0.5", id="second")
MANIFEST = {
    "schema": "repropack.bundle/1",
    "name": "demo",
    "experiments": [LONG.to_json(), OTHER.to_json()],
    "claims": [CLAIM.to_json(), SECOND.to_json()],
    "quick": {"experiments": [SHORT.to_json()], "claims": [CLAIM.to_json()]},
}


def bundle(**changes: Any) -> Manifest:
    """The manifest, with these keys instead of its own."""
    return parse({**MANIFEST, **changes})


def test_its_runs_are_no_others() -> None:
    """Runs, commands and claims are those of the set, and no id is one of the experiments'."""
    chosen = select(bundle(), quick=True)
    assert [(run.id, run.command) for run in chosen.runs] == [("e-seed0+quick", "train --short 0")]
    assert [each.id for each in chosen.claims] == ["c"]
    assert not {run.id for run in expand_all(bundle().experiments)} & {"e-seed0+quick"}
    twice = select(bundle(), runs=2, quick=True)
    assert [run.id for run in twice.runs] == ["e-seed0+quick", "e-seed1+quick"]
    plain = parse({**MANIFEST, "quick": {"experiments": [{**SHORT.to_json(), "run": "x"}]}})
    again = select(plain, runs=2, quick=True)
    assert [run.id for run in again.runs] == ["e+quick", "e-run2+quick"]


def test_what_it_does_not_have() -> None:
    """A bundle without a set, a claim that it does not support, a claim without a run: refused."""
    with pytest.raises(ManifestError, match="no quick set"):
        select(bundle(quick={}), quick=True)
    with pytest.raises(ManifestError, match="does not support the claim second; it supports: c"):
        select(bundle(), ["second"], quick=True)
    with pytest.raises(ManifestError, match="there is no claim third"):
        select(bundle(), ["third"], quick=True)
    with pytest.raises(ManifestError, match="there is no experiment f"):
        select(bundle(), only=["f"], quick=True)
    strange = claim("1", metric=dataclasses.replace(CLAIM.metric, experiment="f"))  # type: ignore[type-var]
    with pytest.raises(ManifestError, match="there is no experiment f"):
        bundle(quick={"experiments": [SHORT.to_json()], "claims": [strange.to_json()]})


def judged(chosen: Selection, *texts: str | None) -> Any:
    """The assessment of the set's runs that obtained `texts`."""
    ids = [run.id for run in chosen.runs]
    records = [record(run_id, text) for run_id, text in zip(ids, texts, strict=True)]
    return judge_all(chosen.experiments, chosen.claims, records, run_ids=set(ids))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [("0.97", 0, "quick set passed"), ("0.5", 1, "quick set failed"), (None, 6, "no evidence")],
)
def test_every_report_says_what_it_is(text: str | None, code: int, words: str) -> None:
    """Text, Markdown, JSON and the attestation name the set; none of them says reproduced."""
    found = judged(select(bundle(), quick=True), text)
    assert (found.exit_code, found.words, found.quick) == (code, words, True)
    raw = report.as_dict(found)
    attested = attestation.statement(found, [("SHA256SUMS", "0" * 64)], "0" * 64)["predicate"]
    shown = [report.text(found), report.markdown(found), json.dumps(raw)]
    for each in shown:
        assert QUICK_MARK in each.replace("\n    ", " ").replace("Th", "th")
    for each in [*shown, json.dumps(attested)]:
        assert "reproduced" not in each.replace("not reproduced", "reproduced") or text is None
    assert raw["evidence"] == "quick runs"
    names = [*attested["passedTests"], *attested["failedTests"]]
    assert names == ["quick set: c"] and attested["repropack_verdict"] == words
    assert saved.assessment(raw).quick and saved.assessment(raw).words == words


@pytest.mark.parametrize(("text", "code"), [("0.97", 0), (None, 6), ("nan", 6)])
def test_a_set_that_supports_no_claim(text: str | None, code: int) -> None:
    """Then each run has to end well and to write each metric, and no claim is told as judged."""
    empty = bundle(quick={"experiments": [SHORT.to_json()]})
    found = judged(select(empty, quick=True), text)
    assert found.exit_code == code
    assert "supports no claim" in report.summary(found) and "reproduced" not in report.text(found)
    assert any("no claim is judged" in note for note in found.notes)


def test_records_of_the_experiments_do_not_count() -> None:
    """A record of the experiment itself is a stranger to the quick set, and the other way round."""
    chosen = select(bundle(), quick=True)
    ids = {run.id for run in chosen.runs}
    records = [record("e-seed0", "0.97")]
    found = judge_all(chosen.experiments, chosen.claims, records, run_ids=ids)
    assert found.exit_code == 6 and any("e-seed0 was ignored" in note for note in found.notes)
    whole = select(bundle(), ["c"])
    found = judge_all(whole.experiments, whole.claims, [record("e-seed0+quick", "0.97")])
    assert found.exit_code == 6


def test_without_the_gpu() -> None:
    """`--cpu` takes the GPU from who could do without, and refuses who could not."""
    chosen = select(bundle(), ["c"], cpu=True)
    assert chosen.on_cpu == ("e",) and chosen.experiments[0].gpu == "none"
    assert chosen.notes == ("done without a GPU, as --cpu asks: e",)
    with pytest.raises(NeedsGpu, match="require a GPU: f"):
        select(bundle(), cpu=True)
    assert select(bundle(), quick=True, cpu=True).on_cpu == ("e",)
