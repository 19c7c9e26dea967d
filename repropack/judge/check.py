"""Whether experiments and claims fit together, and which runs a claim needs.

Owns: every reference from a claim to an experiment. Does not own: the syntax of either (`model`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from repropack.judge import expand as expansion
from repropack.judge.model import (
    Claim,
    Experiment,
    ManifestError,
    MetricRef,
    Params,
    RunSpec,
    Spread,
    is_decimal,
)
from repropack.judge.naming import close_names

LARGEST = Decimal("1e150")  # its square is still a float


def problems(experiments: Sequence[Experiment], claims: Sequence[Claim]) -> Tuple[str, ...]:
    """Everything that is wrong with the set, one line each, with the path of each problem."""
    by_name = {experiment.name: experiment for experiment in experiments}
    found = _repeated("experiments", [experiment.name for experiment in experiments])
    found += _repeated("claims", [claim.id for claim in claims])
    for experiment in experiments:
        found += _experiment_problems(experiment)
    for claim in claims:
        found += ["claims.%s: %s" % (claim.id, what) for what in _claim_problems(claim, by_name)]
    return tuple(found)


def require(experiments: Sequence[Experiment], claims: Sequence[Claim]) -> None:
    """ManifestError with all problems, if there are any."""
    found = problems(experiments, claims)
    if found:
        raise ManifestError("", "\n".join(found))


def references(claim: Claim) -> Tuple[MetricRef, ...]:
    """The metrics that the claim is about."""
    of_cells = tuple(ref for cell in claim.cells for ref in references(cell))
    return claim.compared + tuple(filter(None, [claim.metric])) + of_cells


def matching(ref: MetricRef, specs: Iterable[RunSpec]) -> Tuple[RunSpec, ...]:
    """The runs whose values the reference means: its experiment, with all pairs of its cell."""
    return tuple(
        spec
        for spec in specs
        if spec.experiment == ref.experiment and set(ref.cell) <= set(spec.params)
    )


def needed_runs(experiments: Sequence[Experiment], claims: Sequence[Claim]) -> Tuple[RunSpec, ...]:
    """The runs that the claims need, in the order of the experiments."""
    specs = expansion.expand_all(experiments)
    wanted = {
        spec for claim in claims for ref in references(claim) for spec in matching(ref, specs)
    }
    return tuple(spec for spec in specs if spec in wanted)


def _repeated(where: str, names: Sequence[str]) -> List[str]:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    return ["%s.%s: appears more than once" % (where, name) for name in twice]


def _experiment_problems(experiment: Experiment) -> List[str]:
    where = "experiments.%s" % experiment.name
    found = _repeated(where + ".metrics", [metric.name for metric in experiment.metrics])
    found += _repeated(where + ".matrix", [name for name, _ in experiment.matrix])
    found += _repeated(where + ".seeds", [str(seed) for seed in experiment.seeds])
    for name, values in experiment.matrix:
        found += _repeated("%s.matrix.%s" % (where, name), values)
        if not values:
            found.append("%s.matrix.%s: has no values" % (where, name))
        if name == "seed" and experiment.seeds:
            found.append("%s.matrix.seed: `seed` is what `seeds` fills in" % where)
    return found


def _claim_problems(claim: Claim, by_name: Dict[str, Experiment]) -> List[str]:
    if claim.kind == "table":
        return _table_problems(claim, by_name)
    found = _value_problems(claim) if claim.kind == "value" else _compared_problems(claim)
    key = "metric" if claim.kind == "value" else claim.kind
    for ref in references(claim):
        what = _reference_problem(ref, by_name)
        if what:
            found.append("%s: %s: %s" % (key, ref, what))
    return found


def _value_problems(claim: Claim) -> List[str]:
    found = []
    if claim.metric is None:
        found.append("metric: is missing")
    if not is_decimal(claim.value):
        found.append("value: %r is not a decimal number as the paper prints it" % claim.value)
    elif Decimal(claim.value).copy_abs() > LARGEST:
        found.append("value: %s is too large to compute with" % claim.value)
    if claim.spread is not None and not _is_usable(claim.spread):
        found.append("spread: is not a usable number of a usable number of runs")
    return found


def _compared_problems(claim: Claim) -> List[str]:
    found, count = [], len(claim.compared)
    if claim.kind == "greater" and count != 2:
        found.append("greater: expected two metrics [A, B], found %d" % count)
    if claim.kind == "rank_first" and count < 2:
        found.append("rank_first: expected two or more metrics, the first the best")
    if len(set(claim.compared)) != count:
        found.append("%s: compares a metric with itself" % claim.kind)
    return found


def _table_problems(claim: Claim, by_name: Dict[str, Experiment]) -> List[str]:
    found = [] if claim.cells else ["table: has no cells"]
    found += _repeated("table", [cell.id for cell in claim.cells])
    for cell in claim.cells:
        if cell.kind == "value":
            found += ["table.%s: %s" % (cell.id, what) for what in _claim_problems(cell, by_name)]
        else:
            found.append("table.%s: a cell is a value, not a %s" % (cell.id, cell.kind))
    return found


def _is_usable(spread: Spread) -> bool:
    return 0 <= spread.value <= float(LARGEST) and 1 <= (spread.n or 1) <= 10**9


def _reference_problem(ref: MetricRef, by_name: Dict[str, Experiment]) -> Optional[str]:
    experiment = by_name.get(ref.experiment)
    if experiment is None:
        return "there is no experiment %s%s" % (
            ref.experiment,
            close_names(ref.experiment, list(by_name)),
        )
    metrics = [metric.name for metric in experiment.metrics]
    if ref.metric not in metrics:
        return "%s has no metric %s%s" % (
            ref.experiment,
            ref.metric,
            close_names(ref.metric, metrics),
        )
    return cell_problem(ref.cell, experiment)


def cell_problem(cell: Params, experiment: Experiment) -> Optional[str]:
    """What is wrong with a cell of the experiment's matrix, or None."""
    matrix = dict(experiment.matrix)
    if matrix and not cell:
        example = ", ".join(
            "%s=%s" % (name, values[0]) for name, values in experiment.matrix if values
        )
        return "%s has a matrix: say which cell, e.g. {%s}" % (experiment.name, example)
    for name, value in cell:
        if name not in matrix:
            return "the matrix of %s has no %s%s" % (
                experiment.name, name, close_names(name, list(matrix)),
            )  # fmt: skip
        if value not in matrix[name]:
            return "the matrix of %s has no %s=%s%s" % (
                experiment.name, name, value, close_names(value, matrix[name]),
            )  # fmt: skip
    return None
