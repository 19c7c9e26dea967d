"""A script, or one file, of a Podman container: files in, no network, files out."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from repropack.engines.archive import first_file, pack, tree
from repropack.engines.build_log import lines_of, one_line
from repropack.engines.container import MAX_PROCESSES, USER, container_name
from repropack.engines.model import Progress, WorkOrder, WorkResult
from repropack.engines.podman_cli import Podman
from repropack.engines.podman_run import copy_out, hardened, owned, remove
from repropack.errors import BuildError

_OWNER = int(USER.partition(":")[0])


def work_in_container(podman: Podman, order: WorkOrder, progress: Progress) -> WorkResult:
    """Do the work. Raises `BuildError` if podman fails; how the script ends is a value."""
    assert order.image is not None, "a container is of an image"
    doing = f"{order.name}: podman failed"
    with _container(podman, order, doing) as name:
        chunks = pack(order.directory, tree(order.directory), owner=_OWNER)
        podman.feed(
            "cp", "-", f"{name}:/", chunks=chunks, kind=BuildError, doing=doing
        )  # the files are its user's
        code = _follow(podman, name, order, progress)
        if copy_out(podman, name, f"/{order.out}", order.result) is None:
            raise BuildError(f"{doing}: what it made was not brought back", log=order.log)
    return WorkResult(exit_code=code, isolated=True)


@contextmanager
def _container(podman: Podman, order: WorkOrder, doing: str) -> Iterator[str]:
    name = container_name(f"repropack-{order.name}")
    try:
        podman.ask(
            *("create", "--name", name, "--pull", "never", *owned(), *hardened()),
            *("--network", "none", "--http-proxy=false", "--init", "--user", USER),
            *("--pids-limit", str(MAX_PROCESSES), "--log-driver", "none"),
            *("--env", "HOME=/tmp", "--env", "PATH=/usr/local/bin:/usr/bin:/bin"),
            *("--entrypoint", "", order.image.id if order.image else ""),
            *(order.python, f"/{order.script}", "/"),
            kind=BuildError,
            doing=doing,
        )
        yield name
    finally:
        remove(podman, name)


def _follow(podman: Podman, name: str, order: WorkOrder, progress: Progress) -> int:
    order.log.parent.mkdir(parents=True, exist_ok=True)
    with (
        order.log.open("ab") as log,
        podman.started("start", "--attach", name, said=subprocess.STDOUT) as process,
    ):
        assert process.stdout is not None  # it was asked for

        def written() -> Iterator[bytes]:
            assert process.stdout is not None
            while line := process.stdout.readline(1 << 16):
                log.write(line)
                yield line

        for line in lines_of(written()):
            progress(one_line(f"{order.name}: {line}"))
        return process.wait()


def read_file(podman: Podman, image_id: str, path: str) -> bytes | None:
    """The content of a regular file of an image; `None` if it has none of that name."""
    name = f"repropack-read-{secrets.token_hex(6)}"
    ask = partial(podman.ask, kind=BuildError, doing=f"{path} could not be read from the base")
    try:
        ask("create", "--name", name, "--pull", "never", *owned(), image_id, "true")
        return first_file(podman.archive(name, f"/{path}"))
    finally:
        remove(podman, name)
