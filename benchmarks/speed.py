"""How fast repropack is, each time against a peer that is measured in the same minutes.

    benchmarks/speed.py [--quick] [--json FILE] [--builder auto|buildkit|legacy] [NAME...]

Prints a table: what, ours, peer, ratio or difference (median, smallest and largest of the pairs),
target, and whether it is met. Exits 1 if a target is missed by more than the noise (`pairing`).
README.md beside this file says what is compared with what, and why that is fair.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from byhand import ByHand
from cold import ENVIRONMENTS, Cold, names_of
from commands import (
    ENVIRONMENT,
    ROOT,
    BenchmarkError,
    docker,
    repropack_command,
    run,
    size_bytes,
)
from large import measure_large
from pairing import Compare, Met, Result, interleave
from project import EXAMPLE, JOBLIB, Project
from reviewer import measure_reproduce

ROUNDS = {
    "help": (21, 7),
    "inspect": (11, 5),
    "verify": (7, 3),
    "reproduce": (7, 3),
    "code": (9, 3),
    "lock": (5, 3),
    "size": (1, 1),
}
"""How many pairs are measured, at length and with --quick."""
COLD_ROUNDS = {"digits": (3, 1), "science": (5, 2), "torch": (3, 1)}
ONLY_ASKED = ("digits", "torch")
"""Cold builds that are measured when they are named: a trial, and one that fetches 9 GB a round."""


class Bench:
    """What several comparisons share: the temporary directory, the projects, the peer."""

    def __init__(self, parent: Path, *, quick: bool, builder: str) -> None:
        self.parent = parent
        self.quick = quick
        self.builder = builder
        self.projects: list[Project] = []
        self.peers: list[ByHand] = []
        self.colds: dict[str, Cold] = {}

    def rounds(self, name: str) -> int:
        """How many pairs to measure."""
        return ROUNDS[name][1 if self.quick else 0]

    def project(self, example: Path = EXAMPLE) -> Project:
        """A new copy of an example, committed."""
        project = Project.create(self.parent, self.builder, example)
        self.projects.append(project)
        return project

    @cached_property
    def rivals(self) -> tuple[Project, ByHand]:
        """A project and its hand-written Dockerfile, both built once: nothing is cold."""
        say("building both sides once")
        project = self.project()
        project.change_lock(0)
        project.build()
        project.warm()
        base = str(project.manifest["base"]["reference"])
        peer = ByHand.create(project, base=base, buildkit=self.buildkit)
        self.peers.append(peer)
        peer.fetch()
        peer.build(project.revision())
        return project, peer

    def cold(self, environment: str) -> Cold:
        """The cold builds of one environment, measured once for all comparisons."""
        if environment not in self.colds:
            what, example = ENVIRONMENTS[environment]
            pairs = COLD_ROUNDS[environment][1 if self.quick else 0]
            rounds = {"warm": pairs, "cold": max(1, pairs // 2)}
            project = self.project(example)
            self.colds[environment] = Cold(project, what, buildkit=self.buildkit, rounds=rounds)
        return self.colds[environment]

    @cached_property
    def buildkit(self) -> bool:
        """Whether repropack builds with BuildKit here, as the peer then does too."""
        from repropack.engines.docker import DockerEngine

        return DockerEngine(builder=self.builder).check().builder == "buildkit"

    def close(self) -> None:
        """Remove every image that was made."""
        cleaners = [peer.remove_images for peer in self.peers]
        cleaners += [cold.remove_images for cold in self.colds.values()]
        cleaners += [project.remove_images for project in self.projects]
        for clean in cleaners:
            try:
                clean()
            except BenchmarkError as error:
                say(f"left behind: {error}")


def measure_help(bench: Bench) -> Result:
    """Start-up: what a user waits for before anything happens."""
    command = [*repropack_command(), "--help"]
    env = {"PYTHONPATH": str(ROOT)} if len(command) > 2 else {}
    nothing = [sys.executable, "-c", "pass"]
    run(command, env=env)
    return Result(
        name="help",
        what="repropack --help",
        peer="python -c pass",
        unit="s",
        compare=Compare.RATIO,
        target=4.0,
        pairs=interleave(
            lambda _: run(command, env=env).seconds,
            lambda _: run(nothing, env=env).seconds,
            bench.rounds("help"),
        ),
    )


def measure_verify(bench: Bench) -> Result:
    """Everything that repropack does around the experiment when nothing has changed."""
    project = bench.project()
    say("verifying once, which builds")
    project.verify()
    bare = ("run", "--rm", "--network", "none", project.tag, "python", "train.py")
    docker(*bare)
    return Result(
        name="verify",
        what="repropack verify, commit unchanged",
        peer="docker run --rm IMAGE python train.py",
        unit="s",
        compare=Compare.DIFFERENCE,
        target=1.5,
        pairs=interleave(
            lambda _: project.verify(), lambda _: docker(*bare).seconds, bench.rounds("verify")
        ),
    )


def measure_reviewer(bench: Bench, *, python: bool) -> Result:
    """The same of the reviewer's script."""
    say("building the bundle")
    project = bench.project()
    rounds = bench.rounds("reproduce")
    return measure_reproduce(project, project.directory.parent, rounds, python=python)


def measure_code(bench: Bench) -> Result:
    """Rebuild after one line of code: the author's most frequent wait."""
    project, peer = bench.rivals

    def ours(number: int) -> float:
        project.change_code(number)
        return project.build()

    def theirs(number: int) -> float:
        peer.take_source(project)
        return peer.build(project.revision())

    pairs = interleave(ours, theirs, bench.rounds("code"))
    return Result(
        name="code",
        what="rebuild after a one-line code change",
        peer="docker build of benchmarks/Dockerfile",
        unit="s",
        compare=Compare.RATIO,
        target=1.1,
        pairs=pairs,
    )


def measure_lock(bench: Bench) -> Result:
    """Rebuild after another version of one package."""
    project, peer = bench.rivals
    fetching: list[float] = []

    def ours(number: int) -> float:
        project.change_lock(number + 1)
        return project.build(lock_changed=True)

    def theirs(number: int) -> float:
        peer.take_source(project)
        peer.take_lock(project)
        fetching.append(peer.fetch())
        return fetching[-1] + peer.build(project.revision())

    pairs = interleave(ours, theirs, min(bench.rounds("lock"), len(JOBLIB) - 1))
    return Result(
        name="lock",
        what="rebuild after a lock change",
        peer="pip download, docker build",
        unit="s",
        compare=Compare.RATIO,
        target=1.1,
        pairs=pairs,
        notes=(f"of the peer's, pip download takes {statistics.median(fetching):.2f} s",),
    )


def measure_size(bench: Bench) -> Result:
    """The image of the same commit."""
    project, peer = bench.rivals
    project.change_code(-1)
    project.build()
    peer.take_source(project)
    peer.build(project.revision())
    sizes = (size_bytes(project.tag) / 1e6, size_bytes(peer.tag) / 1e6)
    return Result(
        name="size",
        what="image size",
        peer="image of benchmarks/Dockerfile",
        unit="MB",
        compare=Compare.RATIO,
        target=1.05,
        pairs=(sizes,),
    )


MEASURES: dict[str, Callable[[Bench], Result]] = {
    "help": measure_help,
    "inspect": lambda bench: measure_large(bench.parent, bench.rounds("inspect")),
    "verify": measure_verify,
    "reproduce": lambda bench: measure_reviewer(bench, python=True),
    "reproduce-shell": lambda bench: measure_reviewer(bench, python=False),
    "code": measure_code,
    "lock": measure_lock,
    "size": measure_size,
}


def measure_cold(environment: str, name: str) -> Callable[[Bench], Result]:
    """One comparison of cold builds."""
    return lambda bench: names_of(environment)[name](bench.cold(environment))


COLD = {
    name: measure_cold(environment, name)
    for environment in ENVIRONMENTS
    for name in names_of(environment)
}
MEASURES |= COLD
USUAL = [name for name in MEASURES if name not in COLD or name.split("-")[0] not in ONLY_ASKED]


def row(result: Result) -> tuple[str, ...]:
    """A comparison as one row of the table."""
    ours = statistics.median(ours for ours, _ in result.pairs)
    peer = statistics.median(peer for _, peer in result.pairs)
    places = 3 if result.name == "help" else 2
    of = "{:.2f}x" if result.compare is Compare.RATIO else "{:+.2f} " + result.unit
    spread = ""
    if len(result.pairs) > 1:
        spread = f" ({of.format(min(result.values))} to {of.format(max(result.values))})"
    return (
        result.what,
        result.peer,
        f"{ours:.{places}f} {result.unit}",
        f"{peer:.{places}f} {result.unit}",
        f"{of.format(result.median)}{spread}",
        f"<= {of.format(result.target).lstrip('+')}",
        result.met.value,
    )


def table(results: list[Result]) -> str:
    """The comparisons as aligned columns, their notes below."""
    head = ("what", "peer", "ours", "peer's", "ratio or difference", "target", "met")
    rows = [head, *map(row, results)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in rows
    ]
    notes = [f"{result.name}: {note}" for result in results for note in result.notes]
    return "\n".join([*lines, *notes])


def machine(bench: Bench, names: list[str]) -> str:
    """What this was measured on, in words."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    words = [f"{os.cpu_count()} CPUs, {pages:.0f} GiB of memory, Python {sys.version.split()[0]}"]
    if not {*names} <= {"help", "inspect"}:
        version = docker("version", "--format", "{{.Server.Version}}").output.strip()
        words.append(f"Docker {version}, builder {'BuildKit' if bench.buildkit else 'legacy'}")
    return ", ".join([*words, f"load {os.getloadavg()[0]:.2f} at the start"])


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Measure repropack against its peers.", epilog=f"NAME is of {list(MEASURES)}"
    )
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="what to measure; default: not torch"
    )
    parser.add_argument("--quick", action="store_true", help="fewer pairs: a first impression")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every pair to FILE")
    parser.add_argument("--builder", choices=["auto", "buildkit", "legacy"], default="auto")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in MEASURES]
    if unknown:
        parser.error(f"there is no {unknown[0]}: one of {', '.join(MEASURES)}")
    chosen.names = chosen.names or USUAL
    return chosen


def main() -> int:
    """Measure, print, and clean up. Gives 1 if a target is missed, 2 if nothing can be measured."""
    chosen = arguments()
    sys.path.insert(0, str(ROOT))
    parent = Path(tempfile.mkdtemp(prefix="repropack-benchmark-"))
    ENVIRONMENT["PYTHONPYCACHEPREFIX"] = str(parent / "bytecode")  # nothing is left in a checkout
    bench = Bench(parent, quick=chosen.quick, builder=chosen.builder)
    results: list[Result] = []
    try:
        about = machine(bench, chosen.names)
        for name in chosen.names:
            say(f"measuring {name}")
            results.append(MEASURES[name](bench))
    except BenchmarkError as error:
        say(f"error: {error}")
        return 2
    finally:
        bench.close()
        shutil.rmtree(parent, ignore_errors=True)
    print(f"{about}\n{table(results)}")
    if chosen.json:
        document = {"machine": about, "results": [result.to_json() for result in results]}
        chosen.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 1 if any(result.met is Met.NO for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
