"""Experiment to runs."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.judge.expand import expand, expand_all
from repropack.judge.model import Experiment


@pytest.mark.parametrize(
    ("experiment", "ids"),
    [
        (Experiment("svm", "x"), ["svm"]),
        (Experiment("svm", "x", seeds=(2, 0)), ["svm-seed2", "svm-seed0"]),
        (
            Experiment("svm", "x", seeds=(0, 1), matrix=(("b", ("y", "x")), ("a", ("1",)))),
            ["svm-b=y-a=1-seed0", "svm-b=y-a=1-seed1", "svm-b=x-a=1-seed0", "svm-b=x-a=1-seed1"],
        ),
    ],
)
def test_order_and_ids(experiment: Experiment, ids: list[str]) -> None:
    """Cells come in the config's order, each with every seed, and ids say which is which."""
    assert [spec.id for spec in expand(experiment)] == ids


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("train --seed {seed} --att {att}", "train --seed 7 --att 'a b'"),
        ("awk '{print $1}' f", "awk '{print $1}' f"),
        ("""echo '{"lr": {lr}, "seed": {seed}}'""", """echo '{"lr": {lr}, "seed": 7}'"""),
        ("a ${seed} {{seed}}", "a $7 {7}"),
        ("echo ${HOME} {other}", "echo ${HOME} {other}"),
        ('echo "name-{att}"', 'echo "name-a b"'),
    ],
)
def test_placeholders(run: str, expected: str) -> None:
    """Known names are filled in and quoted where needed; every other brace stays."""
    (spec,) = expand(Experiment("e", run, seeds=(7,), matrix=(("att", ("a b",)),)))
    assert spec.command == expected


def test_values_are_not_filled_in_again() -> None:
    """A value that looks like a placeholder stays what it is."""
    (spec,) = expand(Experiment("e", "echo {a}", seeds=(7,), matrix=(("a", ("{seed}",)),)))
    assert spec.command == "echo '{seed}'"


HOSTILE = ["; rm -rf x", "$(touch x)", "`touch x`", "a'b", 'a"b', "a\\", "-n", "*", "a\nb", "$HOME"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "template", ["{a}", "x{a}y", "'x{a}y'", '"x{a}y"', '"$(printf "%s" {a})"', '"it\'s {a}"']
)
def test_hostile_values_reach_the_program_as_they_are(template: str, value: str) -> None:
    """Whatever the value and the quotes around it, the shell hands it over literally."""
    (spec,) = expand(Experiment("e", "printf %s " + template, matrix=(("a", (value,)),)))
    done = subprocess.run(["sh", "-c", spec.command], capture_output=True, text=True, check=True)
    expected = template.replace('"$(printf "%s" {a})"', "{a}").strip("'\"").replace("{a}", value)
    assert done.stdout == expected


NAMES = st.text(st.sampled_from("ab-=+. /é_0seed"), min_size=1, max_size=12)
EXPERIMENTS = st.builds(
    Experiment,
    name=NAMES,
    run=st.just("x"),
    seeds=st.lists(st.integers(-3, 12), max_size=3, unique=True).map(tuple),
    matrix=st.dictionaries(
        NAMES, st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple), max_size=2
    ).map(lambda cells: tuple(cells.items())),
)


@given(st.lists(EXPERIMENTS, max_size=4, unique_by=lambda experiment: experiment.name))
def test_ids_are_safe_and_unique(experiments: list[Experiment]) -> None:
    """Ids hold only harmless characters, never lead with a dash or dot, and no two are equal."""
    ids = [spec.id for spec in expand_all(experiments)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_=,+][A-Za-z0-9._=,+-]*", run_id) for run_id in ids)


@pytest.mark.parametrize("name", ["svm-seed0", "a=b", "é", "..", "-x", "x" * 300, "a/b", "a+b"])
def test_ambiguous_names_get_a_hash(name: str) -> None:
    """A name that could be mistaken for something else, or for a path, is told apart by a hash."""
    (spec,) = expand(Experiment(name, "x"))
    assert re.search(r"\+[0-9a-f]{8}$", spec.id)
    assert len(spec.id) <= 120
