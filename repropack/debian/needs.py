"""Which Debian packages an environment needs, each with its reason.

Owns: the table applied to a lock, what the author asked for or declined, names that changed from
one release to the next. Does not own: the table's facts (`table`), asking (`detectors`, `config`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from repropack.cuda.model import pinned
from repropack.debian import table
from repropack.debian.table import Row
from repropack.environment import Lock, Requirement, normalise
from repropack.findings import Choice, Finding, Severity, Where

EXCLUDED = "environment.apt_exclude in repropack.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackages:
    """The Debian packages of a base, by name, and what is worth knowing about them."""

    packages: tuple[Choice, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One package that something needs, as bookworm names it."""

    name: str
    because: str
    where: Where | None = None
    hint: bool = False


def system_packages(
    lock: Lock, *, suite: str, asked: Sequence[Choice] = (), excluded: Sequence[str] = ()
) -> SystemPackages:
    """What the base of an environment must have on a Debian release.

    `asked` are packages that something else named, with the reasons; they come first. `excluded`
    are names that the author declines.
    """
    wanted = [
        *(Wanted(name=choice.value, because=choice.because) for choice in asked),
        *of_lock(lock),
    ]
    found: dict[str, Choice] = {}
    findings: list[Finding] = []
    for want in wanted:
        name = table.name_in(suite, want.name)
        if name is None:
            findings.append(absent(want, suite))
        elif {name, want.name} & set(excluded):
            findings.append(declined(want, name))
        elif want.hint:
            findings.append(hinted(want, name))
        elif name not in found:
            found[name] = Choice(value=name, because=reason(want, name, suite))
            if want.where is not None:
                findings.append(needed(want, found[name]))
    findings += idle(excluded, findings)
    told = [
        finding for finding in findings if finding.kind != "system.hint" or unmet(finding, found)
    ]
    return SystemPackages(
        packages=tuple(found[name] for name in sorted(found)), findings=tuple(dict.fromkeys(told))
    )


def of_lock(lock: Lock) -> Iterator[Wanted]:
    """What the table says of each locked package, transitive ones too."""
    names = {normalise(item.name) for item in lock.requirements}
    for item in lock.requirements:
        for row in rows_of(item, names):
            because = f"{pinned(item)} needs it: {row.why} ({table.stamp()})"
            for package in row.run:
                yield Wanted(name=package, because=because, where=item.where, hint=row.hint)


def rows_of(requirement: Requirement, installed: set[str]) -> Iterator[Row]:
    """The rows for a locked package, by its exact distribution name and version."""
    for row in table.by_name().get(normalise(requirement.name), ()):
        if row.holds(requirement.version) and not installed.intersection(row.unless):
            yield row


def reason(want: Wanted, name: str, suite: str) -> str:
    """Why a package is installed, also under which other name it was wanted."""
    return want.because if name == want.name else f"{suite}'s name of {want.name}: {want.because}"


def needed(want: Wanted, choice: Choice) -> Finding:
    """A package that the table adds."""
    return Finding(
        kind="system.needed", value=choice.value, because=choice.because, where=want.where
    )


def absent(want: Wanted, suite: str) -> Finding:
    """A package that the release of the base does not have: it is left out, and that is said."""
    return Finding(
        kind="system.absent",
        value=want.name,
        because=f"{want.because}; Debian {suite} has no such package: it is left out",
        where=want.where,
        severity=Severity.WARNING,
    )


def declined(want: Wanted, name: str) -> Finding:
    """A package that the author does not want."""
    because = f"left out: {EXCLUDED}, though {want.because}"
    return Finding(kind="system.excluded", value=name, because=because, where=want.where)


def hinted(want: Wanted, name: str) -> Finding:
    """A package that only some uses need."""
    because = f"some uses of it need {name}: {want.because}; environment.apt can add it"
    return Finding(kind="system.hint", value=name, because=because, where=want.where)


def unmet(finding: Finding, found: dict[str, Choice]) -> bool:
    """Whether what a hint is about is not installed anyway."""
    return finding.value not in found


def idle(excluded: Sequence[str], findings: Iterable[Finding]) -> Iterator[Finding]:
    """What is declined though nothing asked for it: probably a misspelling."""
    met = {finding.value for finding in findings if finding.kind == "system.excluded"}
    for name in excluded:
        if name not in met:
            yield Finding(
                kind="system.excluded",
                value=name,
                because=f"nothing asks for it, and {EXCLUDED} declines it",
                severity=Severity.WARNING,
            )


def build_packages(names: Iterable[str], *, suite: str) -> tuple[str, ...]:
    """What compiling these distributions needs on a Debian release: compilers and headers."""
    wanted = {*table.compilers()}
    for name in names:
        for row in table.by_name().get(normalise(name), ()):
            wanted.update((*row.build, *row.run))
    found = (table.name_in(suite, package) for package in wanted)
    return tuple(sorted({package for package in found if package is not None}))
