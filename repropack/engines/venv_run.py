"""One run without a container: the same runner, in a scratch copy of the source.

Owns: the scratch directory, the variables, and ending the runner. Does not own: the environment
(`venv_build`), or the experiment's timeout, log and record (the runner's business).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from repropack.engines.build_log import one_line
from repropack.engines.model import (
    OUTER_GRACE_S,
    STOP_GRACE_S,
    Mount,
    Progress,
    RunOrder,
    RunResult,
    RunStatus,
)
from repropack.engines.run_files import (
    RECORD,
    EngineRecord,
    number_of_runs,
    unpublished,
    write_engine_record,
)
from repropack.engines.venv_build import LOCAL, Built
from repropack.engines.venv_local import install_local
from repropack.errors import RunError

_TICK_S = 1.0
_SWEEP_S = 5.0
_POLL_S = 0.005
_CHUNK_BYTES = 1 << 16
# What a run keeps of the caller's environment. The rest could change its result unseen.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "USER", "LOGNAME")
_KEPT_WITH_GPU = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
_KEPT_WITH_NETWORK = tuple(
    name
    for low in ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "requests_ca_bundle")
    for name in (low, low.upper())
)


def run_here(
    built: Built, order: RunOrder, progress: Progress, stop: threading.Event | None = None
) -> RunResult:
    """Do one run; `RunError` if it cannot be started, `OSError` if the disk refuses."""
    began = time.monotonic()
    with unpublished(order.directory) as part:
        with _scratch(built, order) as scratch:
            more = install_local(built.directory / LOCAL, scratch, built.python)
            variables = _variables(built, order, more)
            runner = _Runner(_command(built, order, part), scratch, variables, order)
            status, reason = runner.follow(progress, stop)
        if status is RunStatus.COMPLETED and not (part / RECORD).is_file():
            status = RunStatus.LOST
            reason = reason or f"the runner ended with exit code {runner.code} and no record"
        seconds = round(time.monotonic() - began, 3)
        record = EngineRecord(
            engine="venv", status=status, reason=reason, seconds=seconds, exit_code=runner.code
        )
        write_engine_record(part, record)
    return RunResult(status=status, reason=reason, directory=order.directory)


def _command(built: Built, order: RunOrder, out: Path) -> list[str]:
    given = {"engine": "venv", "image_id": built.image.id, "gpu": "none", **dict(order.facts)}
    facts = [word for item in sorted(given.items()) for word in ("--fact", "=".join(item))]
    runner = [str(built.python), str(built.directory / "judge.pyz"), "run", order.run_id]
    return [*runner, "--out", str(out.resolve()), *number_of_runs(order), *facts]


@contextmanager
def _scratch(built: Built, order: RunOrder) -> Iterator[Path]:
    """Give a directory with a copy of the source in `work`, and remove it afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="repropack-run-"))
    try:
        shutil.copytree(built.directory / "source", scratch / "work", symlinks=True)
        (scratch / "tmp").mkdir()
        for mount in order.mounts:
            _show(mount, scratch / "work")
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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


class _Runner:
    """The runner's process, followed like a container: output, outer timeout, Ctrl-C."""

    def __init__(
        self, command: list[str], scratch: Path, variables: dict[str, str], order: RunOrder
    ) -> None:
        self._limit_s = None if order.timeout_s is None else order.timeout_s + OUTER_GRACE_S
        self._began = time.monotonic()
        self._rest = b""
        self._home = str(scratch / "tmp")
        try:
            # A session of its own: Ctrl-C reaches the runner once, from here.
            self._process = subprocess.Popen(
                command,
                cwd=scratch / "work",
                env={**variables, "HOME": self._home, "TMPDIR": self._home},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise RunError(f"the run could not be started: {error}") from error
        assert self._process.stdout is not None  # it was asked for
        self._output = self._process.stdout

    @property
    def code(self) -> int | None:
        """The runner's exit code, 128 and the signal's number if one ended it."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def follow(
        self, progress: Progress, stop: threading.Event | None = None
    ) -> tuple[RunStatus, str]:
        """Follow the runner to its end; say how it ended, and why it was stopped."""
        try:
            if self._until_end(progress, stop or threading.Event()):
                return RunStatus.COMPLETED, ""
            self._stop()
            return RunStatus.COMPLETED, "the runner did not end within its timeout and was stopped"
        except KeyboardInterrupt:
            progress("stopping the run")
            self._stop()
            return RunStatus.INTERRUPTED, "stopped by the user"
        finally:
            self._kill()
            _sweep(self._home)

    def _until_end(self, progress: Progress, stop: threading.Event) -> bool:
        """Show the output until it ends; False when the time is over before that.

        `KeyboardInterrupt` when somebody stops it, from this thread or another.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                ended = self._process.poll() is not None
                if selector.select(0 if ended else _TICK_S):
                    if not self._read(progress):
                        break
                elif ended:
                    break  # something that it left behind holds the pipe open
                if self._is_overdue():
                    return False
                if stop.is_set():
                    raise KeyboardInterrupt
        while self._process.poll() is None:
            if self._is_overdue():
                return False
            time.sleep(_POLL_S)
        return True

    def _is_overdue(self) -> bool:
        return self._limit_s is not None and time.monotonic() - self._began > self._limit_s

    def _read(self, progress: Progress) -> bool:
        chunk = os.read(self._output.fileno(), _CHUNK_BYTES)
        *lines, self._rest = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if text := one_line(line.decode("utf-8", "replace")):
                progress(text)
        return bool(chunk)

    def _stop(self) -> None:
        """Ask the runner to end the experiment and to write its record; then insist."""
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_GRACE_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            return

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()


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
