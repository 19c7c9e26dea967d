"""Releases that a resolution from wheels alone passes over, because something has no wheel.

A resolver that may take wheels alone goes back to an older release and says nothing, where pip had
taken the newest one and built what it needs. Owns: finding these among what the author asks for.
Does not own: calling uv (`asking`), whether something may be built (`resolving`).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from repropack.environment.asking import Question
from repropack.environment.manifest import Manifest, package_of
from repropack.environment.model import Target, normalise
from repropack.environment.requirements import Line
from repropack.environment.sdists import without_wheels
from repropack.findings import Finding, Severity, Where

MARK = "# passed over: "
PIN = re.compile(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
#: Gives uv's answer to a question.
Ask = Callable[[Question], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A release that was not taken: `newest` of `name`, as packages in `needs` have no wheel."""

    name: str
    taken: str
    newest: str
    needs: tuple[str, ...]

    @property
    def line(self) -> str:
        """As a comment in uv's answer, so that it is remembered with it."""
        return f"{MARK}{self.name} {self.taken} {self.newest} {' '.join(self.needs)}\n"

    def finding(self, where: Where, target: Target) -> Finding:
        """What the author is told."""
        lacking = " and ".join(self.needs)
        needs = "it has" if self.needs == (self.name,) else f"it needs {lacking}, which has"
        return Finding(
            kind="environment.older",
            value=f"{self.name}=={self.taken}",
            because=f"{self.name} {self.newest} is newer, but {needs} no wheel for "
            f"Python {target.python} (pin {self.name}=={self.newest} to have it built)",
            where=where,
            severity=Severity.WARNING,
        )


def passed_over(question: Question, text: str, ask: Ask) -> Iterator[PassedOver]:
    """The requirements whose newest release would do, but for packages that have no wheel.

    `text` is uv's answer. One more call of uv tells the newest releases that are asked for, and one
    for each that was not taken tells why.
    """
    manifest, stubs = question.manifest, {stub.name for stub in question.stubs}
    lines = tuple(line for line in manifest.lines if package_of(line) not in stubs)
    if not lines:
        return
    alone = replace(manifest, lines=lines)
    answer = ask(replace(question, manifest=alone, stubs=(), version_only=True))
    if answer.returncode != 0:
        return  # what stands against it was no hindrance to the whole
    taken = versions(text)
    for name, newest in versions(answer.stdout).items():
        if name not in taken or not is_older(taken[name], newest):
            continue
        pin = Line(text=f"{name}=={newest}", hashes=(), where=manifest.where(name))
        pinned = ask(replace(question, manifest=replace(manifest, lines=(*manifest.lines, pin))))
        lacking = [] if pinned.returncode == 0 else map(normalise, without_wheels(pinned.stderr))
        needs = tuple(each for each in lacking if each not in stubs)
        if needs:
            yield PassedOver(name=name, taken=taken[name], newest=newest, needs=needs)


def versions(text: str) -> dict[str, str]:
    """Of each package in an answer of uv."""
    return {normalise(name): version for name, version in PIN.findall(text)}


def is_older(one: str, other: str) -> bool:
    """Whether a version comes before another."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) < Version(other)
    except InvalidVersion:
        return False


def told(text: str, manifest: Manifest, target: Target) -> Iterator[Finding]:
    """The findings of an answer that was remembered with `PassedOver.line`."""
    for line in text.splitlines():
        if line.startswith(MARK):
            name, taken, newest, *needs = line.removeprefix(MARK).split()
            found = PassedOver(name=name, taken=taken, newest=newest, needs=tuple(needs))
            yield found.finding(manifest.where(name), target)


def all_needed(found: Iterable[PassedOver]) -> list[str]:
    """What has no wheel, each once."""
    return list(dict.fromkeys(name for each in found for name in each.needs))
