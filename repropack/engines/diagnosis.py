"""Known messages of container engines: what each means in plain words, and what to do about it.

Owns: the table of messages. Does not own: raising errors (`docker_client`, `docker_run`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What an engine's message means (`what`), and the next thing to do (`hint`, may be "")."""

    what: str
    hint: str


_TOOLKIT = (
    "install the NVIDIA container toolkit, then: "
    "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
)
_DRIVER = "install the NVIDIA driver on this machine, or update it; `nvidia-smi` must work first"
_CDI_SPEC = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
_CDI_SWITCH = 'set {"features": {"cdi": true}} in /etc/docker/daemon.json and restart docker'
_SPACE = "free some disk space: docker system df, then docker system prune"
_START = "start it: sudo systemctl start docker"
_PODMAN_SPACE = "free some disk space: podman system df, then podman system prune"
_PODMAN_START = (
    "podman needs no service: unset CONTAINER_HOST, or see that `podman info` works for you"
)

# (part of the engine's message, meaning, what to do); the first that matches wins.
_Rows = tuple[tuple[str, str, str], ...]
_KNOWN: _Rows = (
    (
        'could not select device driver "cdi"',
        "the engine has no CDI support, so it cannot hand over the GPU",
        _CDI_SWITCH,
    ),
    (
        "could not select device driver",
        "the engine cannot hand over a GPU: the NVIDIA container toolkit is missing",
        _TOOLKIT,
    ),
    (
        "unknown or invalid runtime name: nvidia",
        "the engine does not know the nvidia runtime",
        _TOOLKIT,
    ),
    ("unresolvable CDI devices", "there is no CDI description of this machine's GPU", _CDI_SPEC),
    ("setting up CDI devices", "there is no CDI description of this machine's GPU", _CDI_SPEC),
    ("CDI device injection failed", "the CDI description of the GPU is out of date", _CDI_SPEC),
    ("load library failed: libnvidia-ml.so", "this machine has no NVIDIA driver", _DRIVER),
    (
        "nvidia-container-cli: requirement error",
        "the NVIDIA driver is older than the image's CUDA needs",
        "update the NVIDIA driver; `nvidia-smi` shows the newest CUDA that it supports",
    ),
    (
        "nvidia-container-cli: initialization error",
        "the NVIDIA container toolkit cannot reach the driver",
        _DRIVER,
    ),
    (
        "Failed to initialize NVML: Unknown Error",
        "the container lost its GPU: the host's systemd was reloaded since it started",
        "run it again; " + _CDI_SPEC + " keeps it from happening",
    ),
    (
        "CUDA driver version is insufficient",
        "no GPU was handed over, or the NVIDIA driver is older than the environment's CUDA",
        _DRIVER,
    ),
    (
        "Failed to initialize NVML: Insufficient Permissions",
        "SELinux keeps the container from the GPU",
        "sudo setsebool -P container_use_devices on",
    ),
    (
        "error setting rlimit",
        "podman may not set the limits that it is told to set",
        'write default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"] below [containers] in '
        "~/.config/containers/containers.conf",
    ),
)
# What only Docker says, or only Podman.
_DOCKER: _Rows = (
    ("no space left on device", "the disk is full", _SPACE),
    ("disk quota exceeded", "the disk quota is used up", _SPACE),
    (
        "permission denied while trying to connect",
        "this user may not talk to the Docker daemon",
        "sudo usermod -aG docker $USER, then log in again",
    ),
    ("Cannot connect to the Docker daemon", "the Docker daemon does not answer", _START),
    ("Connection refused", "the Docker daemon does not answer", _START),
    ("Connection aborted", "the Docker daemon stopped answering", _START),
    ("Connection reset", "the Docker daemon stopped answering", _START),
    ("Remote end closed connection", "the Docker daemon stopped answering", _START),
    ("IncompleteRead", "the Docker daemon stopped answering", _START),
    ("Read timed out", "the Docker daemon did not answer in time", _START),
)
_NO_IDS = (
    "this account has no range of user ids for its containers, and files of the image have some"
)
_GIVE_IDS = (
    "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER, then: "
    "podman system migrate"
)
_PODMAN: _Rows = (
    ("insufficient UIDs or GIDs available", _NO_IDS, _GIVE_IDS),  # load, pull
    ("error setting ownership of", _NO_IDS, _GIVE_IDS),  # build
    ("no space left on device", "the disk is full", _PODMAN_SPACE),
    ("disk quota exceeded", "the disk quota is used up", _PODMAN_SPACE),
    ("Cannot connect to Podman", "the Podman service does not answer", _PODMAN_START),
    ("unable to connect to Podman", "the Podman service does not answer", _PODMAN_START),
)


def explain(message: str, *, engine: str = "docker") -> Diagnosis:
    """Return what `message` of an engine means; an unknown one is returned as it is."""
    lowered = message.lower()
    for part, what, hint in (*_KNOWN, *(_PODMAN if engine == "podman" else _DOCKER)):
        if part.lower() in lowered:
            return Diagnosis(what=what, hint=hint)
    return Diagnosis(what=message.strip(), hint="")
