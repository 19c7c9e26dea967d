"""The reviewer's page, README.md, in the form of an artifact appendix.

Owns: the rows of the page: requirements, claims, experiments. What took how long is said where the
author's own runs say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from repropack.bundle.contents import Ingredients
from repropack.bundle.effort import Effort, measured
from repropack.bundle.render import disk_of, environment, megabytes
from repropack.judge.model import Claim, Experiment, MetricRef
from repropack.metadata import swhid
from repropack.plan import Plan

NOTHING: Mapping[str, str] = MappingProxyType({})


def readme(
    plan: Plan,
    ingredients: Ingredients,
    author: Mapping[str, str] = NOTHING,
    *,
    cache: Path | None = None,
) -> str:
    """The page; `author` are the texts of the author's own verification, by path."""
    effort = measured(author)
    return (
        environment(cache)
        .get_template("README.md.j2")
        .render(
            plan=plan,
            claims=[claim_row(claim, number, plan) for number, claim in enumerate(plan.claims, 1)],
            experiments=[
                experiment_row(experiment, number, plan, effort)
                for number, experiment in enumerate(plan.experiments, 1)
            ],
            effort=effort,
            quick=", ".join(each.name for each in plan.quick_experiments),
            swhids=swhid.all_of(plan.origin),
            gpu=gpu_text(plan),
            base=ingredients.base.reference,
            cuda=ingredients.base.cuda,
            wheels=ingredients.downloads,
            conda=ingredients.conda,
            offline=ingredients.offline,
            debs=len(ingredients.base.deb_files),
            download_mb=megabytes((*ingredients.downloads, *ingredients.conda)),
            datasets=ingredients.data,
            disk_mb=disk_of(ingredients),
        )
    )


def gpu_text(plan: Plan) -> str:
    """Which experiments use a GPU."""
    needs = {
        gpu: ", ".join(e.name for e in plan.experiments if e.gpu == gpu)
        for gpu in ("required", "optional")
    }
    told = [f"{gpu} for {names}" for gpu, names in needs.items() if names]
    return "; ".join(told) or "not used"


def experiment_row(
    experiment: Experiment, number: int, plan: Plan, effort: Effort
) -> dict[str, str]:
    """An experiment as the reviewer's page tells it: its command, and its runs in words."""
    count = sum(run.experiment == experiment.name for run in plan.runs)
    facts = [f"{count} runs" if count > 1 else "one run"]
    facts += [f"{name}: {', '.join(values)}" for name, values in experiment.matrix]
    if experiment.seeds:
        facts.append(f"seeds: {', '.join(map(str, experiment.seeds))}")
    if experiment.timeout_s is not None:
        facts.append(f"at most {duration(experiment.timeout_s)} each")
    facts.append("with the network" if experiment.network else "without network")
    took = effort.of(experiment.name, count)
    claims = [
        f"C{each}" for each, claim in enumerate(plan.claims, 1) if experiment.name in used_by(claim)
    ]
    return {
        "id": f"E{number}",
        "name": experiment.name,
        "command": experiment.run,
        "facts": "; ".join(facts),
        "human": human(experiment.human_minutes),
        "compute": "compute time not measured" if took is None else f"{took} compute-minutes",
        "claims": ", ".join(claims) or "no claim",
    }


def human(minutes: float | None) -> str:
    """What a person has to do for an experiment; one command starts them all."""
    if minutes is None:
        return "started with all the others"
    return f"{minutes:g} human-minute{'' if minutes == 1 else 's'}"


def used_by(claim: Claim) -> set[str]:
    """The experiments that a claim is about."""
    refs = [*claim.compared, *([claim.metric] if claim.metric else [])]
    return {ref.experiment for ref in refs} | {
        name for cell in claim.cells for name in used_by(cell)
    }


def duration(seconds: float) -> str:
    """Seconds in the unit that a reader thinks in."""
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= size:
            count = f"{seconds / size:.1f}".removesuffix(".0")
            return f"{count} {unit}".replace("1 hours", "1 hour").replace("1 minutes", "1 minute")
    return f"{seconds:g} seconds"


def claim_row(claim: Claim, number: int, plan: Plan) -> dict[str, str]:
    """A claim as a row of the reviewer's page."""
    unit = " %" if claim.scale == "percent" else ""
    sign = " < " if claim.direction == "lower" else " > "
    compared = list(map(ref_text, claim.compared))
    reported = {
        "value": (ref_text(claim.metric) if claim.metric else "", claim.value + unit),
        "greater": (sign.join(compared), "the first is greater"),
        "rank_first": (", ".join(compared), "the first comes first"),
        "table": (f"{len(claim.cells)} cells", ", ".join(cell.value for cell in claim.cells)),
    }
    metric, value = reported[claim.kind]
    used = used_by(claim)
    told = [f"E{each}" for each, one in enumerate(plan.experiments, 1) if one.name in used]
    name = f"C{number}: {claim.id}"
    source = claim.source
    experiments = ", ".join(told)
    return {
        "id": name, "metric": metric, "value": value, "source": source, "experiments": experiments,
    }  # fmt: skip


def ref_text(ref: MetricRef) -> str:
    """`svm.accuracy{attention=eca}`."""
    cell = ",".join(f"{name}={value}" for name, value in ref.cell)
    return f"{ref.experiment}.{ref.metric}" + (f"{{{cell}}}" if cell else "")
