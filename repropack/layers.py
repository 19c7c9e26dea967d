"""The image's own part of a bundle as one layer.

The legacy builder takes more than a tenth of a second for each instruction. So when repropack
builds with it, the files that the Dockerfile copies in two steps are added in one, from a tar
archive that gives each file the owner, mode and time that the steps give it.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from repropack.bundle import Bundle
from repropack.metadata.times import OLDEST_TIME_S

LAYER = "layer.tar"
OWNER = 1000  # of what the experiment may change: the Dockerfile's reviewer
JUDGE_FILES = ("judge.pyz", "repropack.json")


def write_layer(bundle: Bundle, path: Path) -> None:
    """Write the source (/work) and the judge (/repropack) as a tar archive. Raises `OSError`."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, owner in (("work", OWNER), ("repropack", 0)):
            archive.addfile(directory(name, owner=owner))
        source = bundle.directory / "source"
        for parent, directories, files in os.walk(source):
            directories.sort()
            links = [name for name in directories if (Path(parent) / name).is_symlink()]
            for name in sorted((*directories, *files)):
                file = Path(parent) / name
                inside = Path("work") / file.relative_to(source)
                add(archive, file, inside.as_posix(), owner=OWNER)
            directories[:] = [name for name in directories if name not in links]
        write_local(archive, bundle.directory / "local")
        for name in JUDGE_FILES:
            add(archive, bundle.directory / name, f"repropack/{name}", owner=0)


def write_local(archive: tarfile.TarFile, local: Path) -> None:
    """What editable installs add to the environment and to the source."""
    for top, place, owner in (("env", "opt/env", 0), ("work", "work", OWNER)):
        for parent, directories, files in os.walk(local / top):
            directories.sort()
            for name in sorted((*directories, *files)):
                file = Path(parent) / name
                inside = Path(place) / file.relative_to(local / top)
                add(archive, file, inside.as_posix(), owner=owner)


def directory(name: str, *, owner: int) -> tarfile.TarInfo:
    """A directory that would else have the time of the build."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, OLDEST_TIME_S
    info.uid = info.gid = owner
    return info


def add(archive: tarfile.TarFile, file: Path, name: str, *, owner: int) -> None:
    """One file, link or directory, without its content's names below it."""
    info = archive.gettarinfo(file, name)
    info.type = tarfile.REGTYPE if info.islnk() else info.type  # a hard link is a file like others
    info.uid = info.gid = owner
    info.uname = info.gname = ""
    if info.isreg():
        info.size = file.stat().st_size
        with file.open("rb") as content:
            archive.addfile(info, content)
    else:
        archive.addfile(info)
