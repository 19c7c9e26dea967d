"""From records to the numbers that a claim may be judged on, or the reasons why there are none.

Owns: rule 1 of verdict.md. Does not own: comparing numbers (`rule`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from repropack.judge import check, series
from repropack.judge.assessment import RunSummary
from repropack.judge.fields import Fields
from repropack.judge.files import FileProblem, printable
from repropack.judge.model import Experiment, ManifestError, MetricRef, Params, RunSpec
from repropack.judge.number import number


@dataclass(frozen=True)
class Record:
    """The part of a `record.json` that judging needs."""

    facts: Params
    metrics: Mapping[str, Any]
    summary: RunSummary

    def fact(self, name: str) -> Optional[str]:
        """What the engine said, or None."""
        return dict(self.facts).get(name)


class Sample(NamedTuple):
    """One obtained value: exact text and number, of which run, with which seed and parameters.

    `value` is the number of the text, exactly as it was written; `others` are the first, last,
    least and largest of the series that it was chosen from, by name.
    """

    run_id: str
    seed: Optional[int]
    params: Params
    text: str
    value: Decimal
    others: Params = ()


def parse_record(data: Any, path: str, logs: str) -> Record:
    """The record of a JSON object; ManifestError if it is none.

    `logs` is the directory that holds the runs' directories, for the report.
    """
    f = Fields(data, path)
    metrics = f.get("metrics", {})
    if not isinstance(metrics, dict):
        raise ManifestError(f.at("metrics"), "expected an object")
    log = f.get("log", None)
    log_fields = Fields(log or {}, f.at("log"))
    summary = RunSummary(
        id=f.text("id"),
        experiment=f.text("experiment"),
        status=f.text("status"),
        reason=printable(f.text("reason", ""), 400),
        exit_code=f.integer("exit_code", None),
        seconds=f.number("seconds", None),
        cpu_seconds=f.number("cpu_seconds", None),
        gpus=len(f.texts("gpus")),
        gpu_energy_joules=f.number("gpu_energy_joules", None),
        log=printable(os.path.join(logs, f.text("id"), "log.txt"), 400) if log else "",
        tail=tuple(printable(line) for line in log_fields.texts("tail")),
        notes=f.texts("notes"),
    )
    return Record(f.pairs("facts"), metrics, summary)


def unusable(data: Any, run_id: str) -> str:
    """Why a JSON object cannot be the record of a run, or nothing."""
    try:
        found = parse_record(data, "", "").summary.id
    except ManifestError as error:
        return str(error)
    return "" if found == run_id else "it is the record of %s" % printable(found, 80)


class Evidence:
    """All records, looked up by run; a run may have been repeated."""

    def __init__(
        self,
        experiments: Sequence[Experiment],
        specs: Sequence[RunSpec],
        records: Sequence[Record],
        asked_for: Optional[Collection[str]],
    ) -> None:
        self.experiments = {experiment.name: experiment for experiment in experiments}
        self._selects = {(e.name, m.name): m.select for e in experiments for m in e.metrics}
        self._specs = specs
        self._asked_for = asked_for
        self._cells: Dict[Tuple[str, Params], Tuple[RunSpec, ...]] = {}
        self._asked: Dict[Tuple[str, Params], Tuple[RunSpec, ...]] = {}
        self._pooled: Dict[Tuple[str, Params], int] = {}
        self._records: Dict[str, List[Tuple[Record, str]]] = {}
        for record in records:
            known = self._records.setdefault(record.summary.id, [])
            known.append((record, self._refusal(record)))

    def specs(self, ref: MetricRef) -> Tuple[RunSpec, ...]:
        """The runs that were asked for and that the reference means."""
        if self._asked_for is None:
            return self._meant(ref)
        cell = (ref.experiment, ref.cell)
        if cell not in self._asked:
            asked_for = self._asked_for
            self._asked[cell] = tuple(s for s in self._meant(ref) if s.id in asked_for)
        return self._asked[cell]

    def select(self, ref: MetricRef) -> str:
        """Which of several matches the reference's metric takes."""
        return self._selects.get((ref.experiment, ref.metric), "last")

    def left_out(self, ref: MetricRef) -> int:
        """How many runs the reference means that nobody asked for."""
        return len(self._meant(ref)) - len(self.specs(ref))

    def _meant(self, ref: MetricRef) -> Tuple[RunSpec, ...]:
        """The runs that the reference means, asked for or not; many claims mean the same ones."""
        cell = (ref.experiment, ref.cell)
        if cell not in self._cells:
            self._cells[cell] = check.matching(ref, self._specs)
        return self._cells[cell]

    def cells(self, ref: MetricRef) -> int:
        """How many cells of the matrix the reference pools."""
        cell = (ref.experiment, ref.cell)
        if cell not in self._pooled:
            self._pooled[cell] = len({spec.params for spec in self.specs(ref)})
        return self._pooled[cell]

    def facts(self, ref: MetricRef, name: str) -> Tuple[str, ...]:
        """The different values of a fact among the reference's records."""
        ids = [spec.id for spec in self.specs(ref)]
        found = [each.fact(name) for run_id in ids for each, _ in self._records.get(run_id, [])]
        return tuple(dict.fromkeys(fact for fact in found if fact is not None))

    def samples(self, ref: MetricRef) -> Tuple[List[Sample], List[str]]:
        """The values of all runs of the reference, and every reason why one is missing."""
        samples: List[Sample] = []
        reasons: List[str] = []
        specs = self.specs(ref)
        if not specs:
            reasons.append("%s: no run was asked for" % ref)
        for spec in specs:
            records = self._records.get(spec.id, [])
            if not records:
                reasons.append("%s: there is no record of this run" % spec.id)
            for record, refusal in records:
                data: Any = record.metrics.get(ref.metric)
                text, reason = ("", refusal) if refusal else _number(data, ref.metric)
                if reason:
                    reasons.append("%s: %s" % (spec.id, reason))
                else:
                    among = data.get("among")
                    others = tuple(series.alternatives(among)) if among else ()
                    value = Decimal(text)
                    samples.append(Sample(spec.id, spec.seed, spec.params, text, value, others))
        return samples, reasons

    def is_complete(self) -> bool:
        """Whether each run that was asked for ended well and has every metric."""
        asked = [s for s in self._specs if self._asked_for is None or s.id in self._asked_for]
        return bool(asked) and all(self._is_whole(spec) for spec in asked)

    def _is_whole(self, spec: RunSpec) -> bool:
        records = self._records.get(spec.id, [])
        names = [metric.name for metric in self.experiments[spec.experiment].metrics]
        return bool(records) and not any(
            refusal or any(_number(record.metrics.get(name), name)[1] for name in names)
            for record, refusal in records
        )

    def _refusal(self, record: Record) -> str:
        """Why nothing that the run wrote counts, or nothing."""
        run = record.summary
        if run.failed:
            return run.reason or "the run ended as: %s" % printable(run.status)
        if run.exit_code not in (0, None):
            return "the run exited with code %d" % run.exit_code
        needs_gpu = self.experiments[run.experiment].gpu == "required"
        if needs_gpu and record.fact("gpu") in (None, "", "none"):
            return "the experiment requires a GPU and the run had none"
        return ""


def _number(data: Any, metric: str) -> Tuple[str, str]:
    """The exact text of what was read for a metric, or the reason why it does not count."""
    if not isinstance(data, dict):
        return "", "the record has no metric %s" % metric
    if data.get("reason"):
        return "", printable(str(data["reason"]), 400) or "the record says no reason"
    try:
        return number(data.get("text"))[0], ""
    except FileProblem as problem:
        return "", "the record %s" % problem
