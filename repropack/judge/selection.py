"""Which runs are done and which claims are judged.

Owns: what `--claim`, `--only`, `--runs`, `--quick` and `--cpu` mean. Does not own: their syntax on
a command line (`arguments`, the cli).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from repropack.judge import check, expand, manifest
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest
from repropack.judge.model import Claim, Experiment, Params, RunSpec, parse_cell
from repropack.judge.naming import close_names

MOST_RUNS = 10000


class NeedsGpu(ManifestError):
    """Runs were asked for without a GPU that cannot be done without one."""


@dataclass(frozen=True)
class Selection:
    """The experiments with the asked number of runs, and what was chosen of them.

    `left_out` are claims that nobody named and that need other runs than those chosen. `on_cpu` are
    experiments that could use a GPU and are not to.
    """

    experiments: Tuple[Experiment, ...]
    claims: Tuple[Claim, ...]
    runs: Tuple[RunSpec, ...]
    left_out: Tuple[str, ...] = ()
    on_cpu: Tuple[str, ...] = ()

    @property
    def notes(self) -> Tuple[str, ...]:
        """What the report has to say of the choice."""
        told = (
            ("not judged, because --only leaves out its runs: %s", self.left_out),
            ("done without a GPU, as --cpu asks: %s", self.on_cpu),
        )
        return tuple(text % ", ".join(names) for text, names in told if names)


def select(
    bundle: Manifest,
    claim_ids: Sequence[str] = (),
    only: Sequence[str] = (),
    runs: Optional[int] = None,
    quick: bool = False,
    cpu: bool = False,
) -> Selection:
    """What the options choose of a bundle; ManifestError for a name that it does not have."""
    if quick:
        bundle = quick_set(bundle, claim_ids)
    chosen = _select(bundle, claim_ids, only, runs)
    return _without_gpu(chosen) if cpu else chosen


def quick_set(bundle: Manifest, claim_ids: Sequence[str] = ()) -> Manifest:
    """The bundle as its quick set has it; ManifestError if it has none, or not these claims."""
    if not bundle.quick_experiments:
        raise ManifestError("", "its authors declare no quick set (`quick:` of an experiment)")
    supported = {claim.id for claim in bundle.quick_claims}
    others = [c.id for c in bundle.claims if c.id in claim_ids and c.id not in supported]
    if others:
        names = ", ".join(sorted(supported)) or "none"
        what = "the quick set does not support the claim %s; it supports: %s"
        raise ManifestError("", what % (", ".join(others), names))
    return bundle.quick


def _without_gpu(chosen: Selection) -> Selection:
    running = {spec.experiment for spec in chosen.runs}
    needing = [e.name for e in chosen.experiments if e.gpu == "required" and e.name in running]
    if needing:
        raise NeedsGpu("", "--cpu: these experiments require a GPU: %s" % ", ".join(needing))
    could = [e.name for e in chosen.experiments if e.gpu == "optional" and e.name in running]
    experiments = tuple(
        replace(each, gpu="none") if each.gpu == "optional" else each for each in chosen.experiments
    )
    return replace(chosen, experiments=experiments, on_cpu=tuple(could))


def _select(
    bundle: Manifest, claim_ids: Sequence[str], only: Sequence[str], runs: Optional[int]
) -> Selection:
    if runs is not None and not 1 <= runs <= MOST_RUNS:
        raise ManifestError("", "the number of runs must be from 1 to %d" % MOST_RUNS)
    experiments = tuple(
        each if runs is None else expand.with_runs(each, runs) for each in bundle.experiments
    )
    claims = manifest.select(bundle, claim_ids)
    specs = expand.expand_all(experiments)
    if claim_ids:
        specs = check.needed_runs(experiments, claims)
    if not only:
        return Selection(experiments, claims, specs)
    cells = [parse_only(text, bundle.experiments) for text in only]
    chosen = tuple(spec for spec in specs if any(_is_in(spec, cell) for cell in cells))
    covered = tuple(claim for claim in claims if _is_covered(claim, chosen))
    left_out = tuple(claim.id for claim in claims if claim not in covered)
    if left_out and claim_ids:
        raise ManifestError("", "--only leaves out runs that %s needs" % ", ".join(left_out))
    if claims and not covered:
        raise ManifestError("", "no claim can be judged by %s alone" % ", ".join(only))
    return Selection(experiments, covered, chosen, left_out)


def parse_only(text: str, experiments: Sequence[Experiment]) -> Tuple[str, Params]:
    """`EXPERIMENT` or `EXPERIMENT{NAME=VALUE, …}`; ManifestError if there is no such cell."""
    match = re.fullmatch(r"\s*([^{}\s]+)\s*(?:\{([^{}]*)\})?\s*", text)
    if match is None:
        raise ManifestError("", "%r is not EXPERIMENT or EXPERIMENT{NAME=VALUE}" % text)
    name, cell = match.group(1), parse_cell(match.group(2) or "", text)
    found = [each for each in experiments if each.name == name]
    if not found:
        near = close_names(name, [each.name for each in experiments])
        raise ManifestError("", "there is no experiment %s%s" % (name, near))
    problem = check.cell_problem(cell, found[0]) if cell else None
    if problem:
        raise ManifestError("", "%s: %s" % (text, problem))
    return name, cell


def _is_in(spec: RunSpec, cell: Tuple[str, Params]) -> bool:
    return spec.experiment == cell[0] and set(cell[1]) <= set(spec.params)


def _is_covered(claim: Claim, specs: Sequence[RunSpec]) -> bool:
    """Whether each metric of the claim has a run."""
    found: List[bool] = [bool(check.matching(ref, specs)) for ref in check.references(claim)]
    return all(found)


def with_runs(bundle: Manifest, runs: Optional[int]) -> Manifest:
    """The bundle whose experiments have that many runs a cell."""
    if runs is None:
        return bundle
    return replace(bundle, experiments=select(bundle, runs=runs).experiments)
