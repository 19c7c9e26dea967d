"""One run in an unpacked image, in a container that needs no daemon and no rights.

Owns: the scratch directory, what is bound where, and what is kept of what a run wrote. Does not
own: the runtime's command line (`runtimes`), the process (`process`).
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from repropack.engines.container import runner_command, with_facts
from repropack.engines.model import Ended, Mount, Progress, RunOrder, RunResult
from repropack.engines.process import Runner
from repropack.engines.run_files import conclude, unpublished
from repropack.engines.runtimes import Bind, Box, Runtime
from repropack.errors import RunError
from repropack.marks import scratch


def run_unpacked(
    runtime: Runtime,
    version: str,
    root: Path,
    variables: dict[str, str],
    order: RunOrder,
    progress: Progress,
    stop: threading.Event | None,
    ended: Ended | None = None,
) -> RunResult:
    """Do one run in the image at `root`; `RunError` if it cannot be started, and `OSError`."""
    began = time.monotonic()
    order = with_facts(order, f"{runtime.name} {version}")
    with unpublished(order.directory) as part, _scratch(root) as room:
        for name in ("out", "tmp", "nothing"):
            (room / name).mkdir()
        chosen = {"CUDA_VISIBLE_DEVICES": ",".join(order.gpu_ids)} if order.gpu_ids else {}
        box = Box(
            root=root,
            scratch=room / "tmp",
            nothing=room / "nothing",
            binds=(
                Bind(source=room / "work", target="/work"),
                Bind(source=room / "out", target="/out"),
                *(_shown(mount, room / "work") for mount in order.mounts),
            ),
            variables=tuple(sorted({**variables, **chosen}.items())),
            command=tuple(runner_command(order)),
            network=order.network,
            gpu=order.gpu,
        )
        runner = _started(runtime, box, order)
        found = runner.follow(progress, stop)
        if ended is not None:
            ended()
        keep_plain(room / "out")
        shutil.copytree(room / "out", part, dirs_exist_ok=True)
        seconds = time.monotonic() - began
        status, reason = conclude(part, runtime.name, found, runner.code, seconds, runner.last_line)
    return RunResult(status=status, reason=reason, directory=order.directory)


def _started(runtime: Runtime, box: Box, order: RunOrder) -> Runner:
    try:
        command = runtime.command(box)
    except ValueError as error:
        raise RunError(str(error), hint="link to it by a plainer name") from error
    return Runner(
        command,
        directory=Path("/"),
        variables=runtime.variables(box),
        timeout_s=order.timeout_s,
        sweep=_nothing_left,
        ask_to_end=runtime.ask_to_end,
    )


def _nothing_left() -> None:
    """Processes of the container end with it: they have a namespace of their own."""


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """Give a directory with a copy of the image's `/work`, and remove it afterwards."""
    with scratch(Path(tempfile.gettempdir()), "repropack-run-") as directory:
        shutil.copytree(root / "work", directory / "work", symlinks=True)
        yield directory


def _shown(mount: Mount, work: Path) -> Bind:
    """What a run sees of this machine; a runtime without rights makes no place for it itself."""
    target = PurePosixPath(mount.target)
    if target.parts[:2] != ("/", "work") or ".." in target.parts or len(target.parts) < 3:
        raise RunError(f"{mount.target} cannot be shown to the run", hint="--engine docker can")
    place = work
    for name in target.parts[2:]:
        place = place / name
        if place.is_symlink():  # a link of the source would lead somewhere else
            place.unlink()
        if name is target.parts[-1] and not mount.source.is_dir():
            place.touch()
        else:
            place.mkdir(exist_ok=True)
    return Bind(source=mount.source.resolve(), target=mount.target, read_only=True)


def keep_plain(directory: Path) -> None:
    """Remove links and devices, and bits that lend rights: an experiment chose what is there."""
    for path in sorted(directory.rglob("*"), reverse=True):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            path.chmod(0o755)
        elif stat.S_ISREG(mode):
            path.chmod(0o755 if mode & 0o100 else 0o644)
        else:
            path.unlink()
