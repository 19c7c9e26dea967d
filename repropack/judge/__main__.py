"""`python judge.pyz runs | run | judge | recorded`: the judge as a program, inside any image.

Owns: arguments, messages and exit codes. The only module of the judge that prints.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from repropack.judge import expand, files, manifest, selection
from repropack.judge.assessment import Assessment
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest
from repropack.judge.model import Tolerance, parse_tolerance

_USAGE = 2
_FAILED = 6
_EPILOG = """examples:
  python judge.pyz runs                                    which runs there are
  python judge.pyz run svm-seed0 --out out/svm-seed0       do one of them, here
  cat out/*/record.json | python judge.pyz judge --records -   judge the claims

exit codes: 0 all claims reproduced, 1 a claim is not, 2 usage, 6 a run failed or a claim has
no evidence, 8 inconclusive. `run` exits with 0 whenever it wrote a record."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Do what the arguments say; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options, manifest.load(options.manifest)))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="judge.pyz",
        description="Run the experiments of a bundle and judge its claims.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    _add_runs(commands)
    _add_run(commands)
    _add_judge(commands)
    _add_recorded(commands)
    return parser


def _add(commands: Any, name: str, action: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(action=action)
    parser.add_argument(
        "--manifest", metavar="FILE", default=manifest.default_path(__file__),
        help="the bundle's manifest (default: repropack.json beside judge.pyz)",
    )  # fmt: skip
    return parser


def _add_claims(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--claim", metavar="ID", action="append", default=[], help="only this claim (repeatable)"
    )
    parser.add_argument(
        "--only", metavar="CELL", action="append", default=[],
        help="only these runs: EXPERIMENT or EXPERIMENT{NAME=VALUE} (repeatable)",
    )  # fmt: skip


def _add_number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", metavar="N", type=int, help="so many runs of each cell, with new seeds if need be"
    )


def _add_runs(commands: Any) -> None:
    text = "List the runs, one per line: ID, gpu, network (0 or 1), timeout in seconds or -."
    parser = _add(commands, "runs", _runs, text)
    _add_claims(parser)
    _add_number(parser)


def _add_run(commands: Any) -> None:
    text = "Do one run in the working directory and write DIR/record.json, log.txt and outputs/."
    parser = _add(commands, "run", _run, text)
    parser.add_argument("id", metavar="ID", help="the run, as `runs` lists it")
    parser.add_argument("--out", metavar="DIR", required=True, help="where the record goes")
    _add_number(parser)
    parser.add_argument(
        "--fact", metavar="NAME=VALUE", action="append", default=[], type=_fact,
        help="something that the engine knows, kept in the record (repeatable)",
    )  # fmt: skip


def _add_judge(commands: Any) -> None:
    text = "Judge the claims on the records and print the report."
    parser = _add(commands, "judge", _judge, text)
    parser.add_argument(
        "--records", metavar="FILE", required=True, help="the records, as JSON lines; - is stdin"
    )
    parser.add_argument(
        "--logs", metavar="DIR", default="", help="where the runs' directories are, for the report"
    )
    parser.add_argument(
        "--subject", metavar="NAME=SHA256", action="append", default=[], type=_fact,
        help="what was tested; with -o, attestation.json says which claims passed (repeatable)",
    )  # fmt: skip
    _add_number(parser)
    _add_report(parser)


def _add_recorded(commands: Any) -> None:
    text = "Judge the claims on result files that the source ships; nothing is run."
    parser = _add(commands, "recorded", _recorded, text)
    parser.add_argument("--source", metavar="DIR", required=True, help="where the source lies")
    _add_report(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tolerance", metavar="T", type=_tolerance,
        help="0.5 (in the claim's unit) or 1%% (of the reported value), for every claim",
    )  # fmt: skip
    _add_claims(parser)
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    parser.add_argument(
        "-o", metavar="DIR", dest="directory", help="also write report.txt, report.md, report.json"
    )


def _fact(text: str) -> Tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("%r is not NAME=VALUE" % text)
    return name, value.encode("utf-8", "replace").decode("utf-8")


def _tolerance(text: str) -> Tolerance:
    try:
        return parse_tolerance(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _runs(options: argparse.Namespace, bundle: Manifest) -> int:
    experiments = {experiment.name: experiment for experiment in bundle.experiments}
    for spec in selection.select(bundle, options.claim, options.only, options.runs).runs:
        experiment = experiments[spec.experiment]
        timeout = "-" if experiment.timeout_s is None else "%d" % math.ceil(experiment.timeout_s)
        print("\t".join([spec.id, experiment.gpu, "%d" % experiment.network, timeout]))
    sys.stdout.flush()
    return 0


def _run(options: argparse.Namespace, bundle: Manifest) -> int:
    # Imported here: a zipapp compiles what it imports at every start, and a run is waiting.
    from repropack.judge import processes, runner

    bundle = selection.with_runs(bundle, options.runs)
    found = [spec for spec in expand.expand_all(bundle.experiments) if spec.id == options.id]
    if not found:
        raise ManifestError("", "there is no run %s; `runs` lists them" % options.id)
    experiment = next(e for e in bundle.experiments if e.name == found[0].experiment)
    processes.adopt_orphans()
    runner.execute(experiment, found[0], os.getcwd(), options.out, dict(options.fact))
    return 0


def _judge(options: argparse.Namespace, bundle: Manifest) -> int:
    from repropack.judge import rule

    chosen = selection.select(bundle, options.claim, options.only, options.runs)
    records, author = _without_reports(manifest.parse_records(_read(options.records)))
    ids = {spec.id for spec in chosen.runs}
    if options.claim or options.only:
        records = [r for r in records if not isinstance(r, dict) or _is_of(r.get("id"), ids)]
    assessment = rule.judge_all(
        chosen.experiments, chosen.claims, records, options.tolerance,
        source_kind=bundle.source_kind, name=bundle.name, run_ids=ids, logs=options.logs,
        notes=chosen.notes,
    )  # fmt: skip
    return _report(replace(assessment, author=author), options)


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


def _arguments() -> List[str]:
    return sys.argv[1:]


if __name__ == "__main__":
    sys.exit(main(_arguments()))
