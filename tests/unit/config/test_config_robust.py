"""No text makes the parser raise anything but ConfigError."""

from __future__ import annotations

import contextlib
import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.config import parse_config
from repropack.config.names import is_project_name, suggest_name
from repropack.errors import ConfigError
from repropack.judge.check import problems
from repropack.judge.expand import expand_all
from repropack.judge.model import Claim, Experiment

VOCABULARY = (
    "name paper environment lock python apt datasets path url sha256 include experiments run seeds "
    "matrix gpu timeout env outputs metrics json key csv column where select stdout claims id "
    "metric value scale spread sd n tolerance source greater a.m a a{lr=1} {seed} ${lr} 2h 1% 3.11 "
    "required (x) ( ../x -x true"
)
WORDS = st.sampled_from(VOCABULARY.split())
SCALARS = st.one_of(
    WORDS, st.text(max_size=8), st.integers(), st.floats(), st.booleans(), st.none()
)
TREES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=4), st.dictionaries(st.one_of(WORDS, SCALARS), below, max_size=5)
    ),
    max_leaves=25,
)
EXPERIMENTS = st.fixed_dictionaries(
    {
        "experiments": st.dictionaries(
            WORDS, st.dictionaries(WORDS, TREES, max_size=8), max_size=2
        ),
        "claims": st.lists(st.dictionaries(WORDS, TREES, max_size=8), max_size=2),
    }
)

NAMES = st.sampled_from(["a", "b-1", "lr", "opt"])
LIKELY = st.fixed_dictionaries(
    {
        "experiments": st.fixed_dictionaries(
            {
                "a": st.fixed_dictionaries(
                    {
                        "run": st.sampled_from(["x", "x {seed}", "x {lr} {opt}", "{lr} {seed}"]),
                        "metrics": st.just({"m": {"json": "r", "key": "m"}}),
                    },
                    optional={
                        "seeds": st.lists(st.integers(0, 3), max_size=3),
                        "matrix": st.dictionaries(
                            st.sampled_from(["lr", "opt"]),
                            st.lists(st.floats() | st.text(max_size=4), min_size=1, max_size=2),
                        ),
                        "timeout": st.floats() | st.sampled_from(["2h", "90s"]),
                        "env": st.dictionaries(NAMES, st.text(max_size=4), max_size=2),
                        "outputs": st.lists(st.text(max_size=4), max_size=2),
                    },
                )
            }
        )
    },
    optional={
        "claims": st.lists(
            st.fixed_dictionaries(
                {"id": NAMES, "metric": st.just("a.m"), "value": st.floats() | st.integers()},
                optional={
                    "spread": st.fixed_dictionaries({"sd": st.floats(), "n": st.integers(0, 9)}),
                    "tolerance": st.floats(),
                },
            ),
            max_size=2,
        )
    },
)


@settings(max_examples=120, deadline=None)
@given(st.one_of(TREES, EXPERIMENTS, LIKELY))
def test_any_tree(tree: object) -> None:
    """Well-formed YAML of any shape is a ConfigError with printable problems, or is a config that
    the judge accepts and reads back as it was written.
    """
    try:
        config = parse_config(yaml.safe_dump(tree, allow_unicode=True))
    except ConfigError as error:
        assert all(problem.isprintable() for problem in error.problems)
        return
    assert problems(config.experiments, config.claims) == ()
    assert expand_all(config.experiments) or not config.experiments
    experiments, claims = (
        json.loads(json.dumps([each.to_json() for each in group]))
        for group in (config.experiments, config.claims)
    )
    assert tuple(map(Experiment.from_json, experiments)) == config.experiments
    assert tuple(map(Claim.from_json, claims)) == config.claims


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60), st.text(alphabet="ab:-[]{}#&*!|>'\"%@ \n\t?,\\Ux0~<=", max_size=40)
    )
)
def test_any_text(text: str) -> None:
    """Any text at all is a config or a ConfigError."""
    with contextlib.suppress(ConfigError):
        parse_config(text)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Any bytes at all are a config or a ConfigError."""
    with contextlib.suppress(ConfigError):
        parse_config(data)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120))
def test_suggested_names_are_accepted(text: str) -> None:
    """What is suggested instead of a bad name would itself be accepted."""
    assert is_project_name(suggest_name(text))
