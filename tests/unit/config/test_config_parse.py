"""The whole `repropack.yaml`: everything that may stand in it, and each complaint."""

from __future__ import annotations

import pytest

from repropack.config import Config, Dataset, EnvironmentOverrides, Paper, parse_config
from repropack.config.rendering import metric_text
from repropack.errors import ConfigError
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


def problems_of(text: str | bytes) -> tuple[str, ...]:
    """The problems of a config that is refused."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value.problems


def with_experiment(*lines: str) -> str:
    """A config whose experiment `a` has these lines beside `run`."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"experiments:\n  a:\n    run: python a.py\n{body}\n"


def with_claim(*lines: str) -> str:
    """A config with one claim, of these lines, about `a.m` and `grid.m{lr=…}`."""
    body = "\n    ".join(lines)
    return f"""experiments:
  a:
    run: python a.py
    metrics: {{m: {{json: r.json, key: m}}}}
  grid:
    run: python a.py {{lr}} {{opt}}
    matrix: {{lr: [0.1, 1e-3], opt: [sgd]}}
    metrics: {{m: {{json: r.json, key: m}}}}
claims:
  - id: c
    {body}
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


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "repropack.yaml is empty"),
        ("# nothing\n", "repropack.yaml is empty"),
        ("{}", "repropack.yaml is empty"),
        ("- a\n", "repropack.yaml must hold keys"),
        ("just words", "repropack.yaml must hold keys"),
        (b"name: \xff\n", "repropack.yaml is not UTF-8 text"),
        ("name: a: b", "repropack.yaml is not valid YAML"),
    ],
)
def test_files_that_are_no_config(text: str | bytes, what: str) -> None:
    """A file that cannot be a config at all is named as such, with what to do."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert caught.value.what.startswith(what)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # names
        ("name: 'a b'", "name: 'a b' cannot name an image"),
        ("name: 'My Paper'", "'my-paper' would do"),
        ("name: a..b", "cannot name an image"),
        ("name: a+b", "cannot name an image"),
        ("name: -x", "cannot name an image"),
        ("name: " + "x" * 81, "cannot name an image"),
        ("name: [a]", "name: must be text, not a list"),
        ("name: ''", "name: must not be empty"),
        ("experiments: {'; rm': {run: x}}", "experiments.'; rm': a name is made of"),
        ("experiments: {'-x': {run: x}}", "'x' would do"),
        ("experiments: {v1.2: {run: x}}", "may not hold '.'; 'v1-2' would do"),
        ("datasets: {'a/b': {path: x}}", "datasets.'a/b': a name is made of"),
        ('datasets: {"a\\n": {path: x}}', "datasets.'a\\n': a name is made of"),
        # control characters and text that turns around
        ('paper: {title: "a\\nb"}', "control characters are not allowed; this holds '\\n'"),
        ('paper: {title: "a\\eb"}', "control characters are not allowed"),
        ('paper: {title: "a\\0b"}', "control characters are not allowed"),
        ('paper: {title: "a\\u202eb"}', "control characters are not allowed"),
        (with_experiment('matrix: {"a\u200b": [1]}'), "a.matrix.'a\\u200b': a name is made of"),
        ('paper: {title: "a\\ud800b"}', "control characters are not allowed"),
        (with_experiment('env: {A: "x\\ny"}'), "env.A: control characters"),
        ('experiments: {a: {run: "x\\ry"}}', "a.run: control characters"),
        # types
        ("experiments: [a]", "experiments: must be a mapping (key: value), not a list"),
        ("experiments: {a: python a.py}", "experiments.a: must be a mapping"),
        ("experiments: {a: {run: {x: y}}}", "experiments.a.run: must be text"),
        ("claims: {a: b}", "claims: must be a list, not a mapping"),
        ("claims: [a]", "claims[0]: must be a mapping"),
        # paper, environment, datasets
        ("paper: {url: 'javascript:x'}", "paper.url: must be an http:// or https:// address"),
        ("paper: {url: 'https://u:p@h.example/'}", "paper.url: holds a user name or password"),
        ("paper: {url: 'https://['}", "paper.url: must be an http://"),
        ("paper: {doi: 'https://doi.example/10.1/2'}", "paper.doi: must be a DOI"),
        ("environment: {python: 2.7}", "environment.python: must be a minor version"),
        ("environment: {python: 3.11.4}", "environment.python: must be a minor version"),
        ("environment: {apt: [a; rm]}", "environment.apt[0]: must be the name of a Debian package"),
        ("environment: {apt: [-y]}", "environment.apt[0]: must be the name of a Debian package"),
        ("environment: {apt: [libgl1, libgl1]}", "environment.apt[1]: given twice: 'libgl1'"),
        (
            "environment: {groups: [ml], groups_exclude: [ml]}",
            "environment.groups_exclude: ml stands in environment.groups too",
        ),
        (
            "environment: {extras: [-x]}",
            "environment.extras[0]: must be the name of a group or an extra",
        ),
        (
            "environment: {apt: [libgl1], apt_exclude: [libgl1]}",
            "environment.apt_exclude: libgl1 stands in environment.apt too",
        ),
        ("environment: {lock: /etc/passwd}", "environment.lock: '/etc/passwd' is an absolute path"),
        ("environment: {lock: -r}", "'-r' starts with '-'"),
        ("environment: {lock: 'a\\b'}", "holds a backslash"),
        ("environment: {lock: .}", "is the repository itself"),
        ("datasets: {d: {url: 'https://a.example'}}", "datasets.d: 'path' is missing"),
        ("datasets: {d: {path: a/../../b}}", "leaves the repository"),
        ("datasets: {d: {path: a, sha256: abc}}", "d.sha256: must be 64 hexadecimal digits"),
        ("datasets: {d: {path: a, include: yes}}", "d.include: must be one of true, false"),
        # experiments
        ("experiments: {a: }", "experiments.a: must be a mapping (key: value), not nothing"),
        (with_experiment("seeds: 5"), "a.seeds: must be a list, not '5'"),
        (with_experiment("seeds: [-1]"), "a.seeds[0]: a seed is a whole number"),
        (with_experiment("seeds: [1.5]"), "a.seeds[0]: a seed is a whole number"),
        (with_experiment("seeds: [007]"), "a.seeds[0]: a seed is a whole number"),
        (with_experiment("seeds: [9223372036854775808]"), "a.seeds[0]: a seed is"),
        (with_experiment("seeds: [1, 1]"), "a.seeds[1]: given twice: '1'"),
        (with_experiment("gpu: maybe"), "must be one of none, optional, required, not 'maybe'"),
        (with_experiment("gpu: requried"), "did you mean 'required'?"),
        (with_experiment("timeout: 0"), "a.timeout: must be more than 0"),
        (with_experiment("timeout: 1:30"), "a.timeout: must be a time"),
        (with_experiment("timeout: 366d"), "a.timeout: must be more than 0 and at most 365d"),
        (with_experiment("env: {1A: x}"), "env.1A: an environment variable's name"),
        (with_experiment("outputs: ['../*']"), "a.outputs[0]: '../*' leaves the repository"),
        (with_experiment("matrix: {lr: [1, 2]}"), "{lr} of the matrix is not used"),
        (with_experiment("matrix: {lr: []}"), "a.matrix.lr: needs at least one value"),
        (with_experiment("matrix: {lr: ['a,b']}"), "may not hold { } or a comma"),
        (with_experiment("matrix: {seed: [1]}"), "'seed' is not a parameter"),
        ("experiments: {a: {run: 'x {seed}'}}", "{seed} is used, but there are no seeds"),
        ("experiments: {a: {run: 'x {sed}', seeds: [1]}}", "did you mean {seed}?"),
        ("experiments: {a: {run: 'x ${seed}', seeds: [1]}}", "write {seed} without the '$'"),
        (
            "experiments: {a: {run: 'x {atention}', matrix: {attention: [a]}}}",
            "unknown placeholder {atention}; did you mean {attention}?",
        ),
        (
            with_experiment("matrix:", *(f"  p{n}: [1, 2, 3, 4]" for n in range(8))),
            "asks for 65536 runs, more than 10000",
        ),
        # metrics
        (with_experiment("metrics: {m: 1}"), "metrics.m: say where the number is"),
        (with_experiment("metrics: {m: {jsn: r}}"), "unknown key 'jsn'; did you mean 'json'?"),
        (with_experiment("metrics: {m: {json: r, csv: t}}"), "give one of json, csv, not several"),
        (with_experiment("metrics: {m: {json: r}}"), "metrics.m: 'key' is missing beside 'json'"),
        (with_experiment("metrics: {m: {csv: t}}"), "'column' is missing beside 'csv'"),
        (with_experiment("metrics: {m: {json: r, key: k, selct: min}}"), "unknown key 'selct'"),
        (
            with_experiment("metrics: {m: {tensorboard: runs, key: val}}"),
            "metrics.m: 'tag' is missing beside 'tensorboard'",
        ),
        (
            with_experiment("metrics: {m: {tensorboard: runs, tag: val, rnu: a}}"),
            "unknown key 'rnu'; did you mean 'run'?",
        ),
        (with_experiment("metrics: {m: {npz: a.npz, key: acc}}"), "write `numpy: FILE.npz`"),
        (with_experiment("metrics: {m: {stderr: 'a (.)'}}"), "a run's log holds both"),
        (with_experiment("metrics: {m: {json: r, key: '$.a[x]'}}"), "cannot be read from '[x]' on"),
        (
            with_experiment("metrics: {m: {stdout: '(?P<acc>a)', group: ac}}"),
            "has no group 'ac'; did you mean 'acc'?",
        ),
        (
            with_experiment("metrics: {m: {json: r, key: k, select: mean of last 0}}"),
            "must be one of first, last, min, max, mean of last K",
        ),
        (with_experiment("metrics: {m: {stdout: 'a('}}"), "m.stdout: not a regular expression"),
        (with_experiment("metrics: {m: {stdout: '(a{99999999999})'}}"), "not a regular expression"),
        (with_experiment("metrics: {m: {stdout: 'abc'}}"), "must hold exactly one (…)"),
        (with_experiment("metrics: {m: {stdout: '(a)(b)'}}"), "'(a)(b)' holds 2"),
        (with_experiment("metrics: {m: {stdout: '(a)', select: best}}"), "must be one of first"),
        # claims
        ("claims: [{value: 1}]", "claims[0]: 'id' is missing"),
        (with_claim("source: x"), "claims[0]: say what is claimed"),
        (with_claim("metric: a.m"), "claims[0]: 'value' is missing"),
        (with_claim("value: 1"), "claims[0]: 'metric' is missing"),
        (with_claim("metric: a.m", "value: 97%"), "claims[0].value: is a number without '%'"),
        (with_claim("metric: a.m", "value: '1,234'"), "claims[0].value: must be a number"),
        (with_claim("metric: a.m", "value: .nan"), "claims[0].value: must be a number"),
        (with_claim("metric: a.m", "value: 1e999"), "claims[0].value: is too large"),
        (with_claim("metric: a.m", "value: 1e151"), "claims[0].value: is too large"),
        (with_claim("metric: a.m", "value: 1", "spread: {sd: 1e200}"), "must be 0 or more"),
        (with_claim("metric: a.m", "value: 1", "scale: x"), "must be one of none, percent"),
        (with_claim("metric: a.m", "value: 1", "direction: up"), "both, higher, lower"),
        (with_claim("metric: a.m", "value: 1", "tolerance: -1"), "tolerance '-1' is negative"),
        (with_claim("metric: a.m", "value: 1", "tolerance: big"), "claims[0].tolerance: "),
        (with_claim("metric: a.m", "value: 1", "spread: {n: 3}"), "give one of sd, se, ci95"),
        (with_claim("metric: a.m", "value: 1", "spread: {sd: -1}"), "must be 0 or more"),
        (with_claim("metric: a.m", "value: 1", "spread: {se: 1}"), "without the number of runs"),
        (with_claim("metric: a.m", "value: 1", "spread: {sd: 1, n: 0}"), "whole number, 1 or more"),
        (with_claim("metric: b.m", "value: 1"), "there is no experiment 'b'"),
        (with_claim("metric: gird.m", "value: 1"), "did you mean 'grid'?"),
        (with_claim("metric: accuracy", "value: 1"), "claims[0].metric: 'accuracy' is not"),
        (with_claim("metric: 'a.m{lr=1}'", "value: 1"), "the experiment has no matrix"),
        (with_claim("metric: grid.m", "value: 1"), "which lr? add {lr=…} with one of 0.1, 1e-3"),
        (with_claim("metric: 'grid.m{lr=0.10}'", "value: 1"), "no lr=0.10; did you mean '0.1'?"),
        (with_claim("metric: 'grid.m{l=0.1}'", "value: 1"), "the matrix has no parameter 'l'"),
        (with_claim("greater: [a.m]"), "claims[0].greater: takes two metrics"),
        (with_claim("greater: [a.m, a.m]"), "compares a metric with itself"),
        (with_claim("greater: [a.m, {x: y}]"), "put the metric in quotes"),
        (with_claim("greater: [a.m, grid.m]", "value: 1"), "value: does not go with 'greater'"),
        (with_claim("rank_first: [a.m]"), "claims[0].rank_first: takes the best metric, and then"),
        (with_claim("rank_first: a.m"), "claims[0].rank_first: has no other cell"),
        (with_claim("rank_first: [a.m, a.m]"), "compares a metric with itself"),
        (with_claim("rank_first: [a.m]", "scale: none"), "does not go with 'rank_first'"),
        (with_claim("greater: [a.m, grid.m]", "direction: lower"), "does not go with 'greater'"),
        (with_claim("table: t.csv"), "claims[0].table: must be a list"),
        (with_claim("table: [{metric: a.m}]"), "claims[0].table[0]: 'value' is missing"),
        (with_claim("table: [{metric: a.m, value: x}]"), "table[0].value: must be a number"),
        (with_claim("table: [{metric: a.m, value: 1}]", "value: 2"), "does not go with 'table'"),
        (with_claim("table: [{metric: a.m, vale: 1}]"), "did you mean 'value'?"),
        (
            with_claim("table: [{metric: a.m, value: 1}, {metric: a.m, value: 2}]"),
            "claims[0].table[1]: another cell of the table is 'a.m'",
        ),
        (with_claim("metric: a.m", "value: 1", "valeu: 2"), "did you mean 'value'?"),
        (
            with_claim("metric: a.m", "value: 1") + "  - {id: c, metric: a.m, value: 2}",
            "claims[1]: another claim has the id 'c'",
        ),
    ],
)
def test_each_mistake_is_named(text: str, expected: str) -> None:
    """A mistake is refused, and what is said names the place and what would be right."""
    found = problems_of(text)
    assert any(expected in problem for problem in found), found
    assert all(problem.endswith(")") and problem.isprintable() for problem in found)


@pytest.mark.parametrize(
    "metric", ["a.m", "grid.m{lr=0.1}", "grid.m{lr=1e-3, opt=sgd}", "grid.m{opt=sgd,lr=0.1}"]
)
def test_metrics_that_claims_may_name(metric: str) -> None:
    """A parameter with a single value need not be named; the claim says it all the same."""
    (claim,) = parse_config(with_claim(f"metric: '{metric}'", "value: -1.50e-3")).claims
    assert claim.value == "-1.50e-3"
    assert claim.metric is not None
    cell = dict(claim.metric.cell)
    assert cell.get("opt") == ("sgd" if claim.metric.experiment == "grid" else None)


def test_one_of_several_numbers_in_json_may_be_selected() -> None:
    """`select` goes with every reader."""
    config = parse_config(with_experiment("metrics: {m: {json: r.jsonl, key: m, select: max}}"))
    assert config.experiments[0].metrics == (Metric("m", "json", "r.jsonl", "m", select="max"),)


@pytest.mark.parametrize(
    ("written", "metric"),
    [
        (
            "{tensorboard: runs, tag: val/auc, select: max}",
            Metric("m", "tensorboard", "runs", "val/auc", select="max"),
        ),
        (
            "{wandb: wandb, key: acc, run: baseline}",
            Metric("m", "wandb", "wandb", "acc", where=(("run", "baseline"),)),
        ),
        (
            "{mlflow: mlruns, key: val/acc, select: mean of last 5}",
            Metric("m", "mlflow", "mlruns", "val/acc", select="mean of last 5"),
        ),
        ("{sacred: runs, key: acc}", Metric("m", "sacred", "runs", "acc")),
        ("{numpy: a.npy}", Metric("m", "numpy", "a.npy", "")),
        ("{numpy: a.npz, key: 'acc[-1]'}", Metric("m", "numpy", "a.npz", "acc[-1]")),
        ("{text: t.log, pattern: 'a (.)'}", Metric("m", "text", "t.log", "a (.)")),
        (
            "{notebook: a.ipynb, cell: results, pattern: '(a)(b)', group: 2}",
            Metric(
                "m", "notebook", "a.ipynb", "(a)(b)", where=(("cell", "results"), ("group", "2"))
            ),
        ),
        (
            "{json: 'a/*.jsonl', key: '$.a[-1]', where: {mode: val}}",
            Metric("m", "json", "a/*.jsonl", "$.a[-1]", where=(("mode", "val"),)),
        ),
    ],
)
def test_readers_of_every_kind(written: str, metric: Metric) -> None:
    """Each reader has the words that its users expect, and survives the manifest."""
    config = parse_config(with_experiment(f"metrics: {{m: {written}}}"))
    assert config.experiments[0].metrics == (metric,)
    assert Metric.from_json(metric.to_json()) == metric


@pytest.mark.parametrize(
    "metric",
    [
        Metric("m", "tensorboard", "runs", "val/acc"),
        Metric("m", "csv", "logs/*/metrics.csv", "val acc"),
        Metric("m", "numpy", "a.npy", ""),
        Metric("m", "stdout", "log.txt", "it's (.)"),
        Metric("m", "json", "r.json", "null"),
    ],
)
def test_a_metric_as_text(metric: Metric) -> None:
    """What `init` writes of a metric is read back as the same."""
    config = parse_config(with_experiment(f"metrics: {{m: {metric_text(metric)}}}"))
    assert config.experiments[0].metrics == (metric,)


def test_a_group_named_value_may_stand_among_others() -> None:
    """A regular expression with several groups says which one is the number."""
    config = parse_config(with_experiment(r"metrics: {m: {stdout: '(acc|auc) (?P<value>\d+)'}}"))
    assert config.experiments[0].metrics[0].key == r"(acc|auc) (?P<value>\d+)"
