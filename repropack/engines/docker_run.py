"""One run in a Docker container, from its creation to its removal.

Owns: the hardened container, copying out what it wrote, and removing it. Does not own: the order of
the steps (`one_run`), following it (`docker_follow`), or the experiment's own timeout, log and
record, which are the business of the runner inside the image.
"""

from __future__ import annotations

import tarfile
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repropack.engines.archive import Unpacked, unpack
from repropack.engines.container import (
    MAX_PROCESSES,
    SHARED_MEMORY,
    USER,
    Limits,
    insist,
    runner_command,
)
from repropack.engines.docker_client import translated
from repropack.engines.docker_follow import follow
from repropack.engines.ending import State
from repropack.engines.model import Ended, Progress, RunOrder, RunResult
from repropack.engines.one_run import Steps, do_run
from repropack.engines.owners import labels
from repropack.errors import RunError

if TYPE_CHECKING:
    from docker import APIClient


def run_container(
    client: APIClient,
    order: RunOrder,
    limits: Limits,
    progress: Progress,
    stop: threading.Event | None = None,
    ended: Ended | None = None,
) -> RunResult:
    """Do one run; `RunError` if it could not be started, or the disk refuses its results."""
    steps = Steps(
        engine="docker",
        create=lambda name: _create(client, name, order, limits),
        follow=lambda name, limit_s: follow(client, name, limit_s, progress, stop),
        state=partial(_state, client),
        copy_out=partial(_copy_out, client),
        remove=partial(remove, client),
    )
    return do_run(order, steps, ended)


def _create(client: APIClient, name: str, order: RunOrder, limits: Limits) -> None:
    with translated(RunError, "the run's container could not be created", hint=_NO_IMAGE):
        client.create_container(
            image=order.image.id,
            name=name,
            command=runner_command(order),
            entrypoint=[],
            user=USER,
            working_dir="/work",
            volumes=["/work", "/out"],
            labels=labels(),
            stop_signal="SIGTERM",
            host_config=_host_config(client, order, limits),
            use_config_proxy=order.network,
        )


_NO_IMAGE = "build the image again: repropack build"


def _host_config(client: APIClient, order: RunOrder, limits: Limits) -> Any:
    from docker.types import DeviceRequest, LogConfig, Mount

    chosen = {"device_ids": list(order.gpu_ids)} if order.gpu_ids else {"count": -1}
    devices = [DeviceRequest(capabilities=[["gpu"]], **chosen)] if order.gpu else None
    return client.create_host_config(
        network_mode="bridge" if order.network else "none",
        read_only=True,
        # Compilers and JITs load what they write there, which Docker's own default forbids.
        tmpfs={"/tmp": "exec"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        pids_limit=MAX_PROCESSES,
        init=True,
        shm_size=SHARED_MEMORY,
        mem_limit=limits.memory_bytes,
        memswap_limit=limits.memory_bytes,
        device_requests=devices,
        # The runner writes the complete log; its progress lines are worth nothing afterwards.
        log_config=LogConfig(type="none"),
        mounts=[
            Mount(mount.target, str(mount.source.resolve()), type="bind", read_only=True)
            for mount in order.mounts
        ],
    )


def remove(client: APIClient, name: str) -> str:
    """Remove the container and its volumes, however often Ctrl-C is pressed meanwhile.

    Gives what to do by hand if the engine does not let it.
    """
    return insist(partial(_remove_once, client, name))


def _remove_once(client: APIClient, name: str) -> str:
    import docker.errors

    try:
        with translated(RunError, "removing"):
            client.remove_container(name, v=True, force=True)
    except RunError as error:
        cause = error.__cause__
        if isinstance(cause, docker.errors.NotFound) or "already in progress" in str(cause):
            return ""
        return f"its container may be left behind: docker rm --force --volumes {name}"
    return ""


def _state(client: APIClient, name: str) -> State | None:
    """Return the container's end state, `None` when the engine cannot tell any more."""
    try:
        with translated(RunError, "the container's state"):
            found: dict[str, Any] = client.inspect_container(name)["State"]
    except RunError:
        return None
    return State(
        exit_code=found.get("ExitCode"),
        oom_killed=bool(found["OOMKilled"]) if "OOMKilled" in found else None,
    )


def _copy_out(client: APIClient, name: str, target: Path) -> Unpacked | None:
    """Copy /out to `target`; `None` when the engine has no more than a part of it."""
    try:
        with translated(RunError, "the run's results"):
            chunks, _ = client.get_archive(name, "/out", chunk_size=1 << 20)
            try:
                return unpack(chunks, target)
            finally:
                # The daemon locks the container until all of it is read, even if the disk is
                # full: its removal would wait for ever. And the connection can be used again.
                for _ in chunks:
                    pass
    except (RunError, tarfile.TarError):
        return None
