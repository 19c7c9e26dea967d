"""Writing a bundle: into a temporary sibling, then renamed, so it is whole or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from repropack.assets import base_files
from repropack.bundle import checksums, contents, render, said
from repropack.bundle.contents import Ingredients, Placed
from repropack.bundle.data import write_data
from repropack.bundle.effort import measured
from repropack.bundle.page import readme
from repropack.bundle.read import Bundle, read_bundle
from repropack.debian.debs import debs_text
from repropack.environment import place, to_pylock
from repropack.errors import BuildError, IntegrityError
from repropack.judge.pyz import write_pyz
from repropack.marks import left_behind, new_scratch
from repropack.metadata import rocrate, sbom
from repropack.metadata.times import OLDEST_TIME_S
from repropack.plan import Plan
from repropack.source import Source

NOTHING: Mapping[str, str] = MappingProxyType({})
#: Refuses a bundle by raising.
Check = Callable[[Path], None]
EXECUTABLE = frozenset({"reproduce.sh", "base.sh"})


def accept(directory: Path) -> None:
    """Any bundle will do."""


def write_bundle(
    plan: Plan,
    source: Source,
    ingredients: Ingredients,
    author: Mapping[str, str] = NOTHING,
    *,
    cache: Path,
    out: Path,
    check: Check = accept,
) -> Bundle:
    """Write the bundle of a plan to the directory `out`, replacing what is there; read it back.

    Two calls with the same plan and ingredients write the same bytes. `author` are the texts of the
    author's own verification, by path; `cache` is where the wheels of the ingredients are. `check`
    looks through the whole bundle before it is put in place. Raises `BuildError` (exit code 5) if
    it cannot be written, and what `check` raises.
    """
    time_s = plan.origin.commit_time_s or OLDEST_TIME_S
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        put_back(out)
        temporary = new_scratch(out.parent, f".{out.name}.", ".tmp")
    except OSError as error:
        raise BuildError(f"cannot write {out}: {error.strerror}") from error
    try:
        source.export(temporary / "source", mtime_s=time_s)
        for name, text in author.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            write_text(temporary / name, text)
        fill(temporary, plan, ingredients, author, cache=cache, patch=source.patch)
        check(temporary)
        settle(temporary, time_s)
        if not is_same(temporary, out):
            put(temporary, out)
    except OSError as error:
        raise BuildError(
            f"cannot write {out}: {error.strerror or error}", hint="is the disk full? try `df -h`"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return read_bundle(out)


def fill(
    directory: Path,
    plan: Plan,
    ingredients: Ingredients,
    author: Mapping[str, str],
    *,
    cache: Path,
    patch: bytes,
) -> None:
    """Every file of the bundle but the source; the checksums last."""
    if patch:
        (directory / "source.patch").write_bytes(patch)
    pip = ingredients.tool("pip")
    if pip:
        place((pip,), cache, directory / "tools", link=False)
    carried = tuple(file for file in ingredients.conda if file.carried or ingredients.offline)
    if carried:
        from repropack.conda import place_conda

        place_conda(carried, cache, directory / "conda", link=False)
    if ingredients.carried:
        place(ingredients.carried, cache, directory / "wheels", link=False)
    for name, brought in ingredients.base.brought:
        (directory / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(brought.path, directory / name)
    for deb, path in ingredients.base.deb_files:
        (directory / contents.DEB_FILES).mkdir(exist_ok=True)
        shutil.copyfile(path, directory / contents.DEB_FILES / deb.filename)
    for placed in ingredients.placed:
        write_placed(directory / "local", placed)
    write_data(directory, ingredients.data)
    write_pyz(directory / "judge.pyz")
    for name, data in base_files().items():
        (directory / name).write_bytes(data)
    if ingredients.base.python:
        shutil.copyfile(ingredients.base.python, directory / contents.PYTHON)
    texts = {
        "repropack.json": contents.dump(contents.manifest(plan, ingredients)),
        "pylock.toml": to_pylock(ingredients.wheels, ingredients.target, lock=plan.lock),
        "Dockerfile": render.dockerfile(plan, ingredients, cache=cache),
        ".dockerignore": render.dockerignore(bool(ingredients.conda)),
        "fetch.txt": render.fetch_requirements(ingredients.downloads),
        **conda_texts(ingredients),
        "wheels.sha256": render.wheel_sums(ingredients.needed),
        "reproduce.sh": render.reproduce_sh(plan, ingredients, measured(author), cache=cache),
        "README.md": readme(plan, ingredients, author, cache=cache),
        checksums.LINKS: checksums.links_text(directory),
        sbom.FILE: said.packages(plan, ingredients, cache=cache),
        **said.citation_texts(plan),
    }
    if ingredients.base.debs:
        texts[contents.DEBS] = debs_text(ingredients.base.debs)
    for name, text in texts.items():
        write_text(directory / name, text)
    write_text(directory / rocrate.FILE, said.crate(plan, directory))
    write_text(directory / checksums.SUMS, checksums.sums_text(directory))


def conda_texts(ingredients: Ingredients) -> dict[str, str]:
    """What is written for conda packages, and the two programs that fetch and install them.

    Its installers run on the base's Python, and the environment's wheels may be for another one.
    """
    files = ingredients.conda
    if not files:
        return {}
    from repropack.conda import conda_lock_text, explicit_text, programs, sums_text

    return {
        "conda-lock.yml": conda_lock_text(files),
        "conda-explicit.txt": explicit_text(files),
        "conda.sha256": sums_text(files),
        "fetch.txt": render.fetch_requirements(ingredients.wheels),
        "fetch-tools.txt": render.fetch_requirements(ingredients.installers),
        **{f"tools/{name}": text for name, text in programs().items()},
    }


def write_placed(directory: Path, placed: Placed) -> None:
    """A file that an editable install adds to the image."""
    path = directory / placed.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(placed.data)
    path.chmod(0o755 if placed.executable else 0o644)


def write_text(path: Path, text: str) -> None:
    """Bytes that do not depend on the platform's encoding or line ends."""
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def settle(directory: Path, time_s: int) -> None:
    """Fixed modes and times, so that two bundles of one commit are the same to the byte."""
    for path in checksums.walk(directory):
        if path.is_symlink():
            os.utime(path, (time_s, time_s), follow_symlinks=False)
            continue
        top = path.relative_to(directory).as_posix()
        if not top.startswith(("source/", "local/")):
            path.chmod(0o755 if top in EXECUTABLE else 0o644)
        os.utime(path, (time_s, time_s))
    for parent, _, _ in os.walk(directory, topdown=False):
        Path(parent).chmod(0o755)
        os.utime(parent, (time_s, time_s))


def is_same(temporary: Path, out: Path) -> bool:
    """Whether this bundle is there already, whole: then nobody who reads it is disturbed.

    What was attested of it then is removed: it is attested again.
    """
    sums = out / checksums.SUMS
    try:
        same = sums.read_bytes() == (temporary / checksums.SUMS).read_bytes()
        same = same and not checksums.differences(
            out, checksums.parse_sums(sums.read_text("utf-8"))
        )
    except (OSError, ValueError, IntegrityError):
        return False
    for name in checksums.ATTESTED if same else ():
        (out / name).unlink(missing_ok=True)
    return same


def put_back(out: Path) -> None:
    """The older bundle, where a process was killed when it had moved it aside. Raises `OSError`."""
    for aside in left_behind(out.parent, f".{out.name}.", ".old"):
        if not os.path.lexists(out) and (aside / out.name).exists():
            (aside / out.name).rename(out)
        shutil.rmtree(aside, ignore_errors=True)


def put(temporary: Path, out: Path) -> None:
    """Rename into place. An older bundle there is moved aside first, and put back on failure."""
    if not os.path.lexists(out):
        temporary.rename(out)
        return
    aside = new_scratch(out.parent, f".{out.name}.", ".old")
    out.rename(aside / out.name)
    try:
        temporary.rename(out)
    except OSError:
        (aside / out.name).rename(out)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
