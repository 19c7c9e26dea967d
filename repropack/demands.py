"""What the runs of a bundle need against what this machine has, before anything is fetched.

Owns: disk, memory and time, told and asked about. `reproduce.sh` does the same in its own words
(`templates/reproduce/checks.sh.j2`). Does not own: the GPU (`cuda.compare`), the data (`datasets`).
"""

from __future__ import annotations

from collections.abc import Iterator

from repropack.bundle import Bundle
from repropack.bundle.effort import NOTHING_MEASURED, Effort, measured
from repropack.bundle.render import disk_megabytes
from repropack.engines import EngineFacts, choose
from repropack.errors import Interrupted
from repropack.images import BUNDLE_LABEL
from repropack.judge.selection import Selection
from repropack.progress import Reporter
from repropack.settings import Settings

LONG_S = 86400
"""More than that is worth a question."""


def check(bundle: Bundle, chosen: Selection, settings: Settings, reporter: Reporter) -> None:
    """Tell how long the runs took at the authors', and what is less than is needed.

    Raises `NoEngineError`, and `Interrupted` where somebody was asked and said no.
    """
    engine = choose(settings.engine, builder=settings.builder)
    facts = engine.check()
    image = None if settings.rebuild else engine.image(bundle.tag)
    is_there = image is not None and dict(image.labels).get(BUNDLE_LABEL) == bundle.digest
    effort = NOTHING_MEASURED if any(e.is_quick for e in chosen.experiments) else told(bundle)
    seconds, untold = took(effort, chosen)
    reporter.note(f"time: {words(seconds, untold, effort.machine)}")
    lacking = list(lacks(bundle, chosen, effort, facts, is_there=is_there))
    if seconds > LONG_S:
        lacking.append("the runs take more than a day")
    for text in lacking:
        reporter.note(f"note: {text}")
    if lacking and not settings.agree("go on all the same?"):
        raise Interrupted("stopped, as you said", hint="--yes goes on without asking")


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
    bundle: Bundle, chosen: Selection, effort: Effort, facts: EngineFacts, *, is_there: bool
) -> Iterator[str]:
    """What there is less of than is needed."""
    needed_mb = disk_megabytes((*bundle.wheels, *bundle.conda))
    free_bytes = facts.disk_free_bytes
    if not is_there and free_bytes is not None and free_bytes < needed_mb * 10**6:
        yield (
            f"the image needs about {needed_mb} MB, and where {facts.name} keeps its own "
            f"{free_bytes / 1e6:.0f} MB are free"
        )
    names = {run.experiment for run in chosen.runs}
    peak_bytes = max((peak for name, peak in effort.peaks if name in names), default=0)
    there = facts.memory_bytes
    if there is not None and there < peak_bytes:
        yield (
            f"a run had {peak_bytes / 1e6:.0f} MB of memory at the authors', and there are "
            f"{there / 1e6:.0f} MB here"
        )
