"""`python judge.pyz runs | room | run | judge | recorded | image`: a program in any image.

Owns: messages and exit codes. The only module of the judge that prints. Does not own: the arguments
(`arguments`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from repropack.judge import expand, files, manifest, selection, turns
from repropack.judge.arguments import parser
from repropack.judge.assessment import Assessment
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest

_USAGE = 2
_FAILED = 6


def main(given: Optional[Sequence[str]] = None) -> int:
    """Do what the arguments say; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = parser(_ACTIONS).parse_args(given)
    try:
        return int(options.action(options, manifest.load(options.manifest)))
    except selection.NeedsGpu as error:
        return _complain(str(error), _FAILED)
    except ManifestError as error:
        return _complain(str(error), _USAGE)
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except OSError as error:
        return _complain(str(error), _FAILED)
    except KeyboardInterrupt:
        return 130


def _complain(what: str, code: int) -> int:
    print("judge: error: %s" % what, file=sys.stderr)
    return code


def _select(options: argparse.Namespace, bundle: Manifest) -> selection.Selection:
    return selection.select(
        bundle, options.claim, options.only, options.runs, options.quick, options.cpu
    )


def _runs(options: argparse.Namespace, bundle: Manifest) -> int:
    chosen = _select(options, bundle)
    experiments = {experiment.name: experiment for experiment in chosen.experiments}
    records = manifest.parse_whole_records(_read(options.records)) if options.records else []
    for spec in chosen.runs:
        experiment = experiments[spec.experiment]
        timeout = "-" if experiment.timeout_s is None else "%d" % math.ceil(experiment.timeout_s)
        on_cpu = spec.experiment in chosen.on_cpu
        done = any(turns.finished(each, spec, options.image, on_cpu) for each in records)
        state = "done" if done else "left"
        gpu = "cpu" if on_cpu else experiment.gpu
        print("\t".join([spec.id, gpu, "%d" % experiment.network, timeout, spec.experiment, state]))
    sys.stdout.flush()
    return 0


def _room(options: argparse.Namespace, bundle: Manifest) -> int:
    records = [each for each in manifest.parse_records(_read("-")) if isinstance(each, dict)]
    print(min((turns.room_for(r, options.cpus, options.memory) for r in records), default=1))
    sys.stdout.flush()
    return 0


def _run(options: argparse.Namespace, bundle: Manifest) -> int:
    # Imported here: a zipapp compiles what it imports at every start, and a run is waiting.
    from repropack.judge import processes, runner

    for whole in (bundle, bundle.quick):  # an id says of which it is
        experiments = selection.with_runs(whole, options.runs).experiments
        for spec in expand.expand_all(experiments):
            if spec.id == options.id:
                experiment = next(e for e in experiments if e.name == spec.experiment)
                processes.adopt_orphans()
                runner.execute(experiment, spec, os.getcwd(), options.out, dict(options.fact))
                return 0
    raise ManifestError("", "there is no run %s; `runs` lists them" % options.id)


def _judge(options: argparse.Namespace, bundle: Manifest) -> int:
    from repropack.judge import rule

    chosen = _select(options, bundle)
    records, author = _without_reports(manifest.parse_records(_read(options.records)))
    ids = {spec.id for spec in chosen.runs}
    if options.claim or options.only or options.quick:
        records = [r for r in records if not isinstance(r, dict) or _is_of(r.get("id"), ids)]
    assessment = rule.judge_all(
        chosen.experiments, chosen.claims, records, options.tolerance,
        source_kind=bundle.source_kind, name=bundle.name, run_ids=ids, logs=options.logs,
        notes=(*chosen.notes, *options.note),
    )  # fmt: skip
    return _report(replace(assessment, author=author, data=bundle.datasets), options)


def _is_of(run_id: Any, ids: Set[str]) -> bool:
    """Whether a record is of one of these runs; one that does not say of which is kept."""
    return not isinstance(run_id, str) or run_id in ids


def _without_reports(records: List[Any]) -> Tuple[List[Any], Tuple[str, ...]]:
    """The records, and what the report of an author among them says of each claim."""
    from repropack.judge import report, saved

    found: Tuple[List[Any], List[Any]] = ([], [])
    for each in records:
        found[isinstance(each, dict) and each.get("schema") == report.REPORT_SCHEMA].append(each)
    lines = [line for each in found[1] for line in report.author_lines(saved.assessment(each))]
    return found[0], tuple(lines)


def _recorded(options: argparse.Namespace, bundle: Manifest) -> int:
    from repropack.judge import rule, shipped

    bundle = replace(bundle, experiments=shipped.countable(bundle.experiments))
    chosen = selection.select(bundle, options.claim, options.only)
    found = shipped.records(chosen.experiments, chosen.runs, options.source, bundle.commit)
    assessment = rule.judge_all(
        chosen.experiments, chosen.claims, found, options.tolerance,
        source_kind=bundle.source_kind, name=bundle.name, run_ids={each.id for each in chosen.runs},
        notes=chosen.notes,
    )  # fmt: skip
    return _report(assessment, options)


def _image(options: argparse.Namespace, bundle: Manifest) -> int:
    from repropack.judge import imagecheck

    return imagecheck.main(sys.stdin.buffer, sys.stdout)


def _report(assessment: Assessment, options: argparse.Namespace) -> int:
    """Print it, and write it where that was asked for; the exit code."""
    from repropack.judge import report

    rendered = {
        "text": report.text(assessment),
        "markdown": report.markdown(assessment),
        "json": json.dumps(report.as_dict(assessment), indent=2, allow_nan=False) + "\n",
    }
    if options.directory:
        _write(options.directory, rendered)
        _attest(options.directory, assessment, getattr(options, "subject", ()), rendered["json"])
    sys.stdout.write(rendered[options.format])
    sys.stdout.flush()
    return assessment.exit_code


def _read(path: str) -> str:
    try:
        if path == "-":
            return sys.stdin.buffer.read().decode("utf-8", "replace")
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError as error:
        raise ManifestError(path, "cannot be read: %s" % (error.strerror or error)) from None


def _write(directory: str, rendered: Dict[str, str]) -> None:
    os.makedirs(directory, exist_ok=True)
    for name, suffix in (("text", "txt"), ("markdown", "md"), ("json", "json")):
        path = os.path.join(directory, "report.%s" % suffix)
        files.write_atomically(path, rendered[name].encode("utf-8"))


def _attest(
    directory: str, assessment: Assessment, subjects: Sequence[Tuple[str, str]], text: str
) -> None:
    """Which claims passed, where it is said of what."""
    if not subjects:
        return
    import hashlib

    from repropack.judge import attestation

    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    found = attestation.statement(assessment, subjects, digest)
    data = (json.dumps(found, indent=1) + "\n").encode("utf-8")
    files.write_atomically(os.path.join(directory, attestation.FILE), data)


_ACTIONS = {
    "runs": _runs, "room": _room, "run": _run, "judge": _judge, "recorded": _recorded,
    "image": _image,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
