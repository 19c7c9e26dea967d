"""`quick:` of experiments and claims: what an author declares to be done in minutes.

Owns: what it may change, and that the claims which it supports have runs in it. Does not own:
choosing it (`judge.selection`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from repropack.config import fields
from repropack.config.claims import read_tolerance, read_value
from repropack.config.cursor import Cursor
from repropack.config.experiments import check_placeholders, read_env, read_matrix
from repropack.config.names import did_you_mean, shown
from repropack.judge import check
from repropack.judge.model import Claim, Experiment

_KEYS: Final = ("run", "seeds", "matrix", "timeout", "env")


def read_quick(cursor: Cursor, experiments: tuple[Experiment, ...]) -> tuple[Experiment, ...]:
    """Return the quick set: of each experiment that has one, as `quick:` changes it."""
    by_name = {experiment.name: experiment for experiment in experiments}
    found = []
    for name, below in cursor.entries():
        given = dict(below.entries()).get("quick") if below.is_mapping() else None
        if name in by_name and given is not None and not given.is_null():
            quick = _quick(by_name[name], given)
            found += [] if quick is None else [quick]
    return tuple(found)


def _quick(experiment: Experiment, cursor: Cursor) -> Experiment | None:
    """The experiment as its quick set has it; None for `quick: false`."""
    if not cursor.is_mapping():
        whole = fields.boolean(cursor)
        return replace(experiment, is_quick=True) if whole else None
    given = cursor.fields(_KEYS)
    run = fields.value_of(given, "run", lambda c: c.text(multiline=True)) or experiment.run
    seeds = fields.list_of(given, "seeds", fields.seed) or experiment.seeds
    chosen = dict(read_matrix(given["matrix"])) if "matrix" in given else {}
    for name in sorted(chosen):
        _check_subset(given["matrix"], name, chosen[name], dict(experiment.matrix))
    matrix = tuple((name, chosen.get(name, values)) for name, values in experiment.matrix)
    if "run" in given:
        check_placeholders(given["run"], run, seeds=bool(seeds), matrix=matrix)
    return replace(
        experiment,
        run=run,
        seeds=seeds,
        matrix=matrix,
        timeout_s=fields.value_of(given, "timeout", fields.duration) or experiment.timeout_s,
        env=tuple(sorted({**dict(experiment.env), **dict(read_env(given))}.items())),
        is_quick=True,
    )


def _check_subset(
    cursor: Cursor, name: str, values: tuple[str, ...], matrix: dict[str, tuple[str, ...]]
) -> None:
    """A quick set has fewer cells, never others: what differs in its runs stands in its command."""
    if name not in matrix:
        near = did_you_mean(name, matrix)
        cursor.problem(f"the experiment's matrix has no parameter {shown(name)}{near}")
        return
    for value in values:
        if value not in matrix[name]:
            near = did_you_mean(value, matrix[name])
            cursor.problem(f"the experiment's matrix has no {name}={value}{near}")


def read_quick_claims(
    cursor: Cursor, claims: tuple[Claim, ...], quick: tuple[Experiment, ...]
) -> tuple[Claim, ...]:
    """Return the claims that `quick:` says the quick set supports, with what it has to give."""
    found: list[Claim] = []
    for item, claim in zip(cursor.items(), claims, strict=True):
        given = dict(item.entries()).get("quick") if item.is_mapping() else None
        if given is None or given.is_null():
            continue
        supported = _quick_claim(given, claim)
        if supported is not None:
            for what in _unsupported(supported, quick):
                given.problem(what)
            found.append(supported)
    return tuple(found)


def _quick_claim(cursor: Cursor, claim: Claim) -> Claim | None:
    """The claim itself for `true`, with a value of its own for a mapping; None for `false`."""
    if not cursor.is_mapping():
        return claim if fields.boolean(cursor) else None
    if claim.kind != "value":
        cursor.problem("takes true: only a claim with a value can have another one")
        return None
    given = cursor.fields(("value", "tolerance"))
    return replace(
        claim,
        value=fields.value_of(given, "value", read_value) or claim.value,
        tolerance=fields.value_of(given, "tolerance", read_tolerance) or claim.tolerance,
        spread=None if "value" in given else claim.spread,
        source="the quick set's own value" if "value" in given else claim.source,
    )


def _unsupported(claim: Claim, quick: tuple[Experiment, ...]) -> list[str]:
    """What the claim needs and the quick set does not run."""
    by_name = {experiment.name: experiment for experiment in quick}
    found = []
    for ref in check.references(claim):
        if ref.experiment not in by_name:
            found.append(f"{ref} is not in the quick set: give {ref.experiment} a `quick:` too")
        elif check.cell_problem(ref.cell, by_name[ref.experiment]):
            found.append(f"the quick set has no run of {ref}")
    return list(dict.fromkeys(found))
