"""Which runs are done and which claims are judged: `--claim`, `--only` and `--runs` in one place.

Owns: what these options mean. Does not own: their syntax on a command line (`__main__`, the cli).
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


@dataclass(frozen=True)
class Selection:
    """The experiments with the asked number of runs, and what was chosen of them.

    `left_out` are claims that nobody named and that need other runs than those chosen.
    """

    experiments: Tuple[Experiment, ...]
    claims: Tuple[Claim, ...]
    runs: Tuple[RunSpec, ...]
    left_out: Tuple[str, ...] = ()

    @property
    def notes(self) -> Tuple[str, ...]:
        """What the report has to say of the choice."""
        if not self.left_out:
            return ()
        return ("not judged, because --only leaves out its runs: %s" % ", ".join(self.left_out),)


def select(
    bundle: Manifest,
    claim_ids: Sequence[str] = (),
    only: Sequence[str] = (),
    runs: Optional[int] = None,
) -> Selection:
    """What the options choose of a bundle; ManifestError for a name that it does not have."""
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
    if not covered:
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
