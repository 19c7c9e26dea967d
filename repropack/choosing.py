"""Which runs a question is about, and what they want of the machine, before anything is built.

Owns: the errors of a choice that cannot be made, and asking for what a stranger's runs want. Does
not own: what the options choose (`judge.selection`).
"""

from __future__ import annotations

from repropack.bundle import Bundle
from repropack.errors import ConfigError, RunError, UsageError
from repropack.judge.fields import ManifestError
from repropack.judge.manifest import Manifest
from repropack.judge.selection import NeedsGpu, Selection, select
from repropack.progress import Reporter
from repropack.project import Looked, require_claims, require_experiments
from repropack.settings import Question, Settings


def select_runs(bundle: Bundle, question: Question) -> Selection:
    """The runs and the claims that the question is about; all of them when it names none.

    Raises `ConfigError` when the bundle claims nothing, `UsageError` for an unknown name,
    `RunError` for runs that cannot be done as they were asked for.
    """
    if not bundle.manifest.claims and not question.quick:
        raise ConfigError(
            f"{bundle.name} claims nothing: there is nothing to verify",
            hint="add the paper's numbers under `claims:` in repropack.yaml",
        )
    return choose(bundle.manifest, question)


def choose(manifest: Manifest, question: Question) -> Selection:
    """What the question chooses. Raises `UsageError`, or `RunError`."""
    try:
        return select(
            manifest, question.claims, question.only, question.runs, question.quick, question.cpu
        )
    except NeedsGpu as error:
        raise RunError(
            str(error), hint="leave out --cpu, or choose others with --claim or --only"
        ) from error
    except ManifestError as error:
        raise UsageError(str(error)) from error


def require_runs(looked: Looked, question: Question) -> Selection:
    """The same of a project that is not built yet. Raises as `select_runs` does."""
    if question.quick:
        require_experiments(looked)
    else:
        require_claims(looked, question.claims, question.only)
    found = looked.inspection
    manifest = Manifest(
        name=found.name,
        experiments=found.experiments,
        claims=looked.config.claims,
        quick_experiments=found.quick_experiments,
        quick_claims=looked.config.quick_claims,
    )
    return choose(manifest, question)


def refuse_loosening(chosen: Selection, settings: Settings, reporter: Reporter) -> None:
    """Say what the chosen runs want beyond a closed container, before anything is built.

    Raises `UsageError` for what `--allow` does not name.
    """
    names = {run.experiment for run in chosen.runs}
    experiments = [each for each in chosen.experiments if each.name in names]
    wants = {
        "network": [each.name for each in experiments if each.network],
        "gpu": [each.name for each in experiments if each.gpu != "none"],
    }
    asked = {what: ", ".join(found) for what, found in wants.items() if found}
    for what, found in asked.items():
        if what in settings.allow:
            reporter.note(f"allowed: {what}, for {found}")
    refused = [what for what in asked if what not in settings.allow]
    if refused:
        lines = "".join(f"\n  {what}: {asked[what]}" for what in refused)
        raise UsageError(
            f"experiments of this bundle want more than a closed container:{lines}",
            hint="if you trust its authors with that: "
            + " ".join(f"--allow {what}" for what in refused),
        )
