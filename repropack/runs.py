"""Running every run of a bundle in its image, and keeping what came back.

Each run's directory holds `record.json` (written by the judge inside the container, or here when
the container was lost), `log.txt` and `outputs/`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack.bundle import Bundle
from repropack.cuda.compare import compare
from repropack.engines import EngineFacts, Pairs, RunOrder, RunResult, host_of
from repropack.errors import ConfigError, Interrupted, RunError, UsageError
from repropack.findings import Severity
from repropack.judge import report
from repropack.judge.check import needed_runs
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import select
from repropack.judge.model import Experiment, RunSpec, failed_record
from repropack.judge.rule import judge_all
from repropack.progress import Reporter
from repropack.settings import Built, Question, Verified
from repropack.workspace import write_atomically

Record = dict[str, Any]


def select_runs(bundle: Bundle, claims: tuple[str, ...]) -> tuple[RunSpec, ...]:
    """The runs that these claims need; every run when none is named.

    Raises `ConfigError` when the bundle claims nothing, `UsageError` for an unknown claim.
    """
    if not bundle.manifest.claims:
        raise ConfigError(
            f"{bundle.name} claims nothing: there is nothing to verify",
            hint="add the paper's numbers under `claims:` in repropack.yaml",
        )
    try:
        chosen = select(bundle.manifest, claims)
    except ManifestError as error:
        raise UsageError(str(error)) from error
    if not claims:
        return bundle.runs
    return tuple(needed_runs(bundle.manifest.experiments, chosen))


def run_and_judge(
    built: Built,
    runs: tuple[RunSpec, ...],
    question: Question,
    *,
    directory: Path,
    reporter: Reporter,
) -> Verified:
    """Do the runs, judge the claims, and write the report in three formats to `directory`."""
    bench = Bench(built=built, directory=directory / "runs", reporter=reporter)
    records = run_all(runs, bench)
    manifest = built.bundle.manifest
    assessment = judge_all(
        manifest.experiments,
        select(manifest, question.claims),
        records,
        question.tolerance,
        source_kind=manifest.source_kind,
        name=built.bundle.name,
        run_ids={run.id for run in runs},
        logs=str(bench.directory),
    )
    verified = Verified(built=built, assessment=assessment, directory=directory)
    write_reports(verified)
    return verified


def write_reports(verified: Verified) -> None:
    """report.txt, report.md and report.json, the last with what was verified in which image."""
    assessment = verified.assessment
    texts = {
        "report.txt": report.text(assessment),
        "report.md": report.markdown(assessment),
        "report.json": json.dumps(as_dict(verified), indent=1) + "\n",
    }
    try:
        for name, text in texts.items():
            write_atomically(verified.directory / name, text)
    except OSError as error:
        raise RunError(f"cannot write {verified.directory}: {error.strerror}") from error


def as_dict(verified: Verified) -> dict[str, Any]:
    """A verification as plain JSON values."""
    built = verified.built
    return {
        **report.as_dict(verified.assessment),
        "commit": built.bundle.commit,
        "bundle": {"path": str(built.bundle.directory), "digest": built.bundle.digest},
        "image": {"tag": built.image.tag, "id": built.image.id},
        "engine": {"name": built.facts.name, "version": built.facts.version},
        "base": {"differences": list(built.strange)},
        "directory": str(verified.directory),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What runs need: the image with its engine, and where results go."""

    built: Built
    directory: Path
    reporter: Reporter

    @property
    def facts(self) -> EngineFacts:
        """What the engine says of itself."""
        return self.built.facts


def check_gpu(experiments: tuple[Experiment, ...], bench: Bench) -> None:
    """Say before the first run what will fail on this machine's GPU. Raises `RunError`.

    What may fail, and what an optional GPU lacks, is told and does not stop anything.
    """
    needs = {experiment.gpu for experiment in experiments}
    gpu = next((need for need in ("required", "optional") if need in needs), "none")
    bundle, facts = bench.built.bundle, bench.facts
    problems = compare(bundle.cuda, host_of(facts), gpu=gpu, python=bundle.base.python)
    stopping = [problem for problem in problems if problem.severity is Severity.PROBLEM]
    for problem in problems:
        if problem not in stopping:
            bench.reporter.note(f"GPU: {problem.what} ({problem.fix})")
    if stopping:
        needing = ", ".join(each.name for each in experiments if each.gpu == "required")
        raise RunError(
            f"{needing} needs a GPU: " + "; ".join(problem.what for problem in stopping),
            hint="; ".join(problem.fix for problem in stopping),
        )


def run_all(runs: tuple[RunSpec, ...], bench: Bench) -> tuple[Record, ...]:
    """Every run, in order; a failed one does not stop the others. Ctrl-C does, with a record.

    Raises `Interrupted` when the user stopped a run, after its record was written.
    """
    bundle = bench.built.bundle
    experiments = {experiment.name: experiment for experiment in bundle.manifest.experiments}
    check_gpu(tuple(experiments[name] for name in sorted({r.experiment for r in runs})), bench)
    records = []
    for number, run in enumerate(runs, start=1):
        bench.reporter.step(f"running {run.id} ({number} of {len(runs)})")
        experiment = experiments[run.experiment]
        order = order_for(bundle, run, experiment, bench)
        result = bench.built.engine.run(order, bench.reporter.detail)
        record = read_record(result, run, order)
        records.append(record)
        if result.status == "interrupted" or record.get("status") == "interrupted":
            raise Interrupted(
                f"stopped while {run.id} was running",
                hint=f"the record of what it did is {order.directory / 'record.json'}",
            )
    return tuple(records)


def order_for(bundle: Bundle, run: RunSpec, experiment: Experiment, bench: Bench) -> RunOrder:
    """What the engine is asked to do for one run."""
    gpu = experiment.gpu != "none" and bool(bench.facts.gpus)
    return RunOrder(
        image=bench.built.image,
        run_id=run.id,
        name=f"repropack-{bundle.name.lower()}",
        network=experiment.network,
        gpu=gpu,
        timeout_s=experiment.timeout_s,
        facts=(
            ("engine", f"{bench.facts.name} {bench.facts.version}".strip()),
            ("image_id", bench.built.image.id),
            ("commit", bundle.commit),
            ("gpu", bench.facts.gpus[0].name if gpu else "none"),
            *base_fact(bench.built),
        ),
        directory=bench.directory / run.id,
    )


def base_fact(built: Built) -> Pairs:
    """Whether the base is made of the authors' packages, where that is known."""
    if not built.bundle.debs:
        return ()
    same = "as recorded"
    return (("base", same if not built.strange else f"packages that differ: {len(built.strange)}"),)


def read_record(result: RunResult, run: RunSpec, order: RunOrder) -> Record:
    """The record that the judge wrote, or one that says why there is none."""
    path = order.directory / "record.json"
    try:
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            return record
    except (OSError, ValueError):
        pass
    record = failed_record(run, result.status, result.reason, dict(order.facts))
    try:
        order.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(record) + "\n")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
    return record
