"""Programs of another release of Debian beside this machine's own, in a root that only they see."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.daemons import refuse

# A mount at /usr would make some programs think that they were moved.
_WORLD = """
set -e
mount --bind "$1" "$1"
cd "$1"
for each in /*; do
    case $each in /usr | /etc | /var | /run) continue ;; esac
    [ -L "$each" ] || [ ! -d "$each" ] || { mkdir -p ".$each"; mount --rbind "$each" ".$each"; }
done
pivot_root . .
umount --lazy .
echo ready
exec /usr/bin/sleep infinity
"""
_CALL = """#!/bin/sh
exec nsenter --mount=/proc/{pid}/ns/mnt \\
    /bin/sh -c 'cd "$0" && exec {before} /usr/bin/{name} "$@"' "$PWD" "$@"
"""
_NEEDED = ("dash", "mount", "util-linux", "coreutils")


@contextmanager
def programs(
    directory: Path,
    suite: str,
    packages: tuple[str, ...],
    names: tuple[str, ...],
    *,
    before: str = "",
) -> Iterator[Path]:
    """Give a directory for PATH, in which `names` of those packages are, started with `before`.

    They have /usr, /etc, /var and /run of their own. Skips where that cannot be; fails in CI.
    """
    if not shutil.which("mmdebstrap") or os.geteuid() != 0:
        refuse("mmdebstrap is not installed, or this is not root")
    root, bin = directory / "root", directory / "bin"
    include = ",".join((*packages, *_NEEDED))
    # Snapshots of unstable are old at once.
    options = ["--variant=extract", "--aptopt=Acquire::Check-Valid-Until false"]
    command = ["mmdebstrap", "--quiet", *options, f"--include={include}", suite, str(root)]
    subprocess.run(command, check=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "hosts", "resolv.conf"):
        shutil.copy(f"/etc/{name}", root / "etc")
    (root / "etc/localtime").touch()
    bin.mkdir()
    for name in ("run", "var/tmp"):
        (root / name).mkdir(exist_ok=True)
    alone = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _WORLD)
    with subprocess.Popen([*alone, "world", str(root)], stdout=subprocess.PIPE, text=True) as world:
        try:
            assert world.stdout is not None and world.stdout.readline() == "ready\n"
            for name in names:
                text = _CALL.format(pid=world.pid, before=before, name=name)
                (bin / name).write_text(text)
                (bin / name).chmod(0o755)
            yield bin
        finally:
            world.kill()
