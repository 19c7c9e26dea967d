"""Mistakes in repropack.yaml, each named with its path."""

from __future__ import annotations

import pytest

from repropack.config import parse_config
from repropack.errors import ConfigError
from tests.unit.config.written import problems_of, with_claim, with_experiment


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
        (with_experiment("seeds: '0, 1'"), "a.seeds: must be a list, not '0, 1', such as [0, 1]"),
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
        (with_experiment("matrix: {lr: [[1], [2]]}"), "a.matrix.lr[0]: is a list in a list"),
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
        (with_claim("metric: b.m", "value: 1"), "there is no experiment 'b'; there is 'a'"),
        (with_claim("metric: a.zz", "value: 1"), "a has no metric 'zz'; there is 'm'"),
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
