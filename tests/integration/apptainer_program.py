"""Apptainer as Debian unstable has it, for a machine whose own release has none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.integration.daemons import refuse

USER = 65534
"""Who calls it: a user without rights, who owns what root owns outside."""
# Its programs and libraries instead of those of this machine, in a namespace that nobody else sees,
# with a root of their own: a mount at /usr would make apptainer think that it was moved.
_WRAPPER = """#!/bin/sh
exec unshare --mount --propagation private /bin/sh -c '
set -e
mount --bind "$0" "$0"
cd "$0"
for each in /*; do
    case $each in /usr | /etc | /var) continue ;; esac
    [ -L "$each" ] || [ ! -d "$each" ] || {{ mkdir -p ".$each"; mount --rbind "$each" ".$each"; }}
done
pivot_root . .
umount --lazy .
exec /usr/bin/unshare --user --map-user={user} --map-group={user} /usr/bin/apptainer "$@"
' "$(dirname "$0")/../root" "$@"
"""


def installed(directory: Path) -> Path:
    """A directory with an `apptainer` for PATH. Skips where it cannot be had; fails in CI."""
    if not shutil.which("mmdebstrap") or os.geteuid() != 0:
        refuse("mmdebstrap is not installed, or this is not root")
    root, bin = directory / "root", directory / "bin"
    wanted = "apptainer,dash,mount,util-linux"
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={wanted}"]
    # Snapshots of unstable are old at once.
    options = ["--aptopt=Acquire::Check-Valid-Until false", "unstable", str(root)]
    subprocess.run([*command, *options], check=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "hosts", "resolv.conf"):
        shutil.copy(f"/etc/{name}", root / "etc")
    (root / "etc/localtime").touch()
    bin.mkdir()
    program = bin / "apptainer"
    program.write_text(_WRAPPER.format(user=USER))
    program.chmod(0o755)
    return bin
