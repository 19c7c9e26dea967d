"""One run without a container: the same runner, in a scratch copy of the source.

Owns: the scratch directory, the variables, and what a killed runner left running. Does not own: the
environment (`venv_build`), the runner's process (`process`), or the experiment's timeout, log and
record (the runner's business).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from repropack.engines.model import (
    Ended,
    Mount,
    Progress,
    RunOrder,
    RunResult,
)
from repropack.engines.process import Runner
from repropack.engines.run_files import (
    conclude,
    number_of_runs,
    unpublished,
)
from repropack.engines.venv_build import LOCAL, Built
from repropack.engines.venv_local import install_local
from repropack.errors import RunError
from repropack.marks import scratch

_SWEEP_S = 5.0
_POLL_S = 0.005
# What a run keeps of the caller's environment. The rest could change its result unseen.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "USER", "LOGNAME")
_KEPT_WITH_GPU = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
_KEPT_WITH_NETWORK = tuple(
    name
    for low in ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "requests_ca_bundle")
    for name in (low, low.upper())
)


def run_here(
    built: Built,
    order: RunOrder,
    progress: Progress,
    stop: threading.Event | None = None,
    ended: Ended | None = None,
) -> RunResult:
    """Do one run; `RunError` if it cannot be started, `OSError` if the disk refuses."""
    began = time.monotonic()
    with unpublished(order.directory) as part:
        with _scratch(built, order) as room:
            more = install_local(built.directory / LOCAL, room, built.python)
            variables = _variables(built, order, more)
            runner = _runner(_command(built, order, part), room, variables, order)
            found = runner.follow(progress, stop)
            if ended is not None:
                ended()
        seconds = time.monotonic() - began
        status, reason = conclude(part, "venv", found, runner.code, seconds, runner.last_line)
    return RunResult(status=status, reason=reason, directory=order.directory)


def _runner(command: list[str], room: Path, variables: dict[str, str], order: RunOrder) -> Runner:
    home = str(room / "tmp")
    return Runner(
        command,
        directory=room / "work",
        variables={**variables, "HOME": home, "TMPDIR": home},
        timeout_s=order.timeout_s,
        sweep=partial(_sweep, home),
    )


def _command(built: Built, order: RunOrder, out: Path) -> list[str]:
    given = {"engine": "venv", "image_id": built.image.id, "gpu": "none", **dict(order.facts)}
    facts = [word for item in sorted(given.items()) for word in ("--fact", "=".join(item))]
    runner = [str(built.python), str(built.directory / "judge.pyz"), "run", order.run_id]
    return [*runner, "--out", str(out.resolve()), *number_of_runs(order), *facts]


@contextmanager
def _scratch(built: Built, order: RunOrder) -> Iterator[Path]:
    """Give a directory with a copy of the source in `work`, and remove it afterwards."""
    with scratch(Path(tempfile.gettempdir()), "repropack-run-") as directory:
        shutil.copytree(built.directory / "source", directory / "work", symlinks=True)
        (directory / "tmp").mkdir()
        for mount in order.mounts:
            _show(mount, directory / "work")
        yield directory


def _show(mount: Mount, work: Path) -> None:
    """Link what a container would mount. It is not read-only: there is nothing to make it so."""
    target = PurePosixPath(mount.target)
    if target.parts[:2] != ("/", "work") or ".." in target.parts or len(target.parts) < 3:
        raise RunError(
            f"without a container, {mount.target} cannot be shown to the run",
            hint="use a container: --engine docker",
        )
    link = work.joinpath(*target.parts[2:])
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(mount.source.resolve())


def _variables(built: Built, order: RunOrder, more: dict[str, str]) -> dict[str, str]:
    names = (
        *_KEPT,
        *(_KEPT_WITH_GPU if order.gpu else ()),
        *(_KEPT_WITH_NETWORK if order.network else ()),
    )
    kept = {name: os.environ[name] for name in names if name in os.environ}
    own = (more.get("PATH", ""), str(built.python.parent), kept.get("PATH", os.defpath))
    path = os.pathsep.join(filter(None, own))
    chosen = {"CUDA_VISIBLE_DEVICES": ",".join(order.gpu_ids)} if order.gpu_ids else {}
    hidden = chosen if order.gpu else {"CUDA_VISIBLE_DEVICES": ""}
    prefix = {"CONDA_PREFIX": str(built.python.parent.parent)}
    own_prefix = prefix if "CONDA_PREFIX" in built.variables else {}
    return {**kept, **hidden, **built.variables, **own_prefix, **more, "PATH": path}


def _sweep(home: str) -> None:
    """Kill what a killed runner left running, and wait until it is gone."""
    deadline = time.monotonic() + _SWEEP_S
    while (left := _at_home(home)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(OSError):  # it has ended
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_S)


def _at_home(home: str) -> list[int]:
    """The processes whose home is the scratch directory."""
    mark, found = b"HOME=" + os.fsencode(home), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or it is somebody else's
            if mark in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found
