"""The whole file: text → Config, or all of its problems at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from repropack.config import fields
from repropack.config.claims import read_claims
from repropack.config.cursor import Cursor, Problems
from repropack.config.datasets import dataset_findings, read_datasets
from repropack.config.document import Mapping, read_document
from repropack.config.experiments import read_experiments, seed_findings, states_gpu
from repropack.config.model import Config, Dataset, EnvironmentOverrides, Paper, Waiver
from repropack.config.names import is_project_name, shown, suggest_name
from repropack.config.quick import read_quick, read_quick_claims
from repropack.errors import ConfigError
from repropack.findings import Finding
from repropack.judge.model import Claim, Experiment

CONFIG_NAME: Final = "repropack.yaml"
_KEYS: Final = ("name", "paper", "environment", "datasets", "experiments", "claims",
                "anonymous")  # fmt: skip
_ENVIRONMENT: Final = (
    *("lock", "python", "groups", "extras", "groups_exclude", "apt", "apt_exclude"),
)


def parse_config(text: str | bytes, *, name: str = CONFIG_NAME) -> Config:
    """Return the config that `text` holds; `name` is what messages call the file.

    Raises ConfigError with all problems, one per line, each starting with its path
    (`experiments.svm.run: …`) and ending with its line.
    """
    root = read_document(_decoded(text, name), name=name)
    if root is None or (isinstance(root, Mapping) and not root.entries):
        raise ConfigError(f"{name} is empty", hint="repropack init writes one to start from")
    if not isinstance(root, Mapping):
        raise ConfigError(
            f"{name} must hold keys such as 'experiments:' and 'claims:'",
            hint="repropack init writes one to start from",
        )
    problems = Problems()
    config = _config(Cursor(root, "", problems), file=name)
    found = problems.texts()
    if found:
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        hint = f"correct {name}, then: repropack inspect"
        raise ConfigError(f"{name} has {count}", problems=found, hint=hint)
    return config


def _decoded(text: str | bytes, name: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{name} is not UTF-8 text",
            problems=(f"a byte that is not UTF-8 (line {line})",),
            hint=f"save {name} as UTF-8",
        ) from None


def _config(root: Cursor, *, file: str) -> Config:
    given = root.fields(_KEYS)
    experiments = _experiments(given)
    # Below a misspelt `experiments:` every claim would seem wrong: one mistake, one problem.
    checkable = "experiments" in given or not root.problems.texts()
    datasets = read_datasets(given["datasets"]) if "datasets" in given else ()
    claims = _claims(given, experiments if checkable else None)
    quick = read_quick(given["experiments"], experiments) if experiments else ()
    return Config(
        name=fields.value_of(given, "name", _project_name),
        paper=fields.value_of(given, "paper", _paper) or Paper(),
        environment=fields.value_of(given, "environment", _environment) or EnvironmentOverrides(),
        datasets=datasets,
        experiments=experiments,
        claims=claims,
        quick_experiments=quick,
        quick_claims=read_quick_claims(given["claims"], claims, quick) if claims else (),
        gpu_unstated=_gpu_unstated(given, experiments),
        waivers=fields.value_of(given, "anonymous", _waivers) or (),
        findings=_findings(given, experiments, datasets, file),
    )


def _findings(
    given: dict[str, Cursor],
    experiments: tuple[Experiment, ...],
    datasets: tuple[Dataset, ...],
    file: str,
) -> tuple[Finding, ...]:
    """What is allowed and looks like a mistake."""
    seeds = seed_findings(given["experiments"], experiments, file) if experiments else ()
    data = dataset_findings(given["datasets"], datasets, file) if datasets else ()
    return (*seeds, *data)


def _experiments(given: dict[str, Cursor]) -> tuple[Experiment, ...]:
    return read_experiments(given["experiments"]) if "experiments" in given else ()


def _claims(
    given: dict[str, Cursor], experiments: tuple[Experiment, ...] | None
) -> tuple[Claim, ...]:
    return read_claims(given["claims"], experiments) if "claims" in given else ()


def _gpu_unstated(given: dict[str, Cursor], experiments: tuple[Experiment, ...]) -> tuple[str, ...]:
    if not experiments:
        return ()
    stated = states_gpu(given["experiments"])
    return tuple(e.name for e in experiments if e.name not in stated)


def _project_name(cursor: Cursor) -> str | None:
    raw = cursor.text()
    if raw is None or is_project_name(raw):
        return raw
    cursor.problem(
        f"{shown(raw)} cannot name an image: use letters and digits with single . _ or - between "
        f"them (at most 80); {shown(suggest_name(raw))} would do"
    )
    return None


def _paper(cursor: Cursor) -> Paper:
    given = cursor.fields(("title", "url", "doi"))
    return Paper(
        title=fields.value_of(given, "title", fields.text),
        url=fields.value_of(given, "url", fields.url),
        doi=fields.value_of(given, "doi", fields.doi),
    )


def _environment(cursor: Cursor) -> EnvironmentOverrides:
    given = cursor.fields(_ENVIRONMENT)
    apt, apt_exclude = _lists(given, "apt", fields.apt_name)
    groups, groups_exclude = _lists(given, "groups", fields.part_name)
    return EnvironmentOverrides(
        lock=fields.value_of(given, "lock", fields.relative_path),
        python=fields.value_of(given, "python", fields.python_minor),
        groups=groups,
        extras=fields.list_of(given, "extras", fields.part_name),
        groups_exclude=groups_exclude,
        apt=apt,
        apt_exclude=apt_exclude,
    )


def _lists(
    given: dict[str, Cursor], key: str, read: Callable[[Cursor], str | None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wanted and what is not (`KEY_exclude`); a name in both is a problem."""
    wanted = fields.list_of(given, key, read)
    declined = fields.list_of(given, f"{key}_exclude", read)
    for name in sorted({*wanted} & {*declined}):
        given[f"{key}_exclude"].problem(f"{name} stands in environment.{key} too")
    return wanted, declined


def _waivers(cursor: Cursor) -> tuple[Waiver, ...]:
    given = cursor.fields(("waive",))
    return fields.list_of(given, "waive", _waiver)


def _waiver(cursor: Cursor) -> Waiver:
    given = cursor.fields(("file", "text", "reason"))
    if cursor.is_mapping():
        cursor.require(given, "file")
        cursor.require(given, "reason")
    return Waiver(
        file=fields.value_of(given, "file", fields.text) or "",
        text=fields.value_of(given, "text", fields.text) or "",
        reason=fields.value_of(given, "reason", fields.text) or "",
    )
