"""Running `base.sh`: a root file system from the distribution's packages.

Owns: the subprocess, its log, its progress and its errors. Does not own: what is in the root file
system (`templates/base.sh`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repropack import assets
from repropack.engines.build_log import one_line
from repropack.engines.diagnosis import explain
from repropack.engines.model import Progress
from repropack.errors import BuildError, PlanError, RepropackError, TemporaryError

_TEMPORARY = 75
_STOP_TIMEOUT_S = 30
_NO_PACKAGE = re.compile(
    r"E: (Unable to locate package \S+|Version .* was not found)|"
    r"E: (Package '\S+' has no installation candidate)"
)
_STEP = re.compile(r"I: ((?:running apt|downloading|extracting|installing|cleaning|creating).*)")


def bootstrap(
    suite: str,
    packages: tuple[str, ...],
    output: Path,
    *,
    log: Path,
    progress: Progress,
    python: Path | None = None,
) -> None:
    """Write the root file system of Debian `suite` with `packages` to the tar file `output`.

    `python` is the archive of a Python that takes the place of Debian's own.

    The complete output of the tools goes to `log`. Raises `PlanError` for a package that the suite
    does not have, `TemporaryError` when the tools or the mirror are missing, `BuildError`.
    """
    if not any(shutil.which(name) for name in ("mmdebstrap", "debootstrap")):
        raise TemporaryError(
            "no base can be had: no image registry answers, and mmdebstrap is not installed",
            hint="apt-get install mmdebstrap",
        )
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ["sh", str(assets.base_script()), suite, str(output), *packages]
    lines = []
    with log.open("w", encoding="utf-8") as stream, _child(command, python) as process:
        for line in process.stdout or ():
            stream.write(line)
            lines.append(line)
            if step := _STEP.match(line):
                progress(one_line(f"base: {step[1]}"))
        code = process.wait()
    if code:
        raise _failed(code, "".join(lines[-60:]), suite, log)


@contextmanager
def _child(command: list[str], python: Path | None) -> Iterator[subprocess.Popen[str]]:
    """A process group of its own, so that an interruption ends the tools behind the script too."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, **({"REPROPACK_PYTHON": str(python)} if python else {})},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process)
        if process.stdout:
            process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=_STOP_TIMEOUT_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def _failed(code: int, output: str, suite: str, log: Path) -> RepropackError:
    missing = _NO_PACKAGE.search(output)
    if missing:
        what = one_line(missing[1] or missing[2])
        return PlanError(
            f"Debian {suite}: {what}", hint="correct environment.apt in repropack.yaml"
        )
    if "No space left on device" in output:
        known = explain("no space left on device")
        return BuildError(f"the base could not be made: {known.what}", hint=known.hint, log=log)
    errors = [line for line in output.splitlines() if line.startswith(("E: ", "base.sh: "))]
    what = f"the base could not be made: {one_line(errors[0] if errors else f'exit code {code}')}"
    if code != _TEMPORARY:
        return BuildError(what, log=log)
    return TemporaryError(
        what, hint="try again when the mirror of Debian packages can be reached", log=log
    )
