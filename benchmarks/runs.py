"""How close several runs at once come to the ideal: eight of ten seconds, two at a time.

    benchmarks/runs.py [--engine docker] [--runs 8] [--seconds 10] [--jobs 2] [--rounds 3]

An experiment keeps one core busy for ten seconds of the clock and writes a metric. Its image is
built first; then `repropack verify --jobs 2` is timed as a whole, from typing it to its exit. The
ideal is runs × seconds / jobs. What the runs took themselves is told too: on a busy machine they
start late, and the clock of the command sees that. Target: 1.1x. Exits 1 if the median is above it,
2 without an engine.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.cli.driver import project, remove_images, repropack  # noqa: E402

TARGET = 1.1
CONFIG = """
name: {name}
environment: {{python: "3.11"}}
experiments:
  busy:
    run: python busy.py {seconds} {{seed}}
    seeds: [{seeds}]
    metrics: {{seed: {{json: r.json, key: seed}}}}
claims:
  - {{id: seeds, metric: busy.seed, value: "{mean}", tolerance: {runs}}}
"""
BUSY = """
import json, sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    sum(range(1000))
json.dump({"seed": int(sys.argv[2])}, open("r.json", "w"))
"""


def timed(directory: Path, options: argparse.Namespace, out: Path) -> tuple[float, list[float]]:
    """Seconds of one `verify`, and those that its runs took by their own records."""
    arguments = ("--engine", options.engine, "--jobs", str(options.jobs), "-o", str(out), "--json")
    began = time.perf_counter()
    done = repropack("verify", directory, *arguments, timeout_s=3600)
    seconds = time.perf_counter() - began
    if not done.out or done.code == 6:
        raise SystemExit(done.said)
    found: dict[str, Any] = json.loads(done.out)
    return seconds, [float(run["seconds"]) for run in found["runs"]]


def measure(options: argparse.Namespace, parent: Path, name: str) -> int:
    """Build, time each round, and print the ratio; the exit code."""
    seeds = range(options.runs)
    config = CONFIG.format(
        name=name,
        seconds=options.seconds,
        seeds=", ".join(map(str, seeds)),
        mean=sum(seeds) / len(seeds),
        runs=options.runs,
    )
    directory = project(parent / name, {"repropack.yaml": config, "busy.py": BUSY})
    built = repropack("build", directory, "--engine", options.engine, timeout_s=1800)
    if built.code:
        print(built.said, file=sys.stderr)
        return 2 if built.code == 4 else 1
    ideal_s = options.runs * options.seconds / options.jobs
    print(f"{options.runs} runs of {options.seconds:g} s, {options.jobs} at once, "
          f"{options.engine}: ideal {ideal_s:.1f} s; {os.cpu_count()} CPUs, "
          f"load {os.getloadavg()[0]:.1f} at the start")  # fmt: skip
    ratios = []
    for number in range(options.rounds):
        load = os.getloadavg()[0]
        seconds, runs = timed(directory, options, parent / f"out{number}")
        ratios.append(seconds / ideal_s)
        print(f"  {seconds:.2f} s, {ratios[-1]:.3f}x; runs {min(runs):.2f} to {max(runs):.2f} s; "
              f"load {load:.1f} before")  # fmt: skip
    ratio = statistics.median(ratios)
    met = ratio <= TARGET
    print(f"median {ratio:.3f}x, target {TARGET}x: {'met' if met else 'missed'}")
    return 0 if met else 1


def main() -> int:
    """Measure in a temporary directory, and remove the images afterwards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--engine", choices=("docker", "podman", "venv"), default="docker")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    name = f"benchmark-{secrets.token_hex(4)}"
    try:
        with tempfile.TemporaryDirectory(prefix="repropack-benchmark-") as parent:
            return measure(options, Path(parent), name)
    finally:
        if options.engine == "docker":
            remove_images(name)


if __name__ == "__main__":
    sys.exit(main())
