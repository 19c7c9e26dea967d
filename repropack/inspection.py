"""The inspection: all findings, resolved into what the project is.

Owns: which of several facts counts (manifests, Python versions, GPU). Does not own: finding them
(`detectors`), and what is built from it (`plan`). Pure: everything comes from the two arguments.
"""

from __future__ import annotations

import dataclasses
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from repropack.config import Config, suggest_name
from repropack.detectors import Readable, Reading, detect, gpu, python
from repropack.detectors.dependencies import (
    KIND_PREFIX,
    UNSUPPORTED,
    export_hint,
)
from repropack.detectors.disagreement import DISAGREE
from repropack.detectors.imports import MISSING, missing
from repropack.detectors.scripts import Script, find_scripts
from repropack.detectors.staleness import STALE
from repropack.detectors.system import APT
from repropack.findings import Choice, Finding, Severity, Where
from repropack.formats import Format, format_of
from repropack.judge.model import Experiment
from repropack.tables import distribution_of

__all__ = ["EnvironmentFile", "Inspection", "Project", "inspect"]

# Where the project allows several: those that a base has, by how well tested (see `plan`).
PREFERRED_PYTHONS: Final = ("3.11", "3.13", "3.9")
_MINORS: Final = tuple(f"3.{minor}" for minor in range(6, 30))


class Project(Readable, Protocol):
    """What inspection needs of a source, see `source.Source`."""

    @property
    def root(self) -> Path: ...  # noqa: D102
    @property
    def remote(self) -> str | None: ...  # noqa: D102
    @property
    def subdirectory(self) -> str: ...  # noqa: D102
    @property
    def findings(self) -> tuple[Finding, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFile:
    """The manifest that the environment is made from; `path` is None when there is none."""

    path: str | None
    format: Format
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the project is.

    `python` is None when nothing says which (the plan has a default). `gpu` is what is inferred
    for experiments that do not say; `experiments` are the config's with that filled in.
    `scripts` are what could be run, `apt` Debian packages that the project asks for. `undeclared`
    are distributions that the code imports and no manifest names: `--infer` installs them.
    """

    name: str
    findings: tuple[Finding, ...]
    python: Choice | None
    environment: EnvironmentFile
    gpu: Choice
    experiments: tuple[Experiment, ...] = ()
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
    python_choice, doubts = _python(config, detected)
    version = python_choice.value if python_choice else PREFERRED_PYTHONS[0]
    undeclared = missing(reading, detected, minor_of(version))
    detected = (*detected, *undeclared)
    environment, complaint = _environment(reading, config, detected)
    needs_gpu = _gpu(detected)
    used = environment.path if complaint is None else None
    detected = tuple(_settled(finding, used, config) for finding in detected)
    findings = (*source.findings, *config.findings, *detected, *doubts)
    return Inspection(
        name=config.name or _name(source, reading),
        findings=findings if complaint is None else (*findings, complaint),
        python=python_choice,
        environment=environment,
        gpu=needs_gpu,
        experiments=_with_gpu(config, needs_gpu),
        scripts=find_scripts(reading),
        apt=tuple(Choice(value=f.value, because=f.because) for f in detected if f.kind == APT),
        undeclared=tuple(map(_distribution, undeclared)),
    )


def minor_of(python: str) -> str:
    """A version of Python without its patch version."""
    return ".".join(python.split(".")[:2])


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
    because = _why_none(findings)
    return EnvironmentFile(path=None, format=Format.NONE, because=because), None


def _why_none(findings: tuple[Finding, ...]) -> str:
    unread = [finding.value for finding in findings if finding.kind == UNSUPPORTED]
    if unread:
        return f"{' and '.join(unread)} cannot be built from yet"
    imported = [finding.value for finding in findings if finding.kind == MISSING]
    if imported:
        return f"no file says what to install, but the code imports {', '.join(imported[:5])}"
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
        return EnvironmentFile(path=path, format=format, because=because), None
    hint = export_hint(path)
    if text is None:
        because = "environment.lock names it, but it cannot be read or is not in the source"
    elif hint:
        because = f"this format cannot be built from yet; export it: {hint}"
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
    if finding.kind == UNSUPPORTED and declared:
        because = "not used: environment.lock in repropack.yaml names another file"
        return dataclasses.replace(finding, because=because, severity=Severity.INFO)
    if finding.kind == STALE and (declared or finding.value != used):
        return dataclasses.replace(finding, severity=Severity.WARNING)
    if finding.kind == DISAGREE and (declared or used not in finding.value.split(" and ")):
        return dataclasses.replace(finding, severity=Severity.WARNING)
    return finding


def _python(
    config: Config, findings: tuple[Finding, ...]
) -> tuple[Choice | None, tuple[Finding, ...]]:
    """The config's version, else a pin, else one that the first range allows."""
    pins = [finding for finding in findings if finding.kind == python.PIN]
    ranges = [finding for finding in findings if finding.kind == python.RANGE]
    if config.environment.python:
        choice = Choice(
            value=config.environment.python, because="environment.python in repropack.yaml"
        )
    elif pins:
        choice = Choice(value=pins[0].value, because=f"pinned in {pins[0].where}")
    else:
        return next(filter(None, map(_allowed, ranges)), None), ()
    contradicted = [r for r in ranges if choice.value not in _minors_in(r.value)]
    return choice, tuple(
        Finding(
            kind="python.conflict",
            value=choice.value,
            because=f"{choice.because}, but {range_.where} allows only {range_.value}",
            where=range_.where,
            severity=Severity.WARNING,
        )
        for range_ in contradicted
    )


def _allowed(finding: Finding) -> Choice | None:
    allowed = _minors_in(finding.value)
    if not allowed:
        return None
    preferred = [minor for minor in PREFERRED_PYTHONS if minor in allowed]
    why = f"`{finding.value}` in {finding.where} allows it"
    if preferred:
        return Choice(value=preferred[0], because=f"{why}, and a Debian base has it")
    return Choice(value=allowed[0], because=f"{why}; it is the lowest")


def _minors_in(specifier: str) -> tuple[str, ...]:
    """The minor versions of which some release satisfies the specifier; all for a bad one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return _MINORS
    return tuple(
        minor
        for minor in _MINORS
        if any(wanted.contains(f"{minor}.{micro}") for micro in range(0, 30))
    )


def _gpu(findings: tuple[Finding, ...]) -> Choice:
    """Required only when the code uses CUDA without asking; a wrong "none" would be silent."""
    required = [f for f in findings if f.kind == gpu.USE]
    optional = [f for f in findings if f.kind in (gpu.GUARDED_USE, gpu.CHECK)]
    automatic = [f for f in findings if f.kind == gpu.FRAMEWORK and f.value in gpu.AUTOMATIC]
    for finding in (*required, *optional, *automatic)[:1]:
        because = f"{finding.value} in {finding.where}: {finding.because}"
        return Choice(value="required" if required else "optional", because=because)
    return Choice(value="none", because="no code that uses a GPU was found")


def _with_gpu(config: Config, choice: Choice) -> tuple[Experiment, ...]:
    return tuple(
        dataclasses.replace(experiment, gpu=choice.value)
        if experiment.name in config.gpu_unstated
        else experiment
        for experiment in config.experiments
    )
