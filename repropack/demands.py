"""What the runs of a bundle need against what this machine has, before anything is fetched.

Owns: GPU, disk, memory and time, told and asked about. `reproduce.sh` does the same in its own
words (`templates/reproduce/checks.sh.j2`). Does not own: what a GPU is compared with
(`cuda.compare`), the data (`datasets`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from repropack.bundle import Bundle
from repropack.bundle.effort import NOTHING_MEASURED, Effort, measured
from repropack.bundle.render import disk_megabytes
from repropack.cuda import CudaPlan
from repropack.cuda.compare import compare
from repropack.engines import EngineFacts, choose, host_of
from repropack.environment import Target, Wheel
from repropack.environment.condamodel import CondaFile
from repropack.errors import Interrupted, RunError
from repropack.findings import Severity
from repropack.images import BUNDLE_LABEL
from repropack.judge.selection import Selection
from repropack.plan import Plan
from repropack.progress import Reporter
from repropack.settings import Settings

LONG_S = 86400
"""More than that is worth a question."""


def check(
    bundle: Bundle,
    chosen: Selection,
    settings: Settings,
    reporter: Reporter,
    place: Path | None = None,
    jobs: int | None = 1,
) -> None:
    """Tell how long the runs took at the authors', and what is less than is needed.

    `place` is where the runs' results go, `jobs` how many are done at once, where that is known
    beforehand. Raises `NoEngineError`, `RunError` for a GPU that is
    needed and not there, and `Interrupted` where somebody was asked and said no.
    """
    engine = choose(settings.engine, builder=settings.builder)
    facts = engine.check()
    check_gpu(chosen, bundle.cuda, bundle.target, facts, reporter)
    image = None if settings.rebuild else engine.image(bundle.tag)
    is_there = image is not None and dict(image.labels).get(BUNDLE_LABEL) == bundle.digest
    effort = NOTHING_MEASURED if any(e.is_quick for e in chosen.experiments) else told(bundle)
    seconds, untold = took(effort, chosen)
    reporter.note(f"time: {words(seconds, untold, effort.machine)}")
    lacking = list(lacks(bundle, chosen, effort, facts, is_there=is_there, jobs=jobs or 1))
    lacking += lacks_place(chosen, effort, place)
    if seconds > LONG_S:
        lacking.append("the runs take more than a day")
    for text in lacking:
        reporter.note(f"note: {text}")
    if lacking and not settings.agree("go on all the same?"):
        raise Interrupted("stopped, as you said", hint="--yes goes on without asking")


def check_project(chosen: Selection, plan: Plan, settings: Settings, reporter: Reporter) -> None:
    """The GPU of a project's runs, before anything of it is fetched or built.

    Raises `NoEngineError`, and `RunError` for a GPU that is needed and not there.
    """
    facts = choose(settings.engine, builder=settings.builder).check()
    check_gpu(chosen, plan.cuda, plan.target, facts, reporter)


def check_gpu(
    chosen: Selection, cuda: CudaPlan, target: Target, facts: EngineFacts, reporter: Reporter
) -> None:
    """Say what will fail on this machine's GPU. Raises `RunError`.

    What may fail, and what an optional GPU lacks, is told and does not stop anything.
    """
    running = {run.experiment for run in chosen.runs}
    experiments = [each for each in chosen.experiments if each.name in running]
    needs = {experiment.gpu for experiment in experiments}
    gpu = next((need for need in ("required", "optional") if need in needs), "none")
    problems = compare(cuda, host_of(facts), gpu=gpu, python=target.minor)
    stopping = [problem for problem in problems if problem.severity is Severity.PROBLEM]
    for problem in problems:
        if problem not in stopping:
            reporter.note(f"GPU: {problem.what} ({problem.fix})")
    if stopping:
        needing = ", ".join(each.name for each in experiments if each.gpu == "required")
        raise RunError(
            f"{needing} needs a GPU: " + "; ".join(problem.what for problem in stopping),
            hint="; ".join(problem.fix for problem in stopping),
        )


def told(bundle: Bundle) -> Effort:
    """What the author's files in the bundle say, if they can be read."""
    author = bundle.directory / "author"
    paths = [author / "report.json", *sorted(author.glob("runs/*/record.json"))]
    try:
        return measured(
            {
                path.relative_to(bundle.directory).as_posix(): path.read_text("utf-8")
                for path in paths
                if path.is_file()
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return NOTHING_MEASURED  # it decides nothing, so it stops nothing


def took(effort: Effort, chosen: Selection) -> tuple[float, int]:
    """The seconds of the chosen runs, one after the other, and how many were not measured."""
    times: dict[str, list[float]] = {}
    for name, seconds in effort.runs:
        times.setdefault(name, []).append(seconds)
    known = [times[run.experiment] for run in chosen.runs if run.experiment in times]
    total = sum(sum(each) / len(each) for each in known)
    return total, len(chosen.runs) - len(known)


def words(seconds: float, untold: int, machine: str) -> str:
    """How long it takes, as far as anybody knows."""
    if not seconds:
        return "not measured by the authors"
    about = "less than a minute"
    if seconds >= 60:
        about = f"about {seconds / 60:.0f} minutes"
    if seconds >= 5400:
        about = f"about {seconds / 3600:.0f} hours"
    rest = f", and {untold} runs that were not measured" if untold else ""
    where = f" on {machine}" if machine else ""
    return f"{about}{rest}, one run after the other, as the authors measured{where}"


def lacks(
    bundle: Bundle,
    chosen: Selection,
    effort: Effort,
    facts: EngineFacts,
    *,
    is_there: bool,
    jobs: int = 1,
) -> Iterator[str]:
    """What there is less of than is needed."""
    written_mb, writing = effort.writes_mb([run.experiment for run in chosen.runs], jobs)
    runs = "a run" if writing < 2 else f"{writing} runs at once"
    parts = {"the image": 0 if is_there else image_mb(bundle), runs: written_mb}
    needed_mb, free_bytes = sum(parts.values()), facts.disk_free_bytes
    if free_bytes is not None and free_bytes < needed_mb * 10**6:
        what = " and ".join(name for name, needed in parts.items() if needed)
        many = " and " in what or (what == runs and writing > 1)
        yield (
            f"{what} {'need' if many else 'needs'} about {needed_mb} MB, and where "
            f"{facts.name} keeps its own {free_bytes / 1e6:.0f} MB are free"
        )
    names = {run.experiment for run in chosen.runs}
    peak_bytes = max((peak for name, peak in effort.peaks if name in names), default=0)
    there = facts.memory_bytes
    if there is not None and there < peak_bytes:
        yield (
            f"a run had {peak_bytes / 1e6:.0f} MB of memory at the authors', and there are "
            f"{there / 1e6:.0f} MB here"
        )


def image_mb(bundle: Bundle) -> int:
    """What the image may take while it is built: as reproduce.sh has it."""
    installers = tuple(tool for tool in bundle.tools if tool.name != "pip")
    packages: tuple[Wheel | CondaFile, ...] = (*bundle.wheels, *installers, *bundle.conda)
    return disk_megabytes(packages, (bundle.base_image, bundle.cuda_image))


def lacks_place(chosen: Selection, effort: Effort, place: Path | None) -> Iterator[str]:
    """Too little room for what the runs leave."""
    kept_mb = effort.leaves_mb([run.experiment for run in chosen.runs])
    there = (
        None if place is None else next((p for p in (place, *place.parents) if p.is_dir()), None)
    )
    if there is None or not kept_mb:
        return
    try:
        free_bytes = shutil.disk_usage(there).free
    except OSError:
        return
    if free_bytes < kept_mb * 10**6:
        yield (
            f"what the runs leave needs about {kept_mb} MB in {there}, where "
            f"{free_bytes / 1e6:.0f} MB are free"
        )
