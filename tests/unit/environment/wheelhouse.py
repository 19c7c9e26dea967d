"""Real small wheels for tests: zip files with METADATA, WHEEL and RECORD."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from repropack.environment import Lock, Requirement, Target
from repropack.findings import Where

TARGET = Target(python="3.11")
PURE = "py3-none-any"


def make_wheel(
    directory: Path,
    name: str,
    version: str,
    *,
    tag: str = PURE,
    requires: tuple[str, ...] = (),
    requires_python: str = "",
    content: str = "",
) -> Path:
    """A wheel with one module, such that an installer accepts it."""
    escaped = name.replace("-", "_")
    info = f"{escaped}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Python: {requires_python}"] if requires_python else []
    metadata += [f"Requires-Dist: {item}" for item in requires]
    files = {
        f"{escaped}.py": content or f"VERSION = {version!r}\n",
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / f"{escaped}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def digest(text: str) -> str:
    """A hash as RECORD has it."""
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sha256(path: Path) -> str:
    """A file's hash in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def requirement(name: str, version: str, *hashes: str, line: int = 1, url: str = "") -> Requirement:
    """A pinned requirement that stands in `requirements.txt`."""
    return Requirement(
        name=name,
        version=version,
        hashes=tuple(f"sha256:{value}" for value in hashes),
        where=Where(path="requirements.txt", line=line),
        url=url or None,
    )


def lock(*requirements: Requirement) -> Lock:
    """A lock of these requirements."""
    return Lock(requirements=requirements, origin="requirements.txt", because="a test")
