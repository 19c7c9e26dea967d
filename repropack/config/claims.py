"""`claims:`: what the paper says, checked against the experiments that it speaks about."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

from repropack.config import fields
from repropack.config.cursor import Cursor
from repropack.config.names import did_you_mean, or_these, shown
from repropack.judge.model import (
    Claim,
    Experiment,
    MetricRef,
    Spread,
    Tolerance,
    parse_metric_ref,
    parse_tolerance,
)

SCALES: Final = ("none", "percent")
DIRECTIONS: Final = ("both", "higher", "lower")
SPREADS: Final = ("sd", "se", "ci95")
LARGEST: Final = 1e150  # its square is still a float
_VALUE_KEYS: Final = ("metric", "value", "scale", "spread", "tolerance", "direction")
_COMPARED: Final = ("greater", "rank_first")
_KEYS: Final = ("id", *_VALUE_KEYS, "source", *_COMPARED, "table", "quick")
_BESIDE: Final = {  # which keys go with a kind, besides id and source
    "greater": (),
    "rank_first": ("direction",),
    "table": ("scale", "tolerance", "direction"),
}
Experiments = dict[str, Experiment] | None


def read_claims(cursor: Cursor, experiments: tuple[Experiment, ...] | None) -> tuple[Claim, ...]:
    """Return the claims in the order of the file; two with one id are a problem.

    `experiments` is None where they could not be read: then nothing is looked up in them.
    """
    known = None if experiments is None else {e.name: e for e in experiments}
    claims: list[Claim] = []
    for item in cursor.items():
        claim = _claim(item, known)
        if claim.id and claim.id in {other.id for other in claims}:
            item.problem(f"another claim has the id {shown(claim.id)}")
        claims.append(claim)
    return tuple(claims)


def _claim(cursor: Cursor, experiments: Experiments) -> Claim:
    given = cursor.fields(_KEYS)
    claim_id = _id(cursor, given)
    source = fields.value_of(given, "source", fields.text) or ""
    kind = next((kind for kind in _BESIDE if kind in given), "value")
    if kind == "value":
        return _value_claim(cursor, given, experiments, claim_id, source)
    _refuse_beside(kind, given)
    direction = _direction(given)
    if kind == "table":
        cells = _cells(given, experiments)
        return Claim(id=claim_id, kind=kind, cells=cells, source=source)
    compared = _compared(kind, given[kind], experiments)
    return Claim(id=claim_id, kind=kind, compared=compared, direction=direction, source=source)


def _id(cursor: Cursor, given: dict[str, Cursor]) -> str:
    field = cursor.require(given, "id") if cursor.is_mapping() else None
    raw = field.text() if field is not None else None
    return raw if field is not None and raw and fields.check_name(raw, field) else ""


def _refuse_beside(kind: str, given: dict[str, Cursor]) -> None:
    for key in (*_VALUE_KEYS, *_BESIDE):
        if key in given and key != kind and key not in _BESIDE[kind]:
            given[key].problem(f"does not go with {kind!r}")


def _direction(given: dict[str, Cursor]) -> str:
    return fields.value_of(given, "direction", lambda c: fields.choice(c, DIRECTIONS)) or "both"


def _cells(given: dict[str, Cursor], experiments: Experiments) -> tuple[Claim, ...]:
    """The cells of a table: value claims, for which the table's own keys are the default."""
    shared = {key: given[key] for key in _BESIDE["table"] if key in given}
    cells: list[Claim] = []
    for item in given["table"].items():
        own = item.fields(("id", *_VALUE_KEYS, "source"))
        cell = _value_claim(item, {**shared, **own}, experiments, "", "")
        name = fields.value_of(own, "id", fields.text) or str(cell.metric or "")
        if name and name in {other.id for other in cells}:
            item.problem(f"another cell of the table is {shown(name)}: give it an id of its own")
        source = fields.value_of(own, "source", fields.text) or ""
        cells.append(replace(cell, id=name, source=source))
    return tuple(cells)


def _value_claim(
    cursor: Cursor, given: dict[str, Cursor], experiments: Experiments, claim_id: str, source: str
) -> Claim:
    if "metric" not in given and "value" not in given:
        if cursor.is_mapping():
            cursor.problem(
                "say what is claimed: metric and value, greater: [A, B], rank_first: [A, B, …], "
                "or table: [{metric, value}, …]"
            )
    else:
        cursor.require(given, "metric")
        cursor.require(given, "value")
    return Claim(
        id=claim_id,
        kind="value",
        metric=fields.value_of(given, "metric", lambda c: _metric_ref(c, experiments)),
        value=fields.value_of(given, "value", read_value) or "",
        scale=fields.value_of(given, "scale", lambda c: fields.choice(c, SCALES)) or "none",
        spread=fields.value_of(given, "spread", _spread),
        tolerance=fields.value_of(given, "tolerance", read_tolerance),
        direction=_direction(given),
        source=source,
    )


def read_value(cursor: Cursor) -> str | None:
    """Return a number as the paper prints it."""
    raw = cursor.text()
    if raw is not None and raw.rstrip().endswith("%"):
        bare = raw.rstrip().removesuffix("%").rstrip()
        cursor.problem(
            f"is a number without '%': write {shown(bare)}, and scale: percent if the metric "
            "is a fraction"
        )
        return None
    number = fields.decimal(cursor)
    if number is not None and abs(float(number)) > LARGEST:
        cursor.problem(f"is too large to be compared: {shown(number)}")
    return number


def _spread(cursor: Cursor) -> Spread | None:
    given = cursor.fields((*SPREADS, "n"))
    kinds = [kind for kind in SPREADS if kind in given]
    n = fields.value_of(given, "n", fields.count)
    if len(kinds) != 1:
        if cursor.is_mapping():
            cursor.problem(f"give one of {', '.join(SPREADS)}, such as {{sd: 0.2, n: 5}}")
        return None
    if kinds[0] != "sd" and "n" not in given:
        cursor.problem(f"{kinds[0]!r} says nothing without the number of runs; add n: …")
    value = fields.non_negative(given[kinds[0]])
    return None if value is None else Spread(kind=kinds[0], value=value, n=n)


def read_tolerance(cursor: Cursor) -> Tolerance | None:
    """Return what may differ: `0.5`, or `1%`."""
    raw = cursor.text()
    if raw is None:
        return None
    try:
        return parse_tolerance(raw)
    except ValueError as error:
        cursor.problem(str(error))
        return None


def _compared(kind: str, cursor: Cursor, experiments: Experiments) -> tuple[MetricRef, ...]:
    """The metrics of `greater` or `rank_first`, the one that is said to win first."""
    if kind == "rank_first" and not cursor.is_list():
        ref = _metric_ref(cursor, experiments)
        return () if ref is None else _with_rivals(cursor, ref, experiments)
    items = cursor.items()
    refs = tuple(ref for ref in (_metric_ref(item, experiments) for item in items) if ref)
    if kind == "greater" and items and len(items) != 2:
        cursor.problem(f"takes two metrics, [better, worse], not {len(items)}")
    elif kind == "rank_first" and len(items) < 2:
        cursor.problem("takes the best metric, and then those that it is compared with")
    elif len(refs) == len(items) and len(set(refs)) != len(refs):
        cursor.problem("compares a metric with itself")
    return refs


def _with_rivals(cursor: Cursor, ref: MetricRef, experiments: Experiments) -> tuple[MetricRef, ...]:
    """The metric, and the same one of every other cell of the matrix."""
    if experiments is None:
        return (ref,)
    matrix = dict(experiments[ref.experiment].matrix)
    axes = [[(name, value) for value in matrix[name]] for name, _ in ref.cell]
    cells = [tuple(sorted(cell)) for cell in itertools.product(*axes)]
    rivals = tuple(MetricRef(ref.experiment, ref.metric, cell) for cell in cells)
    if len(rivals) < 2:
        cursor.problem("has no other cell to be compared with: write rank_first: [A, B, …]")
    return (ref, *(rival for rival in rivals if rival != ref))


def _metric_ref(cursor: Cursor, experiments: Experiments) -> MetricRef | None:
    if cursor.is_mapping():
        cursor.problem("put the metric in quotes: {…} means something else to YAML")
        return None
    raw = cursor.text()
    if raw is None:
        return None
    try:
        ref = parse_metric_ref(raw)
    except ValueError as error:
        cursor.problem(str(error))
        return None
    if experiments is None:
        return ref
    return _complete(ref, experiments) if _exists(cursor, ref, experiments) else None


def _complete(ref: MetricRef, experiments: dict[str, Experiment]) -> MetricRef:
    """The reference with the parameters that have a single value, which need not be written."""
    single = {name: values[0] for name, values in experiments[ref.experiment].matrix if values}
    cell = tuple(sorted({**single, **dict(ref.cell)}.items()))
    return MetricRef(experiment=ref.experiment, metric=ref.metric, cell=cell)


def _exists(cursor: Cursor, ref: MetricRef, experiments: dict[str, Experiment]) -> bool:
    experiment = experiments.get(ref.experiment)
    if experiment is None:
        near = or_these(ref.experiment, experiments)
        cursor.problem(f"there is no experiment {shown(ref.experiment)}{near}")
        return False
    metrics = [metric.name for metric in experiment.metrics]
    if ref.metric not in metrics:
        near = or_these(ref.metric, metrics) or "; it declares none under metrics:"
        cursor.problem(f"{ref.experiment} has no metric {shown(ref.metric)}{near}")
        return False
    return _cell_exists(cursor, ref, experiment)


def _cell_exists(cursor: Cursor, ref: MetricRef, experiment: Experiment) -> bool:
    """Every parameter with several values must be named: a claim is about one kind of run."""
    matrix = dict(experiment.matrix)
    cell = dict(ref.cell)
    complaints = [_cell_problem(name, value, matrix) for name, value in cell.items()]
    complaints += [
        f"which {name}? add {{{name}=…}} with one of {', '.join(values[:10])}"
        for name, values in matrix.items()
        if name not in cell and len(values) > 1
    ]
    for complaint in filter(None, complaints):
        cursor.problem(complaint)
    return not any(complaints)


def _cell_problem(name: str, value: str, matrix: dict[str, tuple[str, ...]]) -> str:
    if not matrix:
        return "the experiment has no matrix: leave {…} out"
    if name not in matrix:
        return f"the matrix has no parameter {shown(name)}{did_you_mean(name, matrix)}"
    if value not in matrix[name]:
        near = did_you_mean(value, matrix[name])
        return f"the matrix has no {name}={value}{near}"
    return ""
