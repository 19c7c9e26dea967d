"""The cache of wheels: content-addressed files, and what each pinned requirement became.

Owns: `wheels/SHA256/FILENAME` and `resolved/KEY.json` below the cache directory, safe for several
processes at once (everything is written beside its place and renamed).
Does not own: how a wheel is got (`fetching`).

What is trusted, and when: a file's name is its hash, and its modification time is set to a fixed
instant once the hash was checked. A file with that time and the right size is taken as checked;
any other is hashed again, and removed if it differs. So an unchanged cache costs a `stat` per
wheel, and a change by a program, even in place through a hard link, is noticed. A change that
keeps the time is caught by the installer, which checks the hashes of `pylock.toml` again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from repropack.environment.model import Requirement, Target, Wheel
from repropack.errors import BuildError, IntegrityError
from repropack.marks import new_scratch
from repropack.workspace import write_atomically

CHECKED_NS = 315_532_800 * 10**9  # 1980-01-01: the oldest time that a zip file can hold
ABANDONED_S = 24 * 3600
RECORD_SCHEMA = 1


def wheel_path(cache: Path, wheel: Wheel) -> Path:
    """Where the wheel is, or would be."""
    return cache / "wheels" / wheel.sha256 / wheel.filename


def source_files(cache: Path, key: str) -> Path:
    """The directory of the sources that a hash identifies."""
    return cache / "sources" / key


def sources_mark(cache: Path, requirement: Requirement, target: Target) -> Path:
    """The empty file that says that an index has no wheel of a requirement, but its sources."""
    return _record(cache, requirement, target).with_suffix(".sources")


def known(cache: Path, requirement: Requirement, target: Target) -> Wheel | None:
    """The wheel that the requirement became before, if its file is still whole."""
    try:
        record = json.loads(_record(cache, requirement, target).read_bytes())
        wheel = Wheel(**record)
        if not isinstance(wheel.size_bytes, int) or "/" in wheel.filename + wheel.sha256:
            return None
        return wheel if whole(cache, wheel) else None
    except (OSError, ValueError, TypeError):
        return None


def whole(cache: Path, wheel: Wheel) -> bool:
    """Whether the wheel's file is there and what it was; one that differs is removed."""
    path = wheel_path(cache, wheel)
    try:
        state = path.stat()
        if state.st_size == wheel.size_bytes and state.st_mtime_ns == CHECKED_NS:
            return True
        if state.st_size == wheel.size_bytes and digest(path, "sha256") == wheel.sha256:
            os.utime(path, ns=(CHECKED_NS, CHECKED_NS))
            return True
        path.unlink()
    except FileNotFoundError:
        pass
    return False


def keep(cache: Path, requirement: Requirement, target: Target, wheel: Wheel, file: Path) -> None:
    """Move a checked file into the cache, then record what the requirement became."""
    move(file, wheel_path(cache, wheel))
    remember(cache, requirement, target, wheel)


def keep_file(cache: Path, file: Path) -> Wheel:
    """Move a wheel that was made here into the cache; its name says what it is."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, _ = parse_wheel_filename(file.name)
    except InvalidWheelFilename as error:
        raise BuildError(f"{file.name} is no wheel: {error}") from error
    sha256, size_bytes = digest(file, "sha256"), file.stat().st_size
    wheel = Wheel(
        name=name, version=str(version), filename=file.name, size_bytes=size_bytes, sha256=sha256
    )
    move(file, wheel_path(cache, wheel))
    return wheel


def adopt(file: Path, wheel: Wheel, cache: Path) -> None:
    """Copy a wheel that somebody sent into the cache. Raises `IntegrityError` if it differs."""
    if whole(cache, wheel):
        return
    with workspace(cache) as directory:
        copy = directory / wheel.filename
        try:
            shutil.copyfile(file, copy)
        except FileNotFoundError as error:
            raise IntegrityError(f"{file} is missing: no index has it") from error
        if digest(copy, "sha256") != wheel.sha256:
            raise IntegrityError(f"{file} is not the wheel that was built")
        move(copy, wheel_path(cache, wheel))


def move(file: Path, path: Path) -> None:
    """Put a checked file into its place."""
    file.chmod(0o644)
    os.utime(file, ns=(CHECKED_NS, CHECKED_NS))
    path.parent.mkdir(parents=True, exist_ok=True)
    file.replace(path)


def remember(cache: Path, requirement: Requirement, target: Target, wheel: Wheel) -> None:
    """Record what the requirement became."""
    record = _record(cache, requirement, target)
    record.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(record, json.dumps(asdict(wheel)))


def place(wheels: tuple[Wheel, ...], cache: Path, directory: Path, *, link: bool = True) -> None:
    """Put wheels into a directory: as hard links where possible, else (or on wish) as copies.

    Raises `IntegrityError` if a wheel has left the cache since it was fetched.
    """
    with explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        for wheel in wheels:
            if not whole(cache, wheel):
                raise IntegrityError(
                    f"{wheel.filename} is no longer whole in {cache}", hint="run the command again"
                )
            _put(wheel_path(cache, wheel), directory / wheel.filename, link=link)


def _put(source: Path, destination: Path, *, link: bool) -> None:
    destination.unlink(missing_ok=True)
    if link:
        with suppress(OSError):  # another file system, or one without hard links
            os.link(source, destination)
            return
    shutil.copy2(source, destination)


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold a lock file, which other processes wait for; it stays behind, empty."""
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("w")
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _record(cache: Path, requirement: Requirement, target: Target) -> Path:
    identity = [
        RECORD_SCHEMA,
        requirement.name,
        requirement.version,
        sorted(requirement.hashes),
        target.python,
        target.platform,
        target.glibc,
    ]
    return cache / "resolved" / f"{key_of(identity)}.json"


def key_of(identity: object) -> str:
    """A file name for a value that JSON can hold."""
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def digest(path: Path, algorithm: str) -> str:
    """A file's hash, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@contextmanager
def workspace(cache: Path) -> Iterator[Path]:
    """A directory on the cache's file system, removed at the end; old abandoned ones go too."""
    root = cache / "tmp"
    with explained(cache):
        root.mkdir(parents=True, exist_ok=True)
        for old in root.iterdir():
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > ABANDONED_S:
                    shutil.rmtree(old)
        path = new_scratch(root, "")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turn a full disk or a missing permission into an error with a hint."""
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"cannot write below {directory}: {error.strerror or error}",
            hint="make room or permit writing there, or set another cache directory",
        ) from error
