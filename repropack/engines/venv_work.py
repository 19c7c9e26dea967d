"""A script on this machine itself, for the engine that runs no containers.

Owns: the process. It isolates nothing: the script can do what its user can.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from repropack.engines.build_log import one_line
from repropack.engines.model import Progress, WorkOrder, WorkResult
from repropack.errors import BuildError

_SETTINGS = ("UV_", "PIP_", "VIRTUAL_ENV", "PYTHON")


def work_here(order: WorkOrder, progress: Progress) -> WorkResult:
    """Do the work in the order's own directory. Raises `BuildError` if it cannot be started."""
    order.log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(order.directory / order.script), str(order.directory)]
    try:
        with order.log.open("a", encoding="utf-8") as log, _start(command, order) as process:
            try:
                for line in process.stdout or ():
                    log.write(line)
                    if line.strip():
                        progress(one_line(f"{order.name}: {line}"))
            except BaseException:
                process.kill()
                raise
        shutil.copytree(order.directory / order.out, order.result, dirs_exist_ok=True)
    except OSError as error:
        raise BuildError(f"{order.name}: {error.strerror}", log=order.log) from error
    return WorkResult(exit_code=process.returncode, isolated=False)


def _start(command: list[str], order: WorkOrder) -> subprocess.Popen[str]:
    kept = {name: v for name, v in os.environ.items() if not name.startswith(_SETTINGS)}
    return subprocess.Popen(
        command,
        cwd=Path(order.directory),
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
