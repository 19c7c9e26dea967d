"""`quick:` of experiments and claims: what it changes, and every complaint about it."""

from __future__ import annotations

import pytest

from repropack.config import Config, parse_config
from repropack.errors import ConfigError
from repropack.judge.model import Experiment

TEXT = """
experiments:
  net:
    run: python train.py --epochs 90 --seed {seed} --attention {attention}
    seeds: [0, 1, 2]
    matrix: {attention: [none, eca, se]}
    timeout: 10h
    env: {A: "1", B: "2"}
    metrics: {acc: {json: r.json, key: acc}, loss: {json: r.json, key: loss}}
    quick: QUICK
  other:
    run: python other.py
    metrics: {x: {stdout: '(x)'}}
claims:
  - {id: eca, metric: "net.acc{attention=eca}", value: "97.0", scale: percent,
     spread: {sd: 0.2, n: 5}, tolerance: 0.5, source: Table 1, quick: CLAIM}
  - {id: better, greater: ["net.acc{attention=eca}", "net.acc{attention=none}"], quick: GREATER}
"""
SMALL = """{run: "python train.py --epochs 1 --seed {seed} --attention {attention}", seeds: [0],
     matrix: {attention: [eca, none]}, timeout: 5m, env: {B: "3"}}"""


def parsed(quick: str = "", claim: str = "", greater: str = "") -> Config:
    """The config with these values; an empty one is as if nothing was written."""
    text = TEXT.replace("QUICK", quick).replace("CLAIM", claim).replace("GREATER", greater)
    return parse_config(text)


def problems(**changes: str) -> str:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        parsed(**changes)
    return "\n".join(caught.value.problems)


def test_nothing_is_declared() -> None:
    """Without `quick:` there is no set, and a set of its own is no other experiment."""
    assert (parsed().quick_experiments, parsed().quick_claims) == ((), ())
    assert parsed("false", "false").quick_experiments == ()
    (whole,) = parsed("true").quick_experiments
    assert whole.is_quick and whole.run == parsed().experiments[0].run and len(whole.seeds) == 3


def test_what_it_changes() -> None:
    """Command, seeds, cells, timeout and variables; all else stays the experiment's."""
    (net,) = parsed(SMALL).quick_experiments
    assert net.run.startswith("python train.py --epochs 1 ")
    assert (net.name, net.seeds, net.timeout_s) == ("net", (0,), 300.0)
    assert net.matrix == (("attention", ("eca", "none")),)
    assert net.env == (("A", "1"), ("B", "3")) and len(net.metrics) == 2
    assert parsed(SMALL).experiments == parsed().experiments


def test_human_minutes() -> None:
    """What an experiment takes a person is a number that is not negative, and travels."""
    text = TEXT.replace("timeout: 10h", "human_minutes: 2.5").replace(", quick: CLAIM", "")
    text = text.replace("QUICK", "").replace(", quick: GREATER", "")
    net = parse_config(text).experiments[0]
    assert net.human_minutes == 2.5 and Experiment.from_json(net.to_json()) == net
    with pytest.raises(ConfigError) as caught:
        parse_config(text.replace("2.5", "-1"))
    assert "experiments.net.human_minutes: must be 0 or more" in caught.value.problems[0]


def test_what_it_supports() -> None:
    """A claim as it is, or with a value of the set's own, which is then not the paper's."""
    config = parsed(SMALL, "true", "true")
    assert [claim.id for claim in config.quick_claims] == ["eca", "better"]
    assert config.quick_claims[0] == config.claims[0]
    (own,) = parsed(SMALL, '{value: "61", tolerance: 5}').quick_claims
    assert (own.value, own.spread, own.source) == ("61", None, "the quick set's own value")
    assert own.tolerance and own.tolerance.absolute == 5 and own.scale == "percent"
    (loose,) = parsed(SMALL, "{tolerance: 3}").quick_claims
    assert (loose.value, loose.source, loose.spread is None) == ("97.0", "Table 1", False)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"quick": "soon"}, "experiments.net.quick: must be one of true, false"),
        ({"quick": "[1]"}, "experiments.net.quick: must be text, not a list"),
        ({"quick": "{seed: 1}"}, "unknown key 'seed'; did you mean 'seeds'?"),
        ({"quick": "{seeds: [x]}"}, "experiments.net.quick.seeds[0]"),
        ({"quick": "{timeout: never}"}, "experiments.net.quick.timeout: must be a time"),
        ({"quick": "{matrix: {attention: [ecaa]}}"}, "no attention=ecaa; did you mean 'eca'?"),
        ({"quick": "{matrix: {depth: [1]}}"}, "matrix has no parameter 'depth'"),
        ({"quick": "{run: python train.py}"}, "{attention} of the matrix is not used"),
        ({"claim": "true"}, "is not in the quick set: give net a `quick:` too"),
        ({"quick": "{matrix: {attention: [none]}}", "claim": "true"}, "set has no run of"),
        ({"quick": "true", "claim": "{value: many}"}, "claims[0].quick.value"),
        ({"quick": "true", "claim": "{values: 1}"}, "unknown key 'values'"),
        ({"quick": "true", "greater": "{value: 1}"}, "only a claim with a value can have another"),
    ],
)  # fmt: skip
def test_complaints(changes: dict[str, str], told: str) -> None:
    """Each mistake is told with its place, also two at once."""
    assert told in problems(**changes)
    both = problems(**{"quick": "{seed: 1}", "claim": "{values: 1}", "greater": "3"})
    assert both.count("(line") == 3
