"""A local conda channel of real packages: this machine's Python, and distributions installed here.

They are made with conda's own tools (conda-package-streaming packs, rattler indexes), so that what
the tests install is what a channel serves: `.conda` and `.tar.bz2` archives with `info/index.json`,
`info/paths.json`, a placeholder for the prefix, and entry points of noarch packages.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import importlib.metadata
import io
import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
VERSION = sys.version.split()[0]
LEFT_OUT = (
    *("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "ensurepip"),
    *("__pycache__", "lib2to3", "turtledemo", "pydoc_data", "EXTERNALLY-MANAGED"),
)
# In a process of its own, left at once: rattler's threads may outlive the interpreter.
INDEX = """
import asyncio, os, sys
from rattler.index import index_fs
asyncio.run(index_fs(sys.argv[1]))
os._exit(0)
"""
# Debian's Python looks into dist-packages; conda's into site-packages.
SITE = "import os, site, sys\nsite.addsitedir(os.path.dirname(os.__file__) + '/site-packages')\n"


@dataclass(frozen=True, kw_only=True)
class CondaFile:
    """One file of a package: its bytes, or where a symbolic link points."""

    data: bytes = b""
    link: str = ""
    executable: bool = False
    placeholder: str = ""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A package to be made. `timestamp_s` is when its author built it."""

    name: str
    version: str
    files: Mapping[str, CondaFile] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    build: str = "0"
    subdir: str = "linux-64"
    entry_points: tuple[str, ...] = ()
    timestamp_s: int = 1_600_000_000
    extension: str = ".conda"

    @property
    def filename(self) -> str:
        """As a channel names it."""
        return f"{self.name}-{self.version}-{self.build}{self.extension}"


def write_package(made: Made, channel: Path) -> Path:
    """Pack it into a channel's directory; the index is written by `index`."""
    path = channel / made.subdir / made.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    if made.extension == ".conda":
        from conda_package_streaming.create import conda_builder

        stem = path.name.removesuffix(".conda")
        with conda_builder(stem, str(path.parent), compression_level=1) as tar:
            fill(tar, made)
    else:
        with tarfile.open(path, "w:bz2") as tar:
            fill(tar, made)
    return path


def fill(tar: Any, made: Made) -> None:
    """Every file of the package, the description first."""
    for name, data in info_files(made):
        add(tar, name, CondaFile(data=data))
    for name, file in sorted(made.files.items()):
        add(tar, name, file)


def add(tar: Any, name: str, file: CondaFile) -> None:
    """One file or link."""
    entry = tarfile.TarInfo(name)
    entry.mode = 0o755 if file.executable else 0o644
    entry.mtime = 1_600_000_000
    if file.link:
        entry.type, entry.linkname = tarfile.SYMTYPE, file.link
        tar.addfile(entry)
        return
    entry.size = len(file.data)
    tar.addfile(entry, io.BytesIO(file.data))


def info_files(made: Made) -> Iterator[tuple[str, bytes]]:
    """What conda-build writes below `info/`."""
    noarch = "python" if made.subdir == "noarch" and "python" in str(made.depends) else None
    index = {
        "name": made.name,
        "version": made.version,
        "build": made.build,
        "build_number": 0,
        "depends": list(made.depends),
        "subdir": made.subdir,
        "platform": None if made.subdir == "noarch" else made.subdir.split("-")[0],
        "arch": None if made.subdir == "noarch" else "x86_64",
        "timestamp": made.timestamp_s * 1000,
        "license": "LicenseRef-test",
        **({"noarch": noarch or "generic"} if made.subdir == "noarch" else {}),
    }
    yield "info/index.json", encoded(index)
    paths = [path_entry(name, file) for name, file in sorted(made.files.items())]
    yield "info/paths.json", encoded({"paths": paths, "paths_version": 1})
    yield "info/about.json", encoded({})
    if noarch:
        link = {"noarch": {"type": "python", "entry_points": list(made.entry_points)}}
        yield "info/link.json", encoded({**link, "package_metadata_version": 1})


def encoded(value: object) -> bytes:
    """JSON."""
    return json.dumps(value, indent=1).encode()


def path_entry(name: str, file: CondaFile) -> dict[str, object]:
    """A line of `paths.json`."""
    entry: dict[str, object] = {
        "_path": name,
        "path_type": "softlink" if file.link else "hardlink",
        "sha256": hashlib.sha256(file.data).hexdigest(),
        "size_in_bytes": len(file.data),
    }
    if file.placeholder:
        binary = b"\0" in file.data
        entry |= {
            "prefix_placeholder": file.placeholder,
            "file_mode": "binary" if binary else "text",
        }
    return entry


def index(channel: Path) -> None:
    """Write the channel's repodata with rattler's own indexer."""
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-c", INDEX, str(channel)], check=True)
    for path in channel.glob("*/repodata.json"):
        data = json.loads(path.read_text("utf-8"))
        for entry in (*data["packages"].values(), *data["packages.conda"].values()):
            # When it was indexed is now; when it was built is what tells one from another.
            entry.pop("indexed_timestamp", None)
        path.write_text(json.dumps(data), "utf-8")
        shutil.rmtree(path.parent / "shards", ignore_errors=True)
        for other in path.parent.glob("repodata*.zst"):
            other.unlink()


def make_channel(channel: Path, packages: Iterable[Made]) -> Path:
    """A channel of these packages."""
    for made in packages:
        write_package(made, channel)
    index(channel)
    return channel


def python_package(**changes: Any) -> Made:
    """The Python that runs the tests, as conda packs one: relocatable, without site-packages."""
    library = Path(sysconfig.get_path("stdlib"))
    prefix = str(Path(sys.base_prefix))
    names: dict[str, CondaFile] = {
        f"bin/python{MINOR}": binary(Path(sys.executable).resolve(), prefix),
        "bin/python": CondaFile(link=f"python{MINOR}"),
        "bin/python3": CondaFile(link=f"python{MINOR}"),
        f"lib/python{MINOR}/sitecustomize.py": CondaFile(data=SITE.encode()),
        f"lib/python{MINOR}/site-packages/README.txt": CondaFile(data=b"packages go here\n"),
    }
    for shared in Path(prefix, "lib").glob(f"libpython{MINOR}.so*"):
        names[f"lib/{shared.name}"] = binary(shared.resolve(), prefix)
    for path in sorted(library.rglob("*")):
        inside = path.relative_to(library)
        if path.is_file() and not skipped(inside):
            names[f"lib/python{MINOR}/{inside}"] = CondaFile(data=path.read_bytes())
    options = {"name": "python", "version": VERSION, "build": "0_cpython", "files": names}
    return Made(**{**options, **changes})


def skipped(inside: Path) -> bool:
    """What an environment does not need of the standard library."""
    return any(part in LEFT_OUT or part.startswith("config-") for part in inside.parts)


def binary(path: Path, prefix: str) -> CondaFile:
    """A program or library that looks for its libraries beside itself, wherever it is put.

    conda's own way, a long placeholder for the prefix, needs a Python that was built with one.
    """
    data = path.read_bytes()
    built, beside = f"{prefix}/lib\0".encode(), b"$ORIGIN/../lib"
    if len(built) > len(beside):
        data = data.replace(built, beside.ljust(len(built), b"\0"), 1)
    return CondaFile(data=data, executable=True)


def distribution_package(name: str, **changes: Any) -> Made:
    """A distribution that is installed beside the tests, as a conda package of the same name."""
    found = importlib.metadata.distribution(name)
    pure = "Root-Is-Purelib: true" in (found.read_text("WHEEL") or "")
    site = "site-packages" if pure else f"lib/python{MINOR}/site-packages"
    files = {
        f"{site}/{path}": CondaFile(data=Path(str(path.locate())).read_bytes())
        for path in found.files or ()
        if not path.parts[0].startswith("..") and "__pycache__" not in path.parts
        if path.name not in ("direct_url.json", "REQUESTED", "INSTALLER", "RECORD")
    }
    entry_points = tuple(
        f"{entry.name} = {entry.value}"
        for entry in found.entry_points
        if entry.group == "console_scripts"
    )
    options = {
        "name": name,
        "version": found.version,
        "files": files,
        "build": "pyhd_0" if pure else f"py{MINOR.replace('.', '')}_0",
        "subdir": "noarch" if pure else "linux-64",
        "depends": ("python >=3.8",) if pure else (f"python {MINOR}.*",),
        "entry_points": entry_points if pure else (),
    }
    return Made(**{**options, **changes})


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The address of a directory of channels over HTTP."""
    handler = functools.partial(Quiet, directory=str(directory))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
