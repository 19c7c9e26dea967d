"""A built wheel, written again so that equal content gives equal bytes.

Owns: order, times, modes and compression of a wheel's files. Their content, which RECORD has the
hashes of, is not touched.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

POINTING = (".pth", "_finder.py", "direct_url.json")  # files that name the place of the sources
TIME = (1980, 1, 1, 0, 0, 0)


def normalised(wheel: Path, target: Path, *, root: str = "") -> None:
    """Write the wheel to `target`: files by name, RECORD's directory last, as installers like it.

    `root` is where a build without a container had the sources, which an image has at `/work`.
    Raises `OSError` or `zipfile.BadZipFile`.
    """
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w") as new:
        for info in sorted(old.infolist(), key=place):
            if info.is_dir():
                continue
            entry = zipfile.ZipInfo(info.filename, TIME)
            executable = (info.external_attr >> 16) & 0o111
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            entry.create_system = 3  # Unix, wherever this runs
            entry.compress_type = zipfile.ZIP_DEFLATED
            data = old.read(info)
            if root and info.filename.endswith(POINTING):
                data = data.replace(root.encode(), b"/work")
            new.writestr(entry, data, compresslevel=6)


def place(info: zipfile.ZipInfo) -> tuple[bool, str]:
    """The metadata stand at the end."""
    return (".dist-info/" in info.filename, info.filename)
