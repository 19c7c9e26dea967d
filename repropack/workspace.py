"""Where repropack keeps its files: `.repropack/` in a project, and the user's cache."""

from __future__ import annotations

import datetime
import os
import shutil
import tempfile
from pathlib import Path

from repropack.errors import UsageError

FOLDER = ".repropack"
#: What a verification's directory holds, and what no bundle is without.
VERIFICATION = frozenset(
    {
        "report.txt",
        "report.md",
        "report.html",
        "report.json",
        "report-data",
        "runs",
        "again",
        "attestation.json",
        "attestation.json.sig",
        "ro-crate-metadata.json",
    }
)
BUNDLE = frozenset({"SHA256SUMS", "repropack.json", "reproduce.sh", "source"})


def cache_directory() -> Path:
    """The user's cache: `REPROPACK_CACHE`, else `repropack` in `XDG_CACHE_HOME` or `~/.cache`."""
    own = os.environ.get("REPROPACK_CACHE")
    if own:
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "repropack"


_BUILD_ELSEWHERE = (
    "write the bundle elsewhere, and verify that: `repropack build -o DIR`, then "
    "`repropack verify DIR -o OUT`"
)


def folder(directory: Path, hint: str = "name another place with -o") -> Path:
    """`.repropack/` of a project, made if need be, which git does not see."""
    path = directory / FOLDER
    try:
        path.mkdir(exist_ok=True)
        ignore = path / ".gitignore"
        if not ignore.exists():
            write_atomically(ignore, "*\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint=hint) from error
    return path


def write_atomically(path: Path, text: str) -> None:
    """The whole file or none of it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def bundle_directory(directory: Path, slug: str) -> Path:
    """Where a project's bundle goes when nobody says where."""
    return folder(directory, _BUILD_ELSEWHERE) / "bundles" / slug


def bundle_place(directory: Path, slug: str, out: Path | None, *, force: bool) -> Path:
    """Where a bundle goes: `out`, or the project's own place. Raises `UsageError`."""
    place = out or bundle_directory(directory, slug)
    refuse_existing(place, allowed=force or out is None)
    return place


def refuse_existing(out: Path, *, allowed: bool) -> None:
    """Nothing is replaced unless the user says so, and then only what repropack wrote.

    A slip of `-o . --force` must not cost a repository. Raises `UsageError`.
    """
    if not os.path.lexists(out):
        return
    if not allowed:
        raise UsageError(
            f"{out} exists already", hint="remove it, name another with -o, or add --force"
        )
    if not is_replaceable(out):
        raise UsageError(
            f"{out} exists, and it is not something that repropack wrote",
            hint="name another with -o, or remove it yourself",
        )


def is_replaceable(out: Path) -> bool:
    """Whether this is an empty directory, a bundle or a verification."""
    try:
        names = {path.name for path in out.iterdir()}
    except OSError:
        return False
    verification = "report.json" in names and names <= VERIFICATION
    bundle = names >= BUNDLE and ".git" not in names
    return not names or verification or bundle


def place(
    directory: Path,
    out: Path | None,
    *,
    force: bool,
    resume: bool = False,
    kind: str = "verifications",
) -> Path:
    """Where a verification's runs and report go: made and empty, or one to go on with.

    Without `out`: a directory named by the time (UTC), in `.repropack/KIND` of the project or
    beside the bundle's files; with `resume`, the newest one. Raises `UsageError`.
    """
    if resume:
        return unfinished(out, directory, kind)
    if out is None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        out = unused(folder(directory) / kind / now)
    refuse_existing(out, allowed=force)
    try:
        if out.is_dir() and not out.is_symlink():
            shutil.rmtree(out)
        out.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    return out


def unfinished(out: Path | None, directory: Path, kind: str) -> Path:
    """The verification to go on with: `out`, else the newest. Raises `UsageError`."""
    found = [out / "runs"] if out else sorted((folder(directory) / kind).glob("*/runs"))
    if not found or not found[-1].is_dir():
        where = f" in {out}" if out is not None else ""
        raise UsageError(
            f"there is no verification to resume{where}",
            hint="leave out --resume, or name the directory of its runs and report with -o",
        )
    return found[-1].parent


def unused(path: Path) -> Path:
    """The path, or the first of `path-2`, `path-3` … that nothing has."""
    number = 1
    candidate = path
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
