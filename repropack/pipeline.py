"""The whole program, to read first: repository at a commit → bundle → image → runs → verdict.

Source → Inspection → Plan → Bundle → Image → Run → Verdict
Each stage takes and gives values; inspection, plan and judging are pure.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from repropack import datasets, demands, workspace
from repropack.anonymous import conceal
from repropack.archives import refuse_links_of
from repropack.attesting import read_runnable
from repropack.building import learner, make_wheels
from repropack.bundle import author_files, is_bundle, keep_lock, write_bundle
from repropack.choosing import require_runs
from repropack.fitting import environment_of
from repropack.gathering import gather
from repropack.handing import alone, hand_over
from repropack.plan import Plan, make_plan
from repropack.progress import Reporter
from repropack.project import Looked, look, require_experiments
from repropack.sameness import finished
from repropack.settings import Built, Question, Settings, Verified
from repropack.workshop import open_workshop


def decide(looked: Looked, *, settings: Settings, reporter: Reporter) -> Plan:
    """Every decision, from the Python to the last locked package."""
    reporter.step("planning")
    infer, as_of, cache, engine = settings.infer, settings.as_of, settings.cache, settings.engine
    learn = learner(settings, reporter)
    base, lock = environment_of(looked, learn, infer=infer, as_of=as_of, cache=cache, engine=engine)
    return make_plan(looked.source, looked.inspection, looked.config, base=base, lock=lock)


def build(directory: Path, *, settings: Settings, reporter: Reporter) -> Built:
    """The bundle of a project, written whole, and its image."""
    looked = look(directory, allow_dirty=settings.allow_dirty, reporter=reporter)
    require_experiments(looked)
    refuse_links_of(looked.source, settings.archive)
    return pack(decide(looked, settings=settings, reporter=reporter), looked, settings, reporter)


def pack(plan: Plan, looked: Looked, settings: Settings, reporter: Reporter) -> Built:
    """Fetch, write the bundle, build the image."""
    plan, check = conceal(plan, looked, settings)
    out = workspace.bundle_place(looked.directory, plan.slug, settings.out, force=settings.force)
    author = author_files(settings.results, plan.origin)
    workshop = open_workshop(plan.base.need, settings=settings, reporter=reporter)
    make = partial(make_wheels, plan=plan, source=looked.source, workshop=workshop)
    ingredients = gather(plan, workshop.base_record, make, cache=settings.cache, reporter=reporter)
    ingredients = datasets.record(looked, ingredients, settings, reporter)
    with alone(out, settings.cache, reporter):
        bundle = write_bundle(
            plan, looked.source, ingredients, author, cache=settings.cache, out=out, check=check
        )
        built = finished(bundle, workshop, keep_lock(plan, out))
        return hand_over(built, settings, reporter, check)


def verify(directory: Path, question: Question, settings: Settings, reporter: Reporter) -> Verified:
    """Run the experiments of a project, or of a bundle, in its image; judge its claims."""
    from repropack.runs import run_and_judge  # nothing that `build` has to wait for

    if is_bundle(directory):
        bundle = read_runnable(directory, question, settings, reporter)
        built = finished(bundle, open_workshop(bundle.base, settings, reporter, bundle))
    else:
        looked = look(directory, allow_dirty=settings.allow_dirty, reporter=reporter)
        chosen = require_runs(looked, question)
        plan = decide(looked, settings=settings, reporter=reporter)
        demands.check_project(chosen, plan, settings, reporter)
        built = pack(plan, looked, settings, reporter)
    home = question.home or directory
    out = workspace.place(home, question.out, force=settings.force, resume=question.resume)
    return run_and_judge(built, question, out, cache=settings.cache, reporter=reporter)
