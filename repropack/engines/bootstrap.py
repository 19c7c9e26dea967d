"""Running `base.sh`: a root file system from the distribution's packages, and the packages alone.

Owns: the subprocess, its log, its progress and its errors. Does not own: what is in the root file
system (`templates/base.sh`), which files are wanted and where they are kept (`debs`).
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
from repropack.errors import (
    BuildError,
    IntegrityError,
    PlanError,
    RepropackError,
    TemporaryError,
)

_INTEGRITY, _TEMPORARY = 7, 75
_GONE = re.compile(r"^gone: (\S+)\t(\S+)$", re.MULTILINE)
_STOP_TIMEOUT_S = 30
#: What a call says, and no variable of the user's.
_OWN = frozenset({"REPROPACK_PYTHON", "REPROPACK_KEEP_DEBS", "REPROPACK_DEBS"})
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
    keep: Path | None = None,
    debs: Path | None = None,
) -> None:
    """Write the root file system of Debian `suite` with `packages` to the tar file `output`.

    `python` is the archive of a Python that takes the place of Debian's own. `keep` is a directory
    that gets the .deb files. `debs` is one that has them, with their list beside it: the network is
    not asked, and `packages` are those of the list.

    The complete output of the tools goes to `log`. Raises `PlanError` for a package that the suite
    does not have, `TemporaryError` when the tools or the mirror are missing, `IntegrityError` for a
    file that is not the list's, `BuildError`.
    """
    if not can_bootstrap():
        raise TemporaryError(
            "no base can be had: no image registry answers, and mmdebstrap is not installed",
            hint="apt-get install mmdebstrap",
        )
    given = {
        "REPROPACK_PYTHON": python,
        "REPROPACK_KEEP_DEBS": keep,
        "REPROPACK_DEBS": debs,
    }
    code, said = _run([suite, str(output), *packages], given, log, progress)
    if code:
        raise _failed(code, said, suite, log)


def can_bootstrap() -> bool:
    """Whether a tool is there that makes a root file system."""
    return any(shutil.which(name) for name in ("mmdebstrap", "debootstrap"))


def fetch_debs(
    suite: str, listed: Path, directory: Path, *, log: Path, progress: Progress
) -> tuple[str, ...]:
    """Have the .deb of each line of the file `listed` in a directory, from the suite's mirror.

    Gives back those that the mirror no longer has (`NAME VERSION`): then nothing is fetched.
    Raises `TemporaryError` when the tool or the mirror is missing, `BuildError`.
    """
    code, said = _run(["--fetch", suite, str(listed), str(directory)], {}, log, progress)
    gone = tuple(one_line(f"{name} {version}") for name, version in _GONE.findall(said))
    if code and not gone:
        raise _failed(code, said, suite, log, what="the base's packages could not be fetched")
    return gone


def _run(
    arguments: list[str], given: dict[str, Path | None], log: Path, progress: Progress
) -> tuple[int, str]:
    """Run base.sh; its exit code and what it said."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ["sh", str(assets.base_script()), *arguments]
    lines = []
    variables = {name: str(path) for name, path in given.items() if path is not None}
    with log.open("w", encoding="utf-8") as stream, _child(command, variables) as process:
        for line in process.stdout or ():
            stream.write(line)
            lines.append(line)
            if step := _STEP.match(line):
                progress(one_line(f"base: {step[1]}"))
        return process.wait(), "".join(lines)


@contextmanager
def _child(command: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process group of its own, so that an interruption ends the tools behind the script too."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**{k: v for k, v in os.environ.items() if k not in _OWN}, **variables},
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


def _failed(
    code: int, said: str, suite: str, log: Path, what: str = "the base could not be made"
) -> RepropackError:
    output = "\n".join(said.splitlines()[-60:])
    missing = _NO_PACKAGE.search(output)
    if missing:
        absent = one_line(missing[1] or missing[2])
        return PlanError(
            f"Debian {suite}: {absent}", hint="correct environment.apt in repropack.yaml"
        )
    if "No space left on device" in output:
        known = explain("no space left on device")
        return BuildError(f"{what}: {known.what}", hint=known.hint, log=log)
    errors = [line for line in output.splitlines() if line.startswith(("E: ", "base.sh: "))]
    what = f"{what}: {one_line(errors[0] if errors else f'exit code {code}')}"
    if code == _INTEGRITY:
        return IntegrityError(what, hint="get the bundle again from where it was published")
    if code != _TEMPORARY:
        return BuildError(what, log=log)
    return TemporaryError(
        what, hint="try again when the mirror of Debian packages can be reached", log=log
    )
