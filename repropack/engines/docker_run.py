"""One run in a Docker container, from its creation to its removal.

Owns: the hardened container, copying out what it wrote, and saying how it ended. A container
never outlives its run: it is removed with its volumes even when its start failed half-way.
Does not own: following it (`docker_follow`), or the experiment's own timeout, log and record,
which are the business of the runner inside the image.
"""

from __future__ import annotations

import re
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repropack.engines.archive import Unpacked, unpack
from repropack.engines.docker_client import translated
from repropack.engines.docker_follow import Ending, How, follow
from repropack.engines.docker_orphans import labels
from repropack.engines.model import OUTER_GRACE_S, Progress, RunOrder, RunResult, RunStatus
from repropack.engines.run_files import (
    RECORD,
    EngineRecord,
    number_of_runs,
    unpublished,
    write_engine_record,
)
from repropack.errors import RunError

if TYPE_CHECKING:
    from docker import APIClient

_RUNNER = ("/opt/env/bin/python", "/repropack/judge.pyz", "run")
_REMOVAL_ATTEMPTS = 3
_REMOVAL_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may use of the machine; `None` is no limit."""

    memory_bytes: int | None = None


def run_container(
    client: APIClient,
    order: RunOrder,
    limits: Limits,
    progress: Progress,
    stop: threading.Event | None = None,
) -> RunResult:
    """Do one run; `RunError` if it could not be started, `OSError` if the disk refuses."""
    limit_s = None if order.timeout_s is None else order.timeout_s + OUTER_GRACE_S
    with unpublished(order.directory) as part:
        with _container(client, order, limits) as container:
            ending = follow(client, container.name, limit_s, progress, stop)
            state = _state(client, container.name)
            out = _copy_out(client, container.name, part) if state else None
        has_record = (part / RECORD).is_file()
        record = _record(ending, state, out, has_record=has_record, left=container.left_behind)
        write_engine_record(part, record)
    return RunResult(
        status=RunStatus(record.status), reason=record.reason, directory=order.directory
    )


@dataclass(slots=True, kw_only=True)
class _Container:
    """A container by name. `left_behind` says so if it could not be removed."""

    name: str
    left_behind: str = ""


@contextmanager
def _container(client: APIClient, order: RunOrder, limits: Limits) -> Iterator[_Container]:
    """Create the container; remove it and its volumes whatever happens, even half-created."""
    # The name is known before the engine is asked, so that a creation cut off by Ctrl-C is found.
    container = _Container(name=container_name(order))
    error: RunError | None = None
    try:
        _create(client, container.name, order, limits)
        yield container
    except RunError as caught:
        error = caught
    finally:
        container.left_behind = remove(client, container.name)
    if error is not None:
        left = f"; {container.left_behind}" if container.left_behind else ""
        raise RunError(error.what + left, hint=error.hint) from error


def _create(client: APIClient, name: str, order: RunOrder, limits: Limits) -> None:
    with translated(RunError, "the run's container could not be created", hint=_NO_IMAGE):
        client.create_container(
            image=order.image.id,
            name=name,
            command=_command(order),
            entrypoint=[],
            user="1000:1000",
            working_dir="/work",
            volumes=["/work", "/out"],
            labels=labels(),
            stop_signal="SIGTERM",
            host_config=_host_config(client, order, limits),
            use_config_proxy=order.network,
        )


_NO_IMAGE = "build the image again: repropack build"


def container_name(order: RunOrder) -> str:
    """Return a name that says whose run it is and that no other run has."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{order.name}-{order.run_id}")[:80]
    return f"{readable.strip('-._') or 'repropack'}-{secrets.token_hex(4)}"


def _command(order: RunOrder) -> list[str]:
    facts = [word for name, value in order.facts for word in ("--fact", f"{name}={value}")]
    return [*_RUNNER, order.run_id, "--out", "/out", *number_of_runs(order), *facts]


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
        pids_limit=4096,
        init=True,
        shm_size="1g",
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
    """Remove the container and its volumes; a second Ctrl-C does not keep it from that.

    Gives what to do by hand if the engine does not let it.
    """
    interrupted: KeyboardInterrupt | None = None
    problem = ""
    for _ in range(_REMOVAL_ATTEMPTS):
        try:
            problem = _remove_once(client, name)
            if not problem:
                break
            time.sleep(_REMOVAL_PAUSE_S)
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted
    return problem


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


def _state(client: APIClient, name: str) -> dict[str, Any]:
    """Return the container's end state; empty when the engine cannot tell any more."""
    try:
        with translated(RunError, "the container's state"):
            return dict(client.inspect_container(name)["State"])
    except RunError:
        return {}


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
        (target / RECORD).unlink(missing_ok=True)
        return None


def _record(
    ending: Ending,
    state: dict[str, Any],
    out: Unpacked | None,
    *,
    has_record: bool,
    left: str,
) -> EngineRecord:
    oom_killed = bool(state["OOMKilled"]) if "OOMKilled" in state else None
    exit_code = state.get("ExitCode")
    status, reason = _judge(ending, oom_killed, exit_code, has_record=has_record and bool(out))
    return EngineRecord(
        engine="docker",
        status=status,
        reason="; ".join(part for part in (reason, left) if part),
        seconds=ending.seconds,
        exit_code=exit_code,
        oom_killed=oom_killed,
        peak_memory_bytes=ending.peak_memory_bytes,
        skipped=out.skipped if out else (),
    )


def _judge(
    ending: Ending, oom_killed: bool | None, exit_code: int | None, *, has_record: bool
) -> tuple[RunStatus, str]:
    """Say how the run ended, and why it was not simply completed."""
    if ending.how is How.INTERRUPTED:
        return RunStatus.INTERRUPTED, "stopped by the user"
    overdue = "the runner did not end within its timeout and was stopped"
    if has_record:
        reasons = [overdue] if ending.how is How.OVERDUE else []
        if oom_killed:
            reasons.append("a process of the run was killed because memory ran out")
        return RunStatus.COMPLETED, "; ".join(reasons)
    if ending.detail or exit_code is None:
        detail = ending.detail or "the Docker daemon stopped answering"
        return RunStatus.LOST, f"the container was lost: {detail}"
    if oom_killed:
        return RunStatus.LOST, "the container was killed because memory ran out"
    if ending.how is How.OVERDUE:
        return RunStatus.LOST, overdue
    if exit_code == 137:
        return RunStatus.LOST, "the container was killed from outside (exit code 137)"
    said = f": {ending.tail[-1]}" if ending.tail else ""
    return RunStatus.LOST, f"the runner ended with exit code {exit_code} and no record{said}"
