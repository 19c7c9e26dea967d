"""When is a claim reproduced? One pure, deterministic function: claims and records -> assessment.

Owns: which rule is for which claim, and the overall verdict (10). No clock, no files, and no
randomness that is not seeded.
Does not own: reading records (`evidence`), formulas (`equivalence`), showing it (`report`).
"""

from __future__ import annotations

from typing import Any, Collection, List, Mapping, Optional, Sequence, Tuple

from repropack.judge import check, expand, table, value, winning
from repropack.judge.assessment import Assessment, Judgement, RunSummary
from repropack.judge.evidence import Evidence, Record, parse_record
from repropack.judge.files import printable
from repropack.judge.model import Claim, Experiment, ManifestError, Tolerance
from repropack.judge.verdict import (
    QUICK_MARK,
    RECORDED,
    RECORDED_MARK,
    Verdict,
    exit_code,
    worst,
)

__all__ = ["Assessment", "judge_all"]

_MARKS = {
    "dirty": "from a dirty tree",
    "snapshot": "from a directory that is not a repository",
}


def judge_all(
    experiments: Sequence[Experiment],
    claims: Sequence[Claim],
    records: Sequence[Mapping[str, Any]],
    tolerance: Optional[Tolerance] = None,
    *,
    source_kind: str = "commit",
    name: str = "",
    run_ids: Optional[Collection[str]] = None,
    logs: str = "",
    notes: Sequence[str] = (),
) -> Assessment:
    """Judge every claim on the records (objects as in `record.json`).

    `tolerance` overrides every claim's own. `source_kind` is `commit`, `dirty` or `snapshot`.
    `run_ids` are the runs that were asked for; without it all runs of the experiments count, and
    one without a record is missing evidence. `logs` is the directory in which each run has its own,
    for the report to say where a log is; `notes` are what else it should say. ManifestError if the
    input does not fit together.
    """
    check.require(experiments, claims)
    specs = expand.expand_all(experiments)
    parsed, strangers = _known({spec.id: spec.experiment for spec in specs}, records, logs)
    evidence = Evidence(experiments, specs, parsed, run_ids)
    recorded = any(record.summary.status == RECORDED for record in parsed)
    quick = any(experiment.is_quick for experiment in experiments)
    found = [RECORDED_MARK if recorded else "", QUICK_MARK if quick else ""]
    marks = tuple(filter(None, [*found, _MARKS.get(source_kind)]))
    judgements = tuple(_judge(claim, evidence, tolerance, marks) for claim in claims)
    verdict = worst(judgement.verdict for judgement in judgements)
    if quick and not claims and evidence.is_complete():
        verdict = Verdict.REPRODUCED  # which reads "quick set passed", and of no claim
    runs = tuple(record.summary for record in parsed)
    return Assessment(
        name=name,
        judgements=judgements,
        verdict=verdict,
        exit_code=exit_code(verdict, any(run.failed for run in runs)),
        notes=(*notes, *_notes(experiments, claims, parsed, strangers, tolerance)),
        marks=marks,
        runs=runs,
    )


def _judge(
    claim: Claim, evidence: Evidence, override: Optional[Tolerance], marks: Tuple[str, ...]
) -> Judgement:
    judge = {"value": value.judge, "table": table.judge}.get(claim.kind, winning.judge)
    return judge(claim, evidence, override, marks)


def _known(
    experiment_of: Mapping[str, str], records: Sequence[Mapping[str, Any]], logs: str
) -> Tuple[List[Record], List[str]]:
    """The records of runs that the experiments have, in their order, and the ids of all others."""
    order = {run_id: i for i, run_id in enumerate(experiment_of)}
    known, strangers = [], []
    for i, data in enumerate(records):
        record = _record(data, "records[%d]" % i, logs, experiment_of)
        run = record.summary
        if run.id not in order:
            strangers.append(run.id)
            continue
        if run.experiment != experiment_of[run.id]:
            what = "%r does not have the run %s" % (run.experiment, run.id)
            raise ManifestError("records[%d].experiment" % i, what)
        known.append(record)
    return sorted(known, key=lambda record: order[record.summary.id]), strangers


def _record(data: Any, path: str, logs: str, experiment_of: Mapping[str, str]) -> Record:
    """A record; one that is not as records are is no evidence for its run, if it names one."""
    try:
        return parse_record(data, path, logs)
    except ManifestError as error:
        run_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(run_id, str) or run_id not in experiment_of:
            raise
        reason = "its record cannot be used: %s" % str(error).replace(path + ".", "")
        summary = RunSummary(run_id, experiment_of[run_id], "failed", printable(reason, 400))
        return Record((), {}, summary)


def _notes(
    experiments: Sequence[Experiment],
    claims: Sequence[Claim],
    records: Sequence[Record],
    strangers: Sequence[str],
    tolerance: Optional[Tolerance],
) -> List[str]:
    notes = []
    quick = any(experiment.is_quick for experiment in experiments)
    if quick and not claims:
        notes.append("no claim is judged: each run has to end well and to write each metric")
    elif not claims:
        notes.append("there are no claims to judge")
    if tolerance is not None:
        notes.append(
            "the tolerance %s given on the command line overrides every claim's own"
            % tolerance.text
        )
    if any((record.fact("engine") or "").split()[:1] == ["venv"] for record in records):
        notes.append("no container was verified: the runs used the embedded engine (venv)")
    for experiment in experiments:
        several = experiment.repeats > 1 or len(set(experiment.seeds)) > 1
        ran = any(r.summary.experiment == experiment.name for r in records)
        if several and ran and not expand.takes_seed(experiment):
            notes.append(
                "%s was repeated as it is: its command has no {seed}, so seeds could not be varied"
                % experiment.name
            )
        gpus = {r.fact("gpu") for r in records if r.summary.experiment == experiment.name}
        if experiment.gpu == "optional" and "none" in gpus:
            notes.append(
                "%s ran on the CPU: its GPU is optional and there was none" % experiment.name
            )
    for run_id in strangers:
        notes.append("the record of %s was ignored: no experiment has this run" % run_id)
    return notes
