"""Resolving: what is not locked becomes a lock, as of a date: the commit's, or the one asked for.

Owns: remembering the answer for the same question, and making a lock of it.
Does not own: calling uv (`asking`), reading manifests (`manifest`), pip's settings (`pipconfig`),
uv's failures (`unresolvable`), packages without wheels (`sdists`). Resolving runs no code of a
package.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from repropack.environment.asking import Question, run_uv
from repropack.environment.attributing import attributed, needed
from repropack.environment.learned import Learned
from repropack.environment.manifest import (
    Manifest,
    package_of,
    read_manifest,
    requirements_text,
)
from repropack.environment.metadata import Tree
from repropack.environment.model import AsOf, Lock, Requirement, Target, normalise
from repropack.environment.older import all_needed, passed_over, told
from repropack.environment.parts import UNASKED, Selection
from repropack.environment.pipconfig import pip_listing, uv_settings
from repropack.environment.reading import read_hashed
from repropack.environment.requirements import Line
from repropack.environment.sdists import source_stub, without_wheels
from repropack.environment.store import explained
from repropack.environment.stubs import Stub, stubbed, unstubbed
from repropack.environment.unresolvable import explain_unresolvable
from repropack.errors import InvalidError
from repropack.findings import Finding, Where
from repropack.workspace import write_atomically

INFERRED = "imports"  # the origin of an environment that no file asks for
MOST_SOURCES = 30  # rounds of asking again
NEEDED = "# sources are needed of: "
WITH_LINKS = "# with the machine's own find-links, which know no dates\n"


def resolve(
    source: Tree,
    file: str | None,
    *,
    target: Target,
    as_of: AsOf,
    cache: Path,
    inferred: tuple[Line, ...] = (),
    constraints: tuple[Line, ...] = (),
    selection: Selection = UNASKED,
    learned: Learned | None = None,
) -> Lock:
    """The lock of a manifest that is none, by its path in the source (None: there is none).

    `inferred` are requirements that no file asks for, with the places that need them; `constraints`
    limit versions beside those of the file; `selection` are the groups and extras asked for,
    `learned` is what a build of the project said in place of its file.
    Remembered in `cache`, so that asking again needs no network. Raises `InvalidError` for what
    cannot be resolved or packed, `TemporaryError` for the network.
    """
    empty = Manifest(path=INFERRED, lines=())

    def asked(chosen: Selection) -> Manifest:
        if learned is not None and file:
            return learned.manifest(file, chosen)
        return read_manifest(source, file, chosen) if file else empty

    manifest = asked(selection)
    if file and any(line.hashes for line in manifest.lines):  # it only includes locks
        return read_hashed(requirements_text(source, file), file, target, source.read_text)
    manifest = replace(
        manifest,
        lines=(*manifest.lines, *inferred),
        constraints=(*manifest.constraints, *constraints),
    )
    if not manifest.lines:
        because = f"{manifest.path} asks for no package"
        return Lock(
            requirements=(),
            origin=manifest.path,
            because=because,
            findings=manifest.findings,
            parts=manifest.parts,
        )
    manifest, stubs = stubbed(manifest, source, as_of=as_of.time, cache=cache)
    question = Question(manifest=manifest, target=target, date=moment(as_of), stubs=stubs)
    text, question = answered(question, cache, fresh=as_of.fresh)

    def packages(chosen: Selection) -> frozenset[str]:
        lines = (*asked(chosen).lines, *inferred)
        return needed(text, [package_of(line) for line in lines])

    return attributed(lock_of(text, question, as_of), packages)


def answered(question: Question, cache: Path, *, fresh: bool) -> tuple[str, Question]:
    """The answer, and the question with the packages that have to be built for it.

    Where wheels are all that may be taken, that is the question itself.
    """
    for _ in range(MOST_SOURCES):
        text = remembered(question, cache, fresh=fresh)
        if not text.startswith(NEEDED):
            return text, question
        stubs = [
            by_its_sources(name, question, cache, fresh=fresh)
            for name in text.removeprefix(NEEDED).split()
        ]
        question = replace(question, stubs=(*question.stubs, *stubs))
    raise InvalidError(
        f"{question.manifest.path}: more than {MOST_SOURCES} packages have no wheels",
        hint="lock what you used, with hashes",
    )


def by_its_sources(name: str, question: Question, cache: Path, *, fresh: bool) -> Stub:
    """A package that has no wheel: the version that is meant, and what it says that it needs."""
    pinned = alone(name, question, cache, fresh=fresh)
    return source_stub(pinned, question.manifest, question.target, cache)


def alone(name: str, question: Question, cache: Path, *, fresh: bool) -> Requirement:
    """The version of a package that is meant, with the hashes of all its files."""
    manifest = question.manifest
    asked = [line for line in manifest.lines if package_of(line) == name]
    lines = tuple(asked) or (Line(text=name, hashes=(), where=manifest.where(name)),)
    single = replace(question, manifest=replace(manifest, lines=lines), stubs=(), version_only=True)
    found = read_hashed(
        remembered(single, cache, fresh=fresh), manifest.path, question.target
    ).requirements
    if len(found) != 1:
        raise InvalidError(f"{manifest.where(name)}: {name} has no version for the target")
    return found[0]


def has_one_file(name: str, question: Question, cache: Path) -> bool:
    """Whether a package that has no wheel for the target has none at all, but its sources alone.

    Then no other Python has one either.
    """
    try:
        return len(alone(name, question, cache, fresh=False).hashes) == 1
    except InvalidError:
        return False


def moment(as_of: AsOf) -> str | None:
    """The time as uv takes it."""
    if as_of.time is None:
        return None
    return as_of.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def remembered(question: Question, cache: Path, *, fresh: bool) -> str:
    """The answer to a question, asked if need be."""
    answer = cache / "resolutions" / f"{question.key}.txt"
    if not fresh:
        with suppress(OSError):
            return answer.read_text(encoding="utf-8")
    text = ask(question, cache)
    with explained(cache):
        answer.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(answer, text)
    return text


def lock_of(text: str, question: Question, as_of: AsOf) -> Lock:
    """uv's answer as a lock; requirements are placed where the author asks for them."""
    manifest = question.manifest
    lock = read_hashed(text, manifest.path, question.target)
    because = f"resolved from {manifest.path} as of {as_of.date}, {as_of.because}"
    undated = question.date and WITH_LINKS in text
    said = "; some of it is not from an index and has no date" if undated else ""
    finding = Finding(
        kind="environment.resolved",
        value=as_of.date,
        because=f"{manifest.path} does not pin everything: {because}{said}",
        where=None if manifest.path == INFERRED else Where(path=manifest.path),
    )
    return replace(
        lock,
        requirements=tuple(
            replace(item, where=manifest.where(item.name))
            for item in unstubbed(lock.requirements, question.stubs)
        ),
        because=because,
        findings=(*manifest.findings, finding, *told(text, manifest, question.target)),
        indexes=manifest.indexes,
        find_links=manifest.find_links,
        as_of=as_of.choice,
        parts=manifest.parts,
    )


def ask(question: Question, cache: Path) -> str:
    """uv's answer as hashed requirements. Raises what `explain_unresolvable` gives.

    Where packages without wheels stand in the way, or keep it from the newest releases, the answer
    names those that can be built (`NEEDED`).
    """
    answer = asked_twice(question, cache)
    known = {stub.name for stub in question.stubs}
    if answer.returncode != 0:
        needed = [n for n in map(normalise, without_wheels(answer.stderr)) if n not in known]
        if needed and not question.version_only and may_build(needed, question, cache):
            return NEEDED + " ".join(needed) + "\n"
        date = question.date[:10] if question.date else None
        raise explain_unresolvable(answer.stderr, question.manifest, date)
    if question.version_only:
        return answer.stdout
    older = list(passed_over(question, answer.stdout, lambda each: asked_twice(each, cache)))
    built = [each for each in older if can_build(each.needs, question, cache)]
    if built:
        return NEEDED + " ".join(all_needed(built)) + "\n"
    return "".join(each.line for each in older) + answer.stdout


def asked_twice(question: Question, cache: Path) -> subprocess.CompletedProcess[str]:
    """uv's answer, of the indexes alone if they have one.

    The machine's own find-links are asked only where they have not: their files have no dates, so
    that the newest would win where an older version was meant.
    """
    settings = uv_settings(os.environ, pip_listing())
    links = settings.find_links
    answer = run_uv(question, cache, settings, links if settings.no_index else ())
    if links and not settings.no_index and "No solution found" in answer.stderr:
        answer = run_uv(question, cache, settings, links)
        answer.stdout = WITH_LINKS + answer.stdout
    return answer


def may_build(names: Iterable[str], question: Question, cache: Path) -> bool:
    """Whether packages may be built: those that have a wheel for another Python only if asked."""
    return question.target.from_sources or all(has_one_file(n, question, cache) for n in names)


def can_build(names: Iterable[str], question: Question, cache: Path) -> bool:
    """Whether they may, and their sources say what they need."""
    try:
        if not may_build(names, question, cache):
            return False
        for name in names:
            by_its_sources(name, question, cache, fresh=False)
    except InvalidError:
        return False
    return True
