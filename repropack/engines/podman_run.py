"""One run in a Podman container, from its creation to its removal.

Owns: the hardened container, copying out what it wrote, and removing it. Does not own: the order of
the steps (`one_run`), following it (`podman_follow`), or the experiment's own timeout, log and
record (the runner inside the image).
"""

from __future__ import annotations

import json
import tarfile
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

from repropack.engines.archive import Unpacked, unpack
from repropack.engines.cdi import ALL, KIND, described, device_of
from repropack.engines.container import (
    MAX_PROCESSES,
    SHARED_MEMORY,
    USER,
    Limits,
    insist,
    runner_command,
)
from repropack.engines.ending import State
from repropack.engines.gpu import find_gpus
from repropack.engines.model import Ended, Progress, RunOrder, RunResult
from repropack.engines.one_run import Steps, do_run
from repropack.engines.owners import AGAIN, IN_USE, OWNER, is_orphan, labels
from repropack.engines.podman_cli import Podman
from repropack.engines.podman_follow import follow
from repropack.errors import NoEngineError, RunError


def run_container(
    podman: Podman,
    order: RunOrder,
    limits: Limits,
    progress: Progress,
    stop: threading.Event | None = None,
    ended: Ended | None = None,
) -> RunResult:
    """Do one run; `RunError` if it could not be started, or the disk refuses its results."""
    asked = stop or threading.Event()
    steps = Steps(
        engine="podman",
        create=lambda name: _create(podman, name, order, limits),
        follow=lambda name, limit_s: follow(podman, name, limit_s, progress, asked),
        state=partial(_state, podman),
        copy_out=lambda name, target: copy_out(podman, name, "/out", target),
        remove=partial(remove, podman),
    )
    return do_run(order, steps, ended)


def _create(podman: Podman, name: str, order: RunOrder, limits: Limits) -> None:
    podman.ask(
        *("create", "--name", name, "--pull", "never", *owned(), "--log-driver", "none"),
        *("--user", USER, "--workdir", "/work", "--volume", "/work", "--volume", "/out"),
        *("--read-only", "--tmpfs", "/tmp:exec", "--init", "--stop-signal", "SIGTERM"),
        *("--pids-limit", str(MAX_PROCESSES), "--shm-size", SHARED_MEMORY, *hardened()),
        *([f"--http-proxy={str(order.network).lower()}"]),
        *([] if order.network else ["--network", "none"]),
        *_memory(limits),
        *_gpus(order),
        *_mounts(order),
        *("--entrypoint", "", order.image.id, *runner_command(order)),
        kind=RunError,
        doing="the run's container could not be created",
        hint="build the image again: repropack build",
    )


def owned() -> tuple[str, ...]:
    """The options that say whose a container is."""
    return tuple(word for pair in labels().items() for word in ("--label", "=".join(pair)))


def hardened() -> tuple[str, ...]:
    """The options that take from a container what no experiment needs."""
    return ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def _memory(limits: Limits) -> list[str]:
    if limits.memory_bytes is None:
        return []
    return ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]


def _gpus(order: RunOrder) -> list[str]:
    """By CDI: the names are those that `nvidia-ctk cdi generate` gives."""
    if not order.gpu:
        return []
    names = [f"{KIND}={ALL}"]
    if order.gpu_ids:
        there, gpus = described(), find_gpus()
        names = [device_of(gpu, there, gpus) for gpu in order.gpu_ids]
    return [*(w for name in names for w in ("--device", name)), "--security-opt", "label=disable"]


def _mounts(order: RunOrder) -> list[str]:
    """Read-only; SELinux would need labels on the data of the host, which are not ours to set."""
    if not order.mounts:
        return []
    mounts = [
        f"type=bind,readonly,source={mount.source.resolve()},target={mount.target}"
        for mount in order.mounts
    ]
    return [*(w for mount in mounts for w in ("--mount", mount)), "--security-opt", "label=disable"]


def _state(podman: Podman, name: str) -> State | None:
    """Return the container's end state, `None` when podman cannot tell any more."""
    try:
        text = podman.ask(
            *("container", "inspect", "--format", "{{json .State}}", name),
            kind=RunError,
            doing="the container's state",
        )
        found = json.loads(text)
    except (RunError, ValueError):
        return None
    return State(exit_code=found.get("ExitCode"), oom_killed=found.get("OOMKilled"))


def copy_out(podman: Podman, name: str, path: str, target: Path) -> Unpacked | None:
    """Copy a directory of a container to `target`; `None` if there is no more than a part of it."""
    try:
        return unpack(podman.archive(name, path), target)
    except tarfile.TarError:
        return None


def remove(podman: Podman, name: str) -> str:
    """Remove the container and its volumes, however often Ctrl-C is pressed meanwhile.

    Gives what to do by hand if podman does not let it.
    """
    return insist(partial(_remove_once, podman, name))


def _remove_once(podman: Podman, name: str) -> str:
    words = ("rm", "--force", "--volumes", "--ignore", "--time", "0", name)
    try:
        podman.ask(*words, kind=RunError, doing="removing")
    except RunError:
        return f"its container may be left behind: podman {' '.join(words)}"
    return ""


def sweep(podman: Podman) -> None:
    """Remove the containers and images that killed processes left. What cannot be removed stays."""
    with suppress(RunError, ValueError, KeyError, AttributeError):
        words = ("ps", "--all", "--format", "json", "--filter", f"label={OWNER}")
        for found in podman.ask_json(*words, kind=RunError, doing="podman") or ():
            if is_orphan((found.get("Labels") or {}).get(OWNER, "")):
                remove(podman, found["Id"])
    with suppress(RunError, ValueError, KeyError, AttributeError):
        for found in podman.ask_json("images", "--format", "json", kind=RunError, doing="podman"):
            kinds = tuple(f"localhost/{kind}:" for kind in (AGAIN, IN_USE))
            names = (name for name in found.get("Names") or () if name.startswith(kinds))
            for name in filter(is_orphan, names):
                podman.ask("rmi", name, kind=RunError, doing="podman")


def remove_replaced(podman: Podman, image_id: str) -> None:
    """Remove an image whose tag another one got, unless it has another name or is needed."""
    with suppress(RunError, NoEngineError):
        found = podman.inspect(image_id)
        if found is not None and not found.get("RepoTags"):
            podman.ask("rmi", image_id, kind=RunError, doing="podman")
