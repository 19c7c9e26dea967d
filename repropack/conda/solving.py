"""Solving: what is not locked becomes exact packages, as of the commit's date.

Owns: the question, remembering its answer, and what a refusal means.
Does not own: rattler's process (`worker`), what the file asks for (`condafile`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from repropack.conda.channels import Channels, mirrors
from repropack.condafile import PLATFORM, CondaFile, Item
from repropack.environment.condamodel import CondaPackage, public_address
from repropack.environment.model import AsOf, Target
from repropack.environment.store import explained, key_of
from repropack.errors import BuildError, InvalidError, RepropackError, TemporaryError
from repropack.findings import Finding, Severity, Where
from repropack.workspace import write_atomically

ANSWER_SCHEMA = 1
# What asks for a GPU: solvers offer such builds only to machines that say they have one.
_CUDA = re.compile(r"^(?:cuda|cudnn|nccl|pytorch-cuda|.*-gpu)\b|cuda|gpu_|cudatoolkit")
NEWEST_CUDA = "13.0"  # the date and the other packages decide which one it is
OLDEST_KERNEL = "5.10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that an answer depends on, but for the channels' content."""

    path: str
    specs: tuple[Item, ...]
    channels: tuple[str, ...]
    virtual: tuple[tuple[str, str, str], ...]
    date: str | None
    strict: bool = True

    def as_json(self, cache: Path) -> dict[str, Any]:
        """What the worker reads."""
        return {
            "specs": [plain(item.text) for item in self.specs],
            "channels": list(self.channels),
            "virtual": [list(each) for each in self.virtual],
            "date": self.date,
            "strict": self.strict,
            "mirrors": mirrors(),
            "cache": str(cache / "conda" / "repodata"),
        }

    @property
    def key(self) -> str:
        """The name under which the answer is remembered."""
        parts = [[plain(item.text) for item in self.specs], list(self.channels), self.date]
        return key_of(["conda", ANSWER_SCHEMA, *parts, [list(each) for each in self.virtual]])

    def where(self, name: str) -> Where:
        """Where a package is asked for; the file alone if something else needs it."""
        line = next((item.line for item in self.specs if item.name == name), None)
        return Where(path=self.path, line=line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The packages, and what is worth telling about how they were found."""

    packages: tuple[CondaPackage, ...]
    findings: tuple[Finding, ...] = field(default=())


def solve(
    file: CondaFile,
    path: str,
    channels: Channels,
    *,
    target: Target,
    as_of: AsOf,
    cache: Path,
) -> Solution:
    """The exact packages that a file asks for, as of a date.

    Remembered in `cache`. Raises `InvalidError` for what cannot be solved, `TemporaryError` for
    channels that do not answer.
    """
    question = Question(
        path=path,
        specs=file.specs,
        channels=channels.urls,
        virtual=virtual_packages(file, target),
        date=as_of.time.astimezone(UTC).isoformat(timespec="seconds") if as_of.time else None,
    )
    raw = remembered(question, cache, fresh=as_of.fresh)
    packages = tuple(package_of(entry, question) for entry in raw["packages"])
    findings = () if raw["strict"] else (mixed(question),)
    return Solution(packages=packages, findings=findings)


def remembered(question: Question, cache: Path, *, fresh: bool) -> dict[str, Any]:
    """The answer to a question, asked if need be."""
    answer = cache / "resolutions" / f"{question.key}.json"
    if not fresh:
        with suppress(OSError, ValueError):
            known: dict[str, Any] = json.loads(answer.read_bytes())
            return known
    raw = ask(question, cache)
    with explained(cache):
        answer.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(answer, json.dumps(raw))
    return raw


def virtual_packages(file: CondaFile, target: Target) -> tuple[tuple[str, str, str], ...]:
    """What the image provides. A driver is offered only where the file asks for CUDA by a name."""
    found = [
        ("__unix", "0", "0"),
        ("__linux", OLDEST_KERNEL, "0"),
        ("__glibc", ".".join(map(str, target.glibc)), "0"),
        ("__archspec", "1", "x86_64"),
    ]
    if any(_CUDA.search(item.text.lower()) for item in file.specs):
        found.append(("__cuda", NEWEST_CUDA, "0"))
    return tuple(found)


def plain(spec: str) -> str:
    """A specification without `defaults::`, which names several channels at once."""
    return spec.removeprefix("defaults::")


def ask(question: Question, cache: Path) -> dict[str, Any]:
    """An answer with `strict`: a channel counts before those behind it, else all count alike.

    conda's own default takes from a later channel what an earlier one has, but not in a version
    that fits: so where strict order has no solution, none is kept.
    """
    said = run(question.as_json(cache))
    if said.get("error") == "unsolvable" and len(question.channels) > 1:
        freely = run({**question.as_json(cache), "strict": False})
        if "packages" in freely:
            return {"packages": freely["packages"], "strict": False}
    if "packages" not in said:
        raise refusal(said, question)
    return {"packages": said["packages"], "strict": True}


def run(question: Mapping[str, Any]) -> dict[str, Any]:
    """One process, one answer."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "repropack.conda.worker"],
        input=json.dumps(question),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | {"PYTHONUTF8": "1"},
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BuildError(
            f"the conda solver broke off: {said}", hint="pip install --upgrade py-rattler"
        ) from error
    return answer


def package_of(raw: Mapping[str, Any], question: Question) -> CondaPackage:
    """One package of an answer, placed where the author asks for it."""
    return CondaPackage(
        name=raw["name"],
        version=raw["version"],
        build=raw["build"],
        url=raw["url"],
        hashes=tuple(raw["hashes"]),
        size_bytes=raw["size_bytes"],
        depends=tuple(raw["depends"]),
        where=question.where(raw["name"]),
    )


def mixed(question: Question) -> Finding:
    """The channels had to be mixed."""
    return Finding(
        kind="conda.channels-mixed",
        value=", ".join(map(public_address, question.channels)),
        because="no solution keeps the order of the channels: each package is the newest that "
        "fits, from whichever channel has it",
        where=Where(path=question.path),
        severity=Severity.WARNING,
    )


def refusal(said: Mapping[str, Any], question: Question) -> RepropackError:
    """Why there is no answer, in the user's words."""
    message = public_text(str(said.get("message", "")))
    lines = [line for line in message.splitlines() if line.strip()]
    if said.get("error") == "network":
        if any(sign in message for sign in ("404", "No such file")):
            what = f"a channel of {question.path} does not exist: {lines[0].strip()}"
            return InvalidError(what, hint="correct it under `channels:`")
        return TemporaryError(
            f"a channel does not answer: {'; '.join(line.strip() for line in lines[:3])}",
            hint="try again later; a mirror is named by CONDA_CHANNEL_ALIAS or .condarc",
        )
    if said.get("error") == "invalid":
        return InvalidError(f"{question.path}: {lines[0]}", hint="write it as NAME=VERSION")
    day = f" as of {question.date[:10]}" if question.date else ""
    where = next((question.where(i.name) for i in question.specs if named(i, message)), None)
    reason = "\n".join(f"  {line}" for line in lines[:12])
    return InvalidError(
        f"{where or question.path}: no packages for {PLATFORM}{day} satisfy this file:\n{reason}",
        hint="loosen the version that is named; builds of another platform or of today's channels "
        "are exact only there: `conda env export --from-history` leaves them out",
    )


def named(item: Item, message: str) -> bool:
    """Whether a refusal speaks of a package."""
    return re.search(rf"(?<![\w.-]){re.escape(item.name)}(?![\w.-])", message) is not None


def public_text(text: str) -> str:
    """A message in which no address has a credential."""
    return re.sub(r"[a-z]+://[^\s'\"`)]+", lambda found: public_address(found[0]), text)
