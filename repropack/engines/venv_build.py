"""Making an environment with uv, offline and by hash, and keeping it by what it is made of.

Owns: the directories of the venv engine and its uv commands. Does not own: choosing wheels
(`environment`) and running (`venv_run`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from repropack.engines.archive import tree
from repropack.engines.build_log import one_line
from repropack.engines.diagnosis import explain
from repropack.engines.model import BuildRecipe, Image, Progress
from repropack.engines.venv_conda import link_packages, sums_in
from repropack.errors import BuildError, IntegrityError
from repropack.marks import left_behind, mark, new_scratch

LOCAL = "local"  # what editable installs add; few bundles have it
_PARTS = ("source", "judge.pyz", "repropack.json", "Dockerfile", LOCAL)
_OFFLINE = ("--offline", "--no-config", "--no-cache")
_ENV_LINE = re.compile(r'ENV ([A-Za-z_][A-Za-z0-9_]*)="(.*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image of the venv engine: `python` of its environment, `directory` of its files."""

    image: Image
    python: Path
    directory: Path

    @property
    def variables(self) -> dict[str, str]:
        """The variables that the Dockerfile sets, so that both engines run with the same."""
        text = (self.directory / "Dockerfile").read_text("utf-8")
        found = (_ENV_LINE.fullmatch(line) for line in text.splitlines())
        return {match[1]: re.sub(r"\\(.)", r"\1", match[2]) for match in found if match}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where environments and images are kept: `environments/`, `images/` and `tags/` of `root`."""

    root: Path

    def find(self, tag: str) -> Built | None:
        """Return what was built under `tag`, if all of it is still there."""
        try:
            raw = json.loads(self._entry(tag).read_bytes())
            image = raw["image"]
            built = Built(
                image=Image(
                    tag=image["tag"],
                    id=image["id"],
                    size_bytes=image["size_bytes"],
                    labels=tuple((name, value) for name, value in image["labels"]),
                ),
                python=Path(raw["python"]),
                directory=Path(raw["directory"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return built if built.python.exists() and built.directory.is_dir() else None

    def keep(self, built: Built) -> None:
        """Remember a built image under its tag."""
        data = {**asdict(built), "python": str(built.python), "directory": str(built.directory)}
        write_json(self._entry(built.image.tag), data)

    def _entry(self, tag: str) -> Path:
        return self.root / "tags" / f"{hashlib.sha256(tag.encode()).hexdigest()}.json"


def make(shelf: Shelf, recipe: BuildRecipe, progress: Progress) -> Image:
    """Build `recipe` onto the shelf. Raises `BuildError`, `IntegrityError`, `OSError`."""
    recipe.log.parent.mkdir(parents=True, exist_ok=True)
    recipe.log.write_text("", encoding="utf-8")
    lock = (recipe.context / "pylock.toml").read_bytes()
    environment = _environment(shelf, recipe, lock, progress)
    digest = _digest(recipe.context, lock + sums_in(recipe.context))
    directory = shelf.root / "images" / digest
    if not directory.is_dir():
        progress("copying the source")
        _copy_parts(recipe.context, directory)
    for tag in (*recipe.extra_tags, recipe.tag):
        image = Image(
            tag=tag,
            id=f"sha256:{digest}",
            size_bytes=_size_bytes(environment) + _size_bytes(directory),
            labels=tuple(sorted(recipe.labels)),
        )
        python = environment / "bin" / "python"
        shelf.keep(Built(image=image, python=python, directory=directory))
    return image


def _environment(shelf: Shelf, recipe: BuildRecipe, lock: bytes, progress: Progress) -> Path:
    """Return the environment of this lock, made now if it is not there.

    An environment cannot be moved, so it is made where it stays and named when it is whole.
    """
    parsed = tomllib.loads(lock.decode("utf-8"))
    minor = re.sub(r"^==|\.\*$", "", str(parsed.get("requires-python", "")))
    conda = sums_in(recipe.context)
    entry = shelf.root / "environments" / f"{hashlib.sha256(lock + conda).hexdigest()}.json"
    known = _read_entry(entry)
    if known is not None:
        return known
    entry.parent.mkdir(parents=True, exist_ok=True)
    _sweep(entry.parent)
    made = entry.parent / f"py{minor}-{mark()}"
    made.mkdir(0o700)
    try:
        progress(f"making an environment with Python {minor}")
        if conda:
            link_packages(recipe, made)
        else:
            words = ["venv", "--python", minor, "--no-python-downloads", "--no-project"]
            _uv([*words, str(made)], recipe)
        if parsed.get("packages"):
            progress(f"installing {len(parsed['packages'])} packages")
            _uv(_install(made, recipe.context, onto_conda=bool(conda)), recipe)
        write_json(entry, {"directory": str(made)})
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made


def _sweep(directory: Path) -> None:
    """Remove the environments that killed processes left half-made: no entry names them."""
    named = {_read_entry(entry) for entry in directory.glob("*.json")}
    for old in left_behind(directory, "py"):
        if old not in named:
            shutil.rmtree(old, ignore_errors=True)


def _read_entry(entry: Path) -> Path | None:
    try:
        directory = Path(json.loads(entry.read_bytes())["directory"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # The interpreter that it was made with may have been removed since.
    return directory if (directory / "bin" / "python").exists() else None


def _install(environment: Path, context: Path, *, onto_conda: bool) -> list[str]:
    python = str(environment / "bin" / "python")
    words = ["--python", python, "--no-index", "--link-mode", "copy"]
    lock = str(context / "pylock.toml")
    if onto_conda:  # what conda has installed stays, where nothing replaces it
        return ["pip", "install", *words, "--break-system-packages", "--requirements", lock]
    return ["pip", "sync", *words, lock]


def _uv(words: list[str], recipe: BuildRecipe) -> None:
    """Run uv without the network and without the user's settings; its output goes to the log."""
    program = uv_program()
    if program is None:
        raise BuildError("the venv engine needs uv", hint="pip install uv")
    kept = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    done = subprocess.run(
        [program, *words, *_OFFLINE],
        cwd=recipe.context,
        env={**kept, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with recipe.log.open("a", encoding="utf-8") as log:
        log.write(f"$ uv {' '.join(words)}\n{done.stdout}")
    if done.returncode:
        raise _failed(done.stdout, recipe.log)


def _is_setting(name: str) -> bool:
    return name.startswith(("UV_", "PIP_", "VIRTUAL_ENV", "PYTHON"))


def _failed(output: str, log: Path) -> BuildError | IntegrityError:
    text = one_line(re.sub(r"\s*(?:×|├─▶|╰─▶|│|error:)\s*", " ", output))
    if "Hash mismatch" in output:
        return IntegrityError(
            f"a wheel differs from what was recorded: {text}",
            hint="remove the damaged file from the cache, and build again",
            log=log,
        )
    if "No interpreter found" in output:
        return BuildError(
            f"this machine has not the Python that the project needs: {text}",
            hint="install that Python, or use a container: --engine docker",
            log=log,
        )
    hint = explain(output).hint or "use a container: --engine docker"
    return BuildError(f"the environment could not be made: {text}", hint=hint, log=log)


def uv_program() -> str | None:
    """Return the uv that came with repropack, else the one on PATH."""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def uv_version(program: str) -> str:
    """Return `uv` and its version."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "uv"
    return " ".join(done.stdout.split()[:2])


def _copy_parts(context: Path, directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    part = new_scratch(directory.parent, ".part-")
    try:
        for name in _PARTS:
            if (context / name).is_dir():
                shutil.copytree(context / name, part / name, symlinks=True)
            elif name != LOCAL:
                shutil.copy2(context / name, part / name)
        part.chmod(0o755)
        try:
            part.rename(directory)
        except OSError:
            if not directory.is_dir():  # else another process was first, with the same content
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _digest(context: Path, lock: bytes) -> str:
    """Return what identifies the image: the lock and everything beside it but the wheels."""
    digest = hashlib.sha256(hashlib.sha256(lock).digest())
    for path in sorted(_files(context)):
        name = path.relative_to(context).as_posix()
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        executable = b"x" if path.lstat().st_mode & 0o100 else b"-"
        digest.update(os.fsencode(name) + b"\0" + executable + hashlib.sha256(content).digest())
    return digest.hexdigest()


def _files(context: Path) -> Iterator[Path]:
    for name in _PARTS:
        path = context / name
        if name == LOCAL and not path.exists():
            continue
        below = (path / inner for inner in tree(path)) if path.is_dir() else iter([path])
        yield from (file for file in below if file.is_symlink() or not file.is_dir())


def _size_bytes(directory: Path) -> int:
    return sum((directory / name).lstat().st_size for name in tree(directory))


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as stream:
        json.dump(data, stream)
    Path(stream.name).replace(path)
