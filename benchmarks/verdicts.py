"""How often the judging rule is wrong, beside a plain tolerance and a prediction interval.

    benchmarks/verdicts.py [--repeats N] [--json FILE]

A paper reports the mean of five runs and their standard deviation; a reviewer makes n runs. Both
draw from normal distributions with the same standard deviation, whose means differ by `shift`. The
tolerance is 0.5: a shift of 0 should pass, one of 1.0 should not. The simulation's seed is fixed.

A false fail is `not reproduced` though nothing differs, a false pass `reproduced` though the shift
is 1.0. A rule that may doubt can do so instead; how often is shown beside it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

from repropack.judge.model import Claim, Experiment, Metric, MetricRef, Spread, parse_tolerance
from repropack.judge.rule import judge_all
from repropack.judge.statistics import t_quantile

TOLERANCE = 0.5
REPORTED = 90.0
PAPER_RUNS = 5
SHIFTS = (0.0, 1.0)
SPREADS = (0.2, 0.3, 0.5)
RUNS = (1, 3, 5, 10)
METRIC = Metric("acc", "json", "r.json", "acc")
PASS, DOUBT, FAIL = "reproduced", "inconclusive", "not reproduced"


def ours(paper: list[float], runs: list[float]) -> str:
    """The verdict of the rule that repropack uses."""
    experiment = Experiment("e", "true", (METRIC,), seeds=tuple(range(len(runs))))
    spread = Spread("sd", statistics.stdev(paper), len(paper))
    claim = Claim(
        "c",
        "value",
        MetricRef("e", "acc"),
        f"{statistics.fmean(paper):.4f}",
        tolerance=parse_tolerance(str(TOLERANCE)),
        spread=spread,
    )
    return judge_all([experiment], [claim], records(runs)).judgements[0].verdict.value


def records(values: list[float]) -> list[dict[str, Any]]:
    """What runs that obtained these values leave."""
    return [
        {
            "id": f"e-seed{seed}",
            "experiment": "e",
            "status": "ok",
            "exit_code": 0,
            "metrics": {METRIC.name: {"text": repr(value)}},
        }
        for seed, value in enumerate(values)
    ]


def plain(paper: list[float], runs: list[float]) -> str:
    """|mean - reported| <= tolerance."""
    near = abs(statistics.fmean(runs) - statistics.fmean(paper)) <= TOLERANCE
    return PASS if near else FAIL


def prediction(paper: list[float], runs: list[float]) -> str:
    """The reported number inside the 95 % prediction interval of the runs (CORE-Bench's rule)."""
    if len(runs) < 2:
        return "undefined"
    half = t_quantile(0.975, len(runs) - 1) * statistics.stdev(runs)
    half *= (1 + 1 / len(runs)) ** 0.5
    return PASS if abs(statistics.fmean(paper) - statistics.fmean(runs)) <= half else FAIL


RULES = {"repropack": ours, "tolerance": plain, "prediction interval": prediction}


def simulate(shift: float, sd: float, n: int, repeats: int) -> dict[str, Counter[str]]:
    """How often each rule says what."""
    draw = random.Random(f"{shift} {sd} {n}").gauss
    found: dict[str, Counter[str]] = {name: Counter() for name in RULES}
    for _ in range(repeats):
        paper = [draw(REPORTED, sd) for _ in range(PAPER_RUNS)]
        runs = [draw(REPORTED - shift, sd) for _ in range(n)]
        for name, rule in RULES.items():
            found[name][rule(paper, runs)] += 1
    return found


def rows(repeats: int) -> list[dict[str, Any]]:
    """One row for each standard deviation, number of runs and rule."""
    found = []
    for sd in SPREADS:
        for n in RUNS:
            same, shifted = (simulate(shift, sd, n, repeats) for shift in SHIFTS)
            for name in RULES:
                undefined = "undefined" in same[name]
                found.append(
                    {
                        "sd": sd,
                        "runs": n,
                        "rule": name,
                        "false_fail": None if undefined else same[name][FAIL] / repeats,
                        "doubt_if_same": same[name][DOUBT] / repeats,
                        "false_pass": None if undefined else shifted[name][PASS] / repeats,
                        "doubt_if_shifted": shifted[name][DOUBT] / repeats,
                    }
                )
    return found


def judging_seconds(claims: int = 1000, runs: int = 100) -> float:
    """How long one process judges this many claims, each on its own metric of this many runs."""
    draw = random.Random(0).gauss
    names = [f"m{i}" for i in range(claims)]
    metrics = tuple(Metric(name, "json", "r.json", name) for name in names)
    experiment = Experiment("e", "true", metrics, seeds=tuple(range(runs)))
    done = records([0.0] * runs)
    for record in done:
        record["metrics"] = {name: {"text": repr(draw(REPORTED, 0.3))} for name in names}
    made = [
        Claim(
            name,
            "value",
            MetricRef("e", name),
            f"{REPORTED + i / claims:.3f}",
            tolerance=parse_tolerance("0.5"),
            spread=Spread("sd", 0.3, PAPER_RUNS),
        )
        for i, name in enumerate(names)
    ]
    began = time.perf_counter()
    judge_all([experiment], made, done)
    return time.perf_counter() - began


def share(value: float | None) -> str:
    """A share in per cent."""
    return "-" if value is None else f"{100 * value:.1f} %"


def main() -> int:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = rows(options.repeats)
    seconds = judging_seconds()
    head = ("sd", "runs", "rule", "false fail", "doubt", "false pass", "doubt")
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in found:
        cells = [str(row["sd"]), str(row["runs"]), row["rule"]]
        keys = ("false_fail", "doubt_if_same", "false_pass", "doubt_if_shifted")
        print("| " + " | ".join([*cells, *(share(row[key]) for key in keys)]) + " |")
    print(f"\n1000 claims, each on 100 runs, judged in {seconds:.2f} s")
    if options.json:
        text = json.dumps({"repeats": options.repeats, "rows": found, "judging_s": seconds})
        options.json.write_text(text + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
