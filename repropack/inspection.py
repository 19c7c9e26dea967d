"""The inspection: all findings, resolved into what the project is.

Owns: which of several facts counts (manifests, Python versions, GPU). Does not own: finding them
(`detectors`), and what is built from it (`plan`). Pure: everything comes from the two arguments.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repropack.config import Config, suggest_name
from repropack.detectors import Readable, Reading, detect, gpu
from repropack.detectors.conda import FOREIGN, UNREADABLE
from repropack.detectors.dependencies import KIND_PREFIX
from repropack.detectors.disagreement import DISAGREE
from repropack.detectors.imports import MISSING, missing, undeclared
from repropack.detectors.installs import INSTALLED
from repropack.detectors.opened import OPENED
from repropack.detectors.pins import normalise
from repropack.detectors.python import OLD
from repropack.detectors.rooted import NEEDED
from repropack.detectors.scripts import Script, find_scripts
from repropack.detectors.staleness import STALE
from repropack.detectors.system import APT
from repropack.findings import Choice, Finding, Severity, Where
from repropack.formats import Format, format_of
from repropack.judge.model import Experiment
from repropack.pythons import candidates, minor_of, said
from repropack.tables import distribution_of, nowhere_to_install

__all__ = ["EnvironmentFile", "Inspection", "Project", "inspect"]


class Project(Readable, Protocol):
    """What inspection needs of a source, see `source.Source`."""

    @property
    def root(self) -> Path: ...  # noqa: D102
    @property
    def remote(self) -> str | None: ...  # noqa: D102
    @property
    def subdirectory(self) -> str: ...  # noqa: D102
    @property
    def commit_time_s(self) -> int | None: ...  # noqa: D102
    @property
    def findings(self) -> tuple[Finding, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFile:
    """The manifest that the environment is made from; `path` is None when there is none.

    `declared`: repropack.yaml names it. `root` says why the project itself has to be installed
    besides, where something in the source does.
    """

    path: str | None
    format: Format
    because: str
    declared: bool = False
    root: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the project is.

    `pythons` are the Pythons that come into question, the best first: one where the project pins
    it. `python` is the first of them, None when nothing in the project says which. `gpu` is what
    is inferred for experiments that do not say; `experiments` are the config's with that filled
    in. `scripts` are what could be run, `apt` Debian packages that the project asks for.
    `undeclared` are distributions that the code imports, or a README installs, and no manifest
    names: `--infer` installs them.
    """

    name: str
    findings: tuple[Finding, ...]
    python: Choice | None
    pythons: tuple[Choice, ...]
    environment: EnvironmentFile
    gpu: Choice
    experiments: tuple[Experiment, ...] = ()
    quick_experiments: tuple[Experiment, ...] = ()
    scripts: tuple[Script, ...] = ()
    apt: tuple[Choice, ...] = ()
    undeclared: tuple[Choice, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that stand in the way of a build."""
        return tuple(f for f in self.findings if f.severity is Severity.PROBLEM)


def inspect(source: Project, config: Config | None) -> Inspection:
    """Return what the source is; `config` is None where there is no repropack.yaml. Never raises
    for what files hold: that becomes findings.
    """
    config = config or Config()
    reading = Reading(source)
    detected = detect(reading)
    pythons, doubts = candidates(config, detected, source.commit_time_s)
    imported = missing(reading, detected, minor_of(pythons[0].value))
    told = undeclared(reading, detected)
    detected = (*detected, *imported, *told)
    environment, complaint = _environment(reading, config, detected)
    root = next((f.because for f in detected if f.kind == NEEDED), None)
    environment = dataclasses.replace(environment, root=root)
    needs_gpu = _gpu(detected)
    used = environment.path if complaint is None else None
    detected = tuple(_settled(finding, used, config) for finding in detected)
    findings = (*source.findings, *config.findings, *detected, *doubts)
    return Inspection(
        name=config.name or _name(source, reading),
        findings=findings if complaint is None else (*findings, complaint),
        python=pythons[0] if said(config, detected) else None,
        pythons=pythons,
        environment=environment,
        gpu=needs_gpu,
        experiments=_with_gpu(config, config.experiments, needs_gpu),
        quick_experiments=_with_gpu(config, config.quick_experiments, needs_gpu),
        scripts=find_scripts(reading),
        apt=tuple(Choice(value=f.value, because=f.because) for f in detected if f.kind == APT),
        undeclared=_inferable(imported, told),
    )


def _inferable(imported: tuple[Finding, ...], told: tuple[Finding, ...]) -> tuple[Choice, ...]:
    """Distributions that imports need and that a README installs; that has a version, it counts."""
    said = tuple(
        Choice(value=f.value, because=f"`pip install {f.value}` in {f.where}") for f in told
    )
    names = {normalise(re.split(r"[\[=~!<>]", choice.value)[0]) for choice in said}
    others = [_distribution(f) for f in imported if not nowhere_to_install(f.value)]
    return (*said, *(choice for choice in others if normalise(choice.value) not in names))


def _distribution(finding: Finding) -> Choice:
    because = f"`import {finding.value}` in {finding.where}"
    return Choice(value=distribution_of(finding.value), because=because)


def _name(source: Project, reading: Reading) -> str:
    """The name that is the same in every clone, where there is one."""
    project = reading.toml("pyproject.toml").get("project")
    declared = project.get("name") if isinstance(project, dict) else None
    remote = (source.remote or "").rstrip("/").removesuffix(".git").replace(":", "/")
    candidates = (
        declared if isinstance(declared, str) else "",
        posixpath.basename(source.subdirectory),
        posixpath.basename(remote),
        source.root.name,
    )
    return suggest_name(next((text for text in candidates if text), ""))


def _environment(
    reading: Reading, config: Config, findings: tuple[Finding, ...]
) -> tuple[EnvironmentFile, Finding | None]:
    if config.environment.lock:
        return _declared_environment(reading, config.environment.lock)
    for format in Format:
        kind = KIND_PREFIX + format.name.lower()
        same = [finding for finding in findings if finding.kind == kind]
        if same:
            return _chosen(same[0], format, findings), None
    because = _why_none(reading, findings)
    return EnvironmentFile(path=None, format=Format.NONE, because=because), None


def _why_none(reading: Reading, findings: tuple[Finding, ...]) -> str:
    if not any(path.endswith((".py", ".ipynb", ".pyx")) for path in reading.sizes):
        return "no file says what to install, and there is no Python code"
    imported = [finding.value for finding in findings if finding.kind == MISSING]
    if imported:
        return f"no file says what to install, but the code imports {', '.join(imported[:5])}"
    told = [finding.value for finding in findings if finding.kind == INSTALLED]
    if told:
        return f"no file says what to install, but a README installs {', '.join(told[:5])}"
    return "no file says what to install: the standard library only"


def _chosen(finding: Finding, format: Format, findings: tuple[Finding, ...]) -> EnvironmentFile:
    manifests = {KIND_PREFIX + known.name.lower() for known in Format}
    others = [
        other.value
        for other in findings
        if other.kind in manifests and other.value != finding.value
    ]
    preferred = f", preferred to {', '.join(dict.fromkeys(others))}" if others else ""
    because = f"{finding.value} ({finding.because}){preferred}"
    return EnvironmentFile(path=finding.value, format=format, because=because)


def _declared_environment(reading: Reading, path: str) -> tuple[EnvironmentFile, Finding | None]:
    text = reading.text(path)
    format = None if text is None else format_of(path, text)
    if format is not None:
        because = f"environment.lock in repropack.yaml says {path}"
        return EnvironmentFile(path=path, format=format, because=because, declared=True), None
    if text is None:
        because = "environment.lock names it, but it cannot be read or is not in the source"
    else:
        because = "environment.lock names it, but it is no pylock.toml, requirements file or "
        because += "pyproject.toml, nor a lock or manifest of another tool that is known"
    complaint = Finding(
        kind="environment.lock",
        value=path,
        because=because,
        where=Where(path=path),
        severity=Severity.PROBLEM,
    )
    return EnvironmentFile(path=None, format=Format.NONE, because=because), complaint


def _settled(finding: Finding, used: str | None, config: Config) -> Finding:
    """What is wrong with a manifest does not stop a build that does not use it, or was told to."""
    declared = bool(config.environment.lock) and used is not None
    if finding.kind in (FOREIGN, UNREADABLE) and finding.where and finding.where.path != used:
        return dataclasses.replace(finding, severity=Severity.INFO)
    if finding.kind == OLD and config.environment.python:
        return dataclasses.replace(finding, severity=Severity.WARNING)
    if finding.kind == STALE and (declared or finding.value != used):
        return dataclasses.replace(finding, severity=Severity.WARNING)
    if finding.kind == DISAGREE and (declared or used not in finding.value.split(" and ")):
        return dataclasses.replace(finding, severity=Severity.WARNING)
    if finding.kind == OPENED and any(
        f"{finding.value}/".startswith(f"{dataset.path}/") for dataset in config.datasets
    ):
        return dataclasses.replace(finding, severity=Severity.INFO)
    return finding


def _gpu(findings: tuple[Finding, ...]) -> Choice:
    """Required only when the code uses CUDA without asking; a wrong "none" would be silent."""
    required = [f for f in findings if f.kind == gpu.USE]
    optional = [f for f in findings if f.kind in (gpu.GUARDED_USE, gpu.CHECK)]
    automatic = [f for f in findings if f.kind == gpu.FRAMEWORK and f.value in gpu.AUTOMATIC]
    for finding in (*required, *optional, *automatic)[:1]:
        because = f"{finding.value} in {finding.where}: {finding.because}"
        return Choice(value="required" if required else "optional", because=because)
    return Choice(value="none", because="no code that uses a GPU was found")


def _with_gpu(
    config: Config, experiments: tuple[Experiment, ...], choice: Choice
) -> tuple[Experiment, ...]:
    return tuple(
        dataclasses.replace(experiment, gpu=choice.value)
        if experiment.name in config.gpu_unstated
        else experiment
        for experiment in experiments
    )
