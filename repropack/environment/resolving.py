"""Resolving: what is not locked becomes a lock, as of a date: the commit's, or the one asked for.

Owns: asking uv, and remembering the answer for the same question.
Does not own: reading manifests (`manifest`), pip's settings (`pipconfig`), uv's failures
(`unresolvable`), packages without wheels (`sdists`). Resolving runs no code of a package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

from repropack.environment.manifest import (
    Manifest,
    package_of,
    read_manifest,
    requirements_text,
)
from repropack.environment.metadata import Tree
from repropack.environment.model import AsOf, Lock, Target, normalise
from repropack.environment.pipconfig import UvSettings, pip_listing, uv_settings
from repropack.environment.reading import read_hashed
from repropack.environment.requirements import Line
from repropack.environment.sdists import source_stub, without_wheels
from repropack.environment.store import explained, key_of, workspace
from repropack.environment.stubs import Stub, stubbed, unstubbed, write_stubs
from repropack.environment.unresolvable import explain_unresolvable
from repropack.errors import BuildError, InvalidError
from repropack.findings import Finding, Where
from repropack.workspace import write_atomically

ANSWER_SCHEMA = 1
INFERRED = "imports"  # the origin of an environment that no file asks for
MOST_SOURCES = 30  # rounds of asking again
NEEDED = "# sources are needed of: "
WITH_LINKS = "# with the machine's own find-links, which know no dates\n"
NEWEST_UV_GLIBC = 40  # uv knows x86_64-manylinux_2_40 and none newer
UV_GLIBCS = (17, 28, *range(31, NEWEST_UV_GLIBC + 1))
UNWANTED = ("UV_EXCLUDE_NEWER", "UV_PYTHON", "UV_NO_BINARY", "UV_CONSTRAINT", "UV_OVERRIDE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that an answer depends on, but for the index; `date` is RFC 3339, or None for today."""

    manifest: Manifest
    target: Target
    date: str | None
    stubs: tuple[Stub, ...] = ()
    version_only: bool = False  # of packages that may have no wheel, and without what they need

    @property
    def key(self) -> str:
        """The name under which the answer is remembered."""
        manifest = self.manifest
        return key_of(
            [
                *(ANSWER_SCHEMA, uv_version(), self.date),
                *(self.target.python, self.target.platform, self.target.glibc),
                *(
                    [line.text for line in lines]
                    for lines in (manifest.lines, manifest.constraints)
                ),
                *(manifest.indexes, manifest.find_links),
                *([stub.metadata for stub in self.stubs] or ()),
                *(["from sources"] if self.target.from_sources else ()),
                *(["version only"] if self.version_only else ()),
            ]
        )


def resolve(
    source: Tree,
    file: str | None,
    *,
    target: Target,
    as_of: AsOf,
    cache: Path,
    inferred: tuple[Line, ...] = (),
    constraints: tuple[Line, ...] = (),
) -> Lock:
    """The lock of a manifest that is none, by its path in the source (None: there is none).

    `inferred` are requirements that no file asks for, with the places that need them; `constraints`
    limit versions beside those of the file.
    Remembered in `cache`, so that asking again needs no network. Raises `InvalidError` for what
    cannot be resolved or packed, `TemporaryError` for the network.
    """
    manifest = read_manifest(source, file) if file else Manifest(path=INFERRED, lines=())
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
            requirements=(), origin=manifest.path, because=because, findings=manifest.findings
        )
    manifest, stubs = stubbed(manifest, source, as_of=as_of.time, cache=cache)
    question = Question(manifest=manifest, target=target, date=moment(as_of), stubs=stubs)
    text, question = answered(question, cache, fresh=as_of.fresh)
    return lock_of(text, question, as_of)


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
    manifest = question.manifest
    asked = [line for line in manifest.lines if package_of(line) == name]
    lines = tuple(asked) or (Line(text=name, hashes=(), where=manifest.where(name)),)
    single = replace(question, manifest=replace(manifest, lines=lines), stubs=(), version_only=True)
    found = read_hashed(
        remembered(single, cache, fresh=fresh), manifest.path, question.target
    ).requirements
    if len(found) != 1:
        raise InvalidError(f"{manifest.where(name)}: {name} has no version for the target")
    return source_stub(found[0], manifest, question.target, cache)


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
        findings=(*manifest.findings, finding),
        indexes=manifest.indexes,
        find_links=manifest.find_links,
        as_of=as_of.choice,
    )


def ask(question: Question, cache: Path) -> str:
    """uv's answer as hashed requirements. Raises what `explain_unresolvable` gives.

    The machine's own find-links are asked only if the indexes alone have no answer: their files
    have no dates, so that the newest would win where an older version was meant.
    """
    settings = uv_settings(os.environ, pip_listing())
    links = settings.find_links
    answer = run_uv(question, cache, settings, links if settings.no_index else ())
    if links and not settings.no_index and "No solution found" in answer.stderr:
        answer = run_uv(question, cache, settings, links)
        answer.stdout = WITH_LINKS + answer.stdout
    if answer.returncode != 0:
        known = {stub.name for stub in question.stubs}
        needed = [name for name in without_wheels(answer.stderr) if normalise(name) not in known]
        if needed and question.target.from_sources and not question.version_only:
            return NEEDED + " ".join(map(normalise, needed)) + "\n"
        date = question.date[:10] if question.date else None
        raise explain_unresolvable(answer.stderr, question.manifest, date)
    return answer.stdout


def run_uv(
    question: Question, cache: Path, settings: UvSettings, links: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """One call of uv in a directory of its own."""
    manifest = question.manifest
    with workspace(cache) as directory, explained(cache):
        write_lines(directory / "requirements.in", manifest.lines)
        write_lines(directory / "constraints.txt", manifest.constraints)
        write_stubs(question.stubs, directory / "stubs")
        links = (*links, *([str(directory / "stubs")] if question.stubs else ()))
        return subprocess.run(
            [*uv_command(question), *(["--no-index"] if settings.no_index else [])],
            cwd=directory,
            env=environment(settings, manifest.indexes, (*links, *manifest.find_links)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Requirements, one on a line, without their options."""
    path.write_text("".join(f"{line.text}\n" for line in lines), encoding="utf-8")


def uv_command(question: Question) -> list[str]:
    """`uv pip compile` for the target, from wheels only, writing no index address.

    Without dependencies uv needs no metadata of a source distribution, and so runs none of it.
    """
    target = question.target
    newer = [] if question.date is None else ["--exclude-newer", question.date]
    return [
        *(uv_binary(), "pip", "compile", "requirements.in", "--constraints", "constraints.txt"),
        *("--generate-hashes", "--no-header", "--no-annotate"),
        *(("--no-deps",) if question.version_only else ("--only-binary", ":all:")),
        *("--python-version", target.python, "--python-platform", uv_platform(target), *newer),
        *("--python", sys.executable, "--no-python-downloads"),
        *("--no-progress", "--color", "never"),
    ]


def uv_platform(target: Target) -> str:
    """uv's name of the platform: the newest that it knows and the target can run."""
    minor = max((known for known in UV_GLIBCS if known <= target.glibc[1]), default=UV_GLIBCS[0])
    return f"{target.machine}-manylinux_2_{minor}"


def environment(
    settings: UvSettings, indexes: tuple[str, ...], links: tuple[str, ...]
) -> dict[str, str]:
    """uv's environment: the caller's, pip's settings in uv's words, the author's own indexes."""
    variables = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    variables |= dict(settings.variables)
    for name, own, separator in (("UV_INDEX", indexes, " "), ("UV_FIND_LINKS", links, ",")):
        together = separator.join(filter(None, (variables.get(name, ""), *own)))
        variables |= {name: together} if together else {}
    return variables


def uv_binary() -> str:
    """Where uv is: beside repropack, as its dependency."""
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        raise BuildError("uv is missing beside repropack", hint="pip install uv") from error


def uv_version() -> str:
    """The version of uv, without running it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("uv")
    except PackageNotFoundError:
        return "?"
