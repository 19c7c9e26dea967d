"""The plan: every decision about the image and the runs, each with its reason, and only here.

Pure: no clock, network, engine, working directory or environment variable. What it decides on is
an inspection, a config and a lock; what it gives is everything that `bundle` needs to write.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace

from repropack.about import NOTHING_SAID, About, about
from repropack.conda import planning as conda
from repropack.config import Config
from repropack.cuda import CudaBase, CudaPlan, State, base_for, cuda_of, variables_of
from repropack.cuda.signals import signals_of
from repropack.debian import system_packages
from repropack.environment import Lock, Target
from repropack.errors import PlanError
from repropack.findings import Choice, Finding, Severity
from repropack.inspection import Inspection
from repropack.judge.expand import expand
from repropack.judge.model import Claim, Experiment, RunSpec
from repropack.origin import Origin, describe_origin
from repropack.pythons import PATCH, without_patch
from repropack.source import Source
from repropack.tables import GLIBC, SUITES, debian_python, suite_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable of the image."""

    name: str
    value: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseNeed:
    """Which base is needed: Python (minor version), Debian suite, names of Debian packages.

    `cuda` is the image of which CUDA's files are taken, where no locked package brings them.
    `exact` is the Python's whole version where that counts and Debian has another one.
    """

    python: str
    suite: str
    apt: tuple[str, ...] = ()
    cuda: str | None = None
    exact: str | None = None

    @property
    def target(self) -> Target:
        """What wheels must fit that are installed on this base."""
        return Target(python=self.python, glibc=GLIBC[self.suite])


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The base with the reasons for it."""

    python: Choice
    suite: Choice
    apt: tuple[Choice, ...] = ()
    cuda: Choice | None = None
    exact: Choice | None = None

    @property
    def need(self) -> BaseNeed:
        """The same without the reasons."""
        return BaseNeed(
            python=self.python.value,
            suite=self.suite.value,
            apt=tuple(choice.value for choice in self.apt),
            cuda=None if self.cuda is None else self.cuda.value,
            exact=None if self.exact is None else self.exact.value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All decisions. `tag` is the image's tag; `runs` is every run, in the order of the config."""

    name: str
    origin: Origin
    base: Base
    environment: Choice
    lock: Lock
    cuda: CudaPlan
    cuda_base: CudaBase
    variables: tuple[Variable, ...]
    tag: str
    experiments: tuple[Experiment, ...]
    claims: tuple[Claim, ...]
    runs: tuple[RunSpec, ...]
    findings: tuple[Finding, ...]
    quick_experiments: tuple[Experiment, ...] = ()
    quick_claims: tuple[Claim, ...] = ()
    paper: tuple[tuple[str, str], ...] = ()
    about: About = NOTHING_SAID

    @property
    def python(self) -> str:
        """The Python minor version, such as `3.11`."""
        return self.lock.conda.minor if self.lock.conda else self.base.python.value

    @property
    def target(self) -> Target:
        """What the environment's packages must fit: the base, with conda's Python if it has one."""
        return replace(self.base.need.target, python=self.python)

    @property
    def slug(self) -> str:
        """A name for the bundle's directory."""
        return f"{self.name}-{self.origin.id12}"

    @property
    def decisions(self) -> tuple[tuple[str, Choice], ...]:
        """Every decision with the word that names it, in the order in which they matter."""
        rows: list[tuple[str, Choice]] = [
            ("python", conda.python_of(self.lock) or self.base.python),
            ("base", self.base.suite),
            *(("system package", choice) for choice in self.base.apt),
            ("environment", self.environment),
            *(("group", choice) for choice in self.lock.parts.groups),
            *(("extra", choice) for choice in self.lock.parts.extras),
            *([("resolved as of", self.lock.as_of)] if self.lock.as_of else []),
            *self.cuda.facts,
            *([("cuda base", self.cuda_base.run)] if self.cuda.state is State.CUDA else []),
            *([("nvcc", self.cuda_base.build)] if self.cuda_base.build else []),
            *(
                (
                    f"variable {variable.name}",
                    Choice(value=variable.value, because=variable.because),
                )
                for variable in self.variables
            ),
        ]
        return tuple(rows)


def choose_bases(inspection: Inspection, config: Config) -> tuple[Base, ...]:
    """A base for each Python that comes into question, the best first, before anything is resolved.

    Raises `PlanError` when no base has the Python that the repository asks for.
    """
    refuse_problems(inspection)
    bases, refused = [], None
    beneath = conda.beneath(inspection.environment.format)
    for candidate in (beneath,) if beneath else inspection.pythons:
        try:
            bases.append(choose_base(candidate, inspection, config))
        except PlanError as error:
            refused = refused or error
    if refused and not bases:
        raise refused
    return tuple(bases)


def choose_base(candidate: Choice, inspection: Inspection, config: Config) -> Base:
    """The base of one Python."""
    python = without_patch(candidate)
    asked = {choice.value: choice for choice in inspection.apt}
    for package in config.environment.apt:
        because = "environment.apt in repropack.yaml"
        asked[package] = Choice(value=package, because=because)
    base = base_of(python, tuple(asked[name] for name in sorted(asked)))
    own = debian_python(base.suite.value) if python.value in SUITES else ""
    exact = candidate if candidate.value not in (python.value, own) else None
    return dataclasses.replace(base, exact=exact)


def base_of(python: Choice, apt: tuple[Choice, ...]) -> Base:
    """The base of a minor version of Python with these system packages."""
    if python.value in SUITES:
        because = f"the Debian release whose python3 is {python.value}"
    else:
        because = (
            f"no Debian release has Python {python.value}: an official image of it, or the build "
            f"of it that uv installs (without these there are {', '.join(SUITES)})"
        )
    suite = Choice(value=suite_of(python.value), because=because)
    return Base(python=python, suite=suite, apt=apt)


def patch_doubts(base: Base, lock: Lock) -> tuple[Finding, ...]:
    """A patch version that the base has only where somebody gives it."""
    if base.exact is None or lock.conda is not None:
        return ()
    other = "the newest 3.x that uv has".replace("3.x", base.python.value)
    if base.python.value in SUITES:
        other = f"Debian {base.suite.value}'s {debian_python(base.suite.value)}"
    because = (
        f"{base.exact.because}: the base has it where a registry has its official image or uv its "
        f"build, else it has {other}, and the build says so"
    )
    return (
        Finding(kind=PATCH, value=base.exact.value, because=because, severity=Severity.WARNING),
    )


def refuse_problems(inspection: Inspection) -> None:
    """What inspection found to stand in the way stops here, all of it at once."""
    if inspection.problems:
        lines = (f"  {found.value}: {found.because}" for found in inspection.problems)
        raise PlanError(
            f"{inspection.name} cannot be built:\n" + "\n".join(lines),
            hint="`repropack inspect` shows where each was found",
        )


def make_plan(
    source: Source, inspection: Inspection, config: Config, *, base: Base, lock: Lock
) -> Plan:
    """Every decision. Raises `PlanError` for what cannot be built or must not reach a shell."""
    origin = describe_origin(source)
    name = config.name or inspection.name
    for value in (name, origin.branch or "", origin.remote or "", *origin.tags):
        refuse_control_characters(value)
    cuda = cuda_of(lock, machine=base.need.target.machine)
    gpu = strongest_gpu(inspection.experiments)
    signals = signals_of(inspection.findings) if base.python.value in SUITES else ()
    suite = base.suite.value
    cuda_base = base_for(cuda, gpu=gpu, suite=suite, signals=signals)
    system = system_packages(
        lock,
        suite=suite,
        asked=(*base.apt, *cuda_base.apt),
        excluded=config.environment.apt_exclude,
    )
    return Plan(
        name=name,
        origin=origin,
        base=dataclasses.replace(
            base, apt=system.packages, cuda=cuda_base.run if cuda_base.run_image else None
        ),
        environment=Choice(value=lock.origin or "none", because=lock.because),
        lock=lock,
        cuda=cuda,
        cuda_base=cuda_base,
        variables=variables_for(cuda, cuda_base, lock, base.python.value),
        tag=f"repropack/{name.lower()}:{origin.id12}",
        experiments=inspection.experiments,
        claims=config.claims,
        quick_experiments=inspection.quick_experiments,
        quick_claims=config.quick_claims,
        runs=tuple(run for experiment in inspection.experiments for run in expand(experiment)),
        findings=(
            *inspection.findings,
            *lock.findings,
            *conda.doubts(lock, inspection.python),
            *patch_doubts(base, lock),
            *cuda.findings,
            *cuda_base.findings,
            *system.findings,
        ),
        paper=config.paper.pairs(),
        about=about(source),
    )


def strongest_gpu(experiments: tuple[Experiment, ...]) -> str:
    """What all experiments together need of a GPU: none, optional or required."""
    said = {experiment.gpu for experiment in experiments}
    return next((need for need in ("required", "optional") if need in said), "none")


def variables_for(cuda: CudaPlan, base: CudaBase, lock: Lock, python: str) -> tuple[Variable, ...]:
    """What every run finds in its environment, and why."""
    fixed = (
        ("PYTHONHASHSEED", "0", "the order of sets and dictionaries of strings must not vary"),
        ("PYTHONDONTWRITEBYTECODE", "1", "the environment is read-only when an experiment runs"),
        ("PYTHONUNBUFFERED", "1", "a killed run must not lose the end of its log"),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8", "cuBLAS is deterministic only with it"),
        ("LANG", "C.UTF-8", "the locale decides how text is sorted and read"),
        ("TZ", "UTC", "the time zone must not change a result"),
    )
    rows = [Variable(name=name, value=value, because=why) for name, value, why in fixed]
    rows += [Variable(name=n, value=v, because=why) for n, v, why in conda.variables(lock)]
    minor = lock.conda.minor if lock.conda else python
    packages = f"/opt/env/lib/python{minor}/site-packages"
    rows += [
        Variable(name=setting.name, value=setting.value, because=setting.because)
        for setting in variables_of(cuda, base, lock=lock, site_packages=packages)
        if not setting.build_only
    ]
    return tuple(rows)


def refuse_control_characters(value: str) -> None:
    """A newline in a "quoted" value starts a new Dockerfile instruction: none enters a plan."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise PlanError(
            f"a control character in {value!r}",
            hint="rename the branch, tag or remote that holds it",
        )
