"""The arguments of the judge's commands, and what stands in their help.

Owns: the parser. Does not own: what the commands do (`__main__`).
"""

from __future__ import annotations

import argparse
from typing import Any, Callable, Mapping, Tuple

from repropack.judge import manifest
from repropack.judge.model import Tolerance, parse_tolerance

Action = Callable[[argparse.Namespace, manifest.Manifest], int]

_EPILOG = """examples:
  python judge.pyz runs                                    which runs there are
  python judge.pyz run svm-seed0 --out out/svm-seed0       do one of them, here
  cat out/*/record.json | python judge.pyz judge --records -   judge the claims

exit codes: 0 all claims reproduced, 1 a claim is not, 2 usage, 6 a run failed or a claim has
no evidence, 8 inconclusive. `run` exits with 0 whenever it wrote a record."""


def parser(actions: Mapping[str, Action]) -> argparse.ArgumentParser:
    """The parser; a command's action is what `actions` has under its name."""
    made = argparse.ArgumentParser(
        prog="judge.pyz",
        description="Run the experiments of a bundle and judge its claims.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    adders = {"runs": _add_runs, "room": _add_room, "run": _add_run, "judge": _add_judge,
              "recorded": _add_recorded, "image": _add_image}  # fmt: skip
    for name, add in adders.items():
        add(commands, actions[name])
    return made


def _add_image(commands: Any, action: Action) -> None:
    text = (
        "Compare an image with the authors' list of its files: stdin is the list, then the archive."
    )
    _add(commands, "image", action, text)


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


def _add_runs(commands: Any, action: Action) -> None:
    text = """List the runs, one per line: ID, gpu (none, optional, required; cpu: not to be
        used), network (0 or 1), timeout in seconds or -, experiment, and left or done."""
    parser = _add(commands, "runs", action, text)
    _add_claims(parser)
    _add_number(parser)
    _add_place(parser)
    parser.add_argument(
        "--records", metavar="FILE", default="",
        help="records of an earlier call, as JSON lines: their runs are done; - is stdin",
    )  # fmt: skip
    parser.add_argument(
        "--image", metavar="ID", default="", help="the image that they must have been done in"
    )


def _add_room(commands: Any, action: Action) -> None:
    text = "Say how many runs like those of the records on stdin this machine can do at once."
    parser = _add(commands, "room", action, text)
    parser.add_argument("--cpus", metavar="N", type=int, default=1, help="processors there are")
    parser.add_argument("--memory", metavar="BYTES", type=int, help="memory there is")


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quick", action="store_true", help="the authors' quick set, not the experiments"
    )
    parser.add_argument(
        "--cpu", action="store_true", help="without the GPU that experiments could use"
    )


def _add_run(commands: Any, action: Action) -> None:
    text = "Do one run in the working directory and write DIR/record.json, log.txt and outputs/."
    parser = _add(commands, "run", action, text)
    parser.add_argument("id", metavar="ID", help="the run, as `runs` lists it")
    parser.add_argument("--out", metavar="DIR", required=True, help="where the record goes")
    _add_number(parser)
    parser.add_argument(
        "--fact", metavar="NAME=VALUE", action="append", default=[], type=_fact,
        help="something that the engine knows, kept in the record (repeatable)",
    )  # fmt: skip


def _add_judge(commands: Any, action: Action) -> None:
    text = "Judge the claims on the records and print the report."
    parser = _add(commands, "judge", action, text)
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
    parser.add_argument(
        "--note", metavar="TEXT", action="append", default=[],
        help="something to be told of how the runs came about (repeatable)",
    )  # fmt: skip
    _add_number(parser)
    _add_place(parser)
    _add_report(parser)


def _add_recorded(commands: Any, action: Action) -> None:
    text = "Judge the claims on result files that the source ships; nothing is run."
    parser = _add(commands, "recorded", action, text)
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
