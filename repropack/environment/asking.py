"""Asking uv: what is asked, its command line, and its environment.

Owns: one call of uv. Does not own: answers (`resolving`), uv's failures (`unresolvable`), pip's
settings (`pipconfig`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from repropack.environment.manifest import Manifest
from repropack.environment.model import Target
from repropack.environment.pipconfig import UvSettings
from repropack.environment.requirements import Line
from repropack.environment.store import explained, key_of, workspace
from repropack.environment.stubs import Stub, write_stubs
from repropack.errors import BuildError

ANSWER_SCHEMA = 4
NEWEST_UV_GLIBC = 40  # uv knows x86_64-manylinux_2_40 and none newer
UV_GLIBCS = (17, 28, *range(31, NEWEST_UV_GLIBC + 1))
WHEELS_ALONE = ("--only-binary", ":all:")
UNWANTED = ("UV_EXCLUDE_NEWER", "UV_PYTHON", "UV_NO_BINARY", "UV_CONSTRAINT", "UV_OVERRIDE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that an answer depends on, but for the index; `date` is RFC 3339, or None for today."""

    manifest: Manifest
    target: Target
    date: str | None
    stubs: tuple[Stub, ...] = ()
    version_only: bool = False  # of packages that may have no wheel, and without what they need
    files: bool = False  # which files there are of pinned versions, as a pylock.toml

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
                *(["files"] if self.files else ()),
            ]
        )


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
    from repropack.environment.target import full_version

    target = question.target
    newer = [] if question.date is None else ["--exclude-newer", question.date]
    return [
        *(uv_binary(), "pip", "compile", "requirements.in", "--constraints", "constraints.txt"),
        *(("--format", "pylock.toml") if question.files else ("--generate-hashes",)),
        *(("--no-deps",) if question.version_only or question.files else WHEELS_ALONE),
        "--no-header",
        *("--python-version", full_version(target)),
        *("--python-platform", uv_platform(target), *newer),
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
