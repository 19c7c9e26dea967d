"""What may stand in repropack.yaml, as values."""

from __future__ import annotations

import pytest

from repropack.config import Config, Dataset, EnvironmentOverrides, Paper, parse_config
from repropack.findings import Severity
from repropack.judge.model import (
    Claim,
    Experiment,
    Metric,
    MetricRef,
    Spread,
    Tolerance,
    parse_tolerance,
)
from tests.unit.config.written import problems_of, with_claim, with_experiment

FULL = r"""
name: digits-svm
paper: {title: "A title: with a colon", url: "https://paper.example/1", doi: "10.1000/182"}
environment:
  lock: ./requirements.txt
  python: 3.10
  groups: [ml]
  extras: [gpu]
  groups_exclude: [dev]
  apt: [libgl1]
  apt_exclude: [zip]
datasets:
  digits: {path: data/digits/, url: "https://data.example/d.zip", sha256: "HASH", include: true}
experiments:
  svm:
    run: python train.py --seed {seed} --attention {attention}
    seeds: [0, 1]
    matrix: {attention: [none, eca]}
    gpu: optional
    network: true
    deterministic: true
    timeout: 1h30m
    env: {OMP_NUM_THREADS: 1, EMPTY: ""}
    outputs: [results.json, "plots/*.png"]
    metrics:
      accuracy: {json: results.json, key: test.accuracy}
      loss: {stdout: 'loss[:=]\s*([-+.\deE]+)', select: min}
      f1: {csv: out/table.csv, column: f1, where: {class: 3, fold: "0"}, select: first}
claims:
  - id: table-1-accuracy
    metric: svm.accuracy{attention=eca}
    value: 97.0
    scale: percent
    spread: {sd: 0.2, n: 5}
    tolerance: 1%
    direction: higher
    source: "Table 1, row 3"
  - id: eca-beats-none
    greater: ["svm.accuracy{attention=eca}", "svm.accuracy{attention=none}"]
""".replace("HASH", "aB" * 32)


ECA = MetricRef("svm", "accuracy", (("attention", "eca"),))


NONE = MetricRef("svm", "accuracy", (("attention", "none"),))


MINIMAL = """
experiments:
  a:
    run: python a.py
    metrics: {m: {json: r.json, key: m}}
claims: []
"""


def test_everything_that_may_stand_in_the_file() -> None:
    """Each key of the design reaches its value."""
    config = parse_config(FULL)
    assert config == Config(
        name="digits-svm",
        paper=Paper(
            title="A title: with a colon", url="https://paper.example/1", doi="10.1000/182"
        ),
        environment=EnvironmentOverrides(
            lock="requirements.txt",
            python="3.10",
            groups=("ml",),
            extras=("gpu",),
            groups_exclude=("dev",),
            apt=("libgl1",),
            apt_exclude=("zip",),
        ),
        datasets=(
            Dataset(
                name="digits",
                path="data/digits",
                urls=("https://data.example/d.zip",),
                sha256="ab" * 32,
                include=True,
            ),
        ),
        experiments=(
            Experiment(
                name="svm",
                run="python train.py --seed {seed} --attention {attention}",
                metrics=(
                    Metric("accuracy", "json", "results.json", "test.accuracy"),
                    Metric("loss", "stdout", "log.txt", r"loss[:=]\s*([-+.\deE]+)", select="min"),
                    Metric(
                        "f1",
                        "csv",
                        "out/table.csv",
                        "f1",
                        where=(("class", "3"), ("fold", "0")),
                        select="first",
                    ),
                ),
                seeds=(0, 1),
                matrix=(("attention", ("none", "eca")),),
                gpu="optional",
                network=True,
                timeout_s=5400.0,
                env=(("EMPTY", ""), ("OMP_NUM_THREADS", "1")),
                outputs=("results.json", "plots/*.png"),
                deterministic=True,
            ),
        ),
        claims=(
            Claim(
                id="table-1-accuracy",
                kind="value",
                metric=ECA,
                value="97.0",
                scale="percent",
                spread=Spread("sd", 0.2, 5),
                tolerance=Tolerance("1%", relative=0.01),
                direction="higher",
                source="Table 1, row 3",
            ),
            Claim(id="eca-beats-none", kind="greater", compared=(ECA, NONE)),
        ),
    )


LR = tuple(MetricRef("grid", "m", (("lr", lr), ("opt", "sgd"))) for lr in ("1e-3", "0.1"))


@pytest.mark.parametrize(
    "written", ["'grid.m{lr=1e-3}'", "['grid.m{lr=1e-3}', 'grid.m{lr=0.1, opt=sgd}']"]
)
def test_rank_first_is_against_every_other_cell(written: str) -> None:
    """One metric is compared with its other cells; a list says with what."""
    config = parse_config(with_claim(f"rank_first: {written}", "direction: lower"))
    assert config.claims[0].compared == LR
    assert (config.claims[0].kind, config.claims[0].direction) == ("rank_first", "lower")


def test_a_tables_keys_are_its_cells_defaults() -> None:
    """Scale, tolerance and direction of a table hold for the cells that say nothing else."""
    table = "table: [{metric: a.m, value: 1.0}, {id: two, metric: a.m, value: 2, tolerance: 3}]"
    claim = parse_config(with_claim(table, "scale: percent", "tolerance: 0.5")).claims[0]
    first, second = claim.cells
    assert (first.id, first.value, first.scale, first.kind) == ("a.m", "1.0", "percent", "value")
    assert (first.tolerance, second.tolerance) == (parse_tolerance("0.5"), parse_tolerance("3"))
    assert (second.id, second.scale, claim.tolerance) == ("two", "percent", None)


def test_everything_optional_may_be_left_out() -> None:
    """One experiment and no claims is a config; its GPU is left to inspection."""
    config = parse_config(MINIMAL)
    assert config.experiments == (
        Experiment(name="a", run="python a.py", metrics=(Metric("m", "json", "r.json", "m"),)),
    )
    assert (config.name, config.claims, config.gpu_unstated) == (None, (), ("a",))


def test_keys_without_a_value_count_as_left_out() -> None:
    """`claims:` with nothing behind it is the same as no claims."""
    config = parse_config("name:\nclaims:\nexperiments:\n  a: {run: x, seeds: , gpu: }\n")
    assert config == Config(experiments=(Experiment(name="a", run="x"),), gpu_unstated=("a",))


def test_bytes_are_read_as_utf8() -> None:
    """Bytes and a byte order mark are fine."""
    assert parse_config(b"\xef\xbb\xbfpaper: {title: \xc3\x9c}").paper.title == "Ü"


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("600", 600), ("0.5", 0.5), ("90s", 90), ("2h", 7200), ("1h30m", 5400), ("1d", 86400)],
)
def test_timeouts(typed: str, seconds: float) -> None:
    """A time is given with units or as seconds."""
    config = parse_config(with_experiment(f"timeout: {typed}"))
    assert config.experiments[0].timeout_s == seconds


def test_a_script_may_have_lines_and_tabs() -> None:
    """`run: |` is a shell script, and braces that are the shell's own stay as they are."""
    script = "if true; then\n\tawk '{print $1}' a{1,2} ${HOME}\nfi\n"
    block = "".join(f"      {line}\n" for line in script.splitlines())
    config = parse_config(f"experiments:\n  a:\n    run: |\n{block}")
    assert config.experiments[0].run == script


def test_seeds_that_the_command_does_not_use_are_a_warning() -> None:
    """Repeating one command is allowed, but said."""
    (finding,) = parse_config(with_experiment("seeds: [0, 1]")).findings
    assert (finding.severity, str(finding.where)) == (Severity.WARNING, "repropack.yaml:3")


def test_all_problems_come_at_once_in_the_order_of_the_lines() -> None:
    """Seven mistakes are seven problems, each with its path and line."""
    text = "\n".join(
        [
            "nam: x",
            "experiments:",
            "  svm:",
            "    rn: python a.py",
            "    timeout: soon",
            "    metrics:",
            "      accuracy: {json: ../r.json, key: a}",
            "      accuracy: {json: r.json, key: a}",
            "claims:",
            "  - {id: c, metric: svm.acuracy, value: high}",
        ]
    )
    assert problems_of(text) == (
        "unknown key 'nam'; did you mean 'name'? (line 1)",
        "experiments.svm: unknown key 'rn'; did you mean 'run'? (line 4)",
        "experiments.svm: 'run' is missing (line 4)",
        "experiments.svm.timeout: must be a time such as 2h, 1h30m, 90s, or seconds, "
        "not 'soon' (line 5)",
        "experiments.svm.metrics.accuracy.json: '../r.json' leaves the repository: "
        "'..' is not allowed (line 7)",
        "experiments.svm.metrics.accuracy: given twice, first in line 7 (line 8)",
        "claims[0].metric: svm has no metric 'acuracy'; did you mean 'accuracy'? (line 10)",
        'claims[0].value: must be a number as the paper prints it, such as "97.0", '
        "not 'high' (line 10)",
    )


def test_a_misspelt_experiments_is_one_problem() -> None:
    """Claims are not called wrong because the experiments could not be read."""
    assert problems_of(FULL.replace("experiments:", "expriments:")) == (
        "unknown key 'expriments'; did you mean 'experiments'? (line 14)",
    )
