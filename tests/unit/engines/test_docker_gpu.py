"""How a daemon hands over a GPU, from recorded answers, and what doctor says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repropack.cuda import HostGpu
from repropack.doctor import gpu
from repropack.engines import EngineFacts, host_of
from repropack.engines.diagnosis import explain
from repropack.engines.docker_gpu import handover

A100 = HostGpu(name="NVIDIA A100-SXM4-40GB", compute_capability="8.0", driver_version="580.65.06")
RUNC: dict[str, Any] = {"Runtimes": {"runc": {"path": "runc"}, "io.containerd.runc.v2": {}}}
OLD = {**RUNC, "ServerVersion": "20.10.24"}
HOOK = {**OLD, "Runtimes": {**RUNC["Runtimes"], "nvidia": {"path": "nvidia-container-runtime"}}}
NEW = {**RUNC, "ServerVersion": "29.2.0", "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"]}
FOUND = {**NEW, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]}
OTHER = {**NEW, "DiscoveredDevices": [{"Source": "cdi", "ID": "vendor.example/nic=0"}]}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(directory: Path, name: str) -> None:
    """A program of the NVIDIA container toolkit."""
    (directory / name).write_text("#!/bin/sh\n")
    (directory / name).chmod(0o755)


def said(info: dict[str, Any], specs: tuple[Path, ...] = ()) -> tuple[bool, str, str]:
    """What doctor says of a daemon on a machine with a GPU: well or not, what, fix."""
    way, devices = handover(info, directories=specs)
    facts = EngineFacts(
        name="docker", version="1", gpus=(A100,), gpu_runtime=way, cdi_devices=devices
    )
    assert host_of(facts).cdi_devices == devices
    check = gpu(facts)
    return check.ok, check.value, check.hint or ""


@pytest.mark.parametrize("info", [OLD, NEW, OTHER])
def test_no_toolkit(info: dict[str, Any], programs: Path) -> None:
    """Without NVIDIA's toolkit the fix is to install it and to tell Docker, old or new."""
    ok, what, fix = said(info)
    assert (ok, "container toolkit is missing or not configured" in what) == (False, True)
    assert "sudo nvidia-ctk runtime configure --runtime=docker" in fix
    assert "systemctl restart docker" in fix


def test_the_runtime_is_registered(programs: Path) -> None:
    """A daemon that knows NVIDIA's runtime is well."""
    ok, what, _ = said(HOOK)
    assert (ok, what.endswith("(nvidia)")) == (True, True)


def test_cdi_without_a_description(programs: Path) -> None:
    """The toolkit is there, the daemon looks for CDI descriptions, and there is none."""
    install(programs, "nvidia-ctk")
    ok, what, fix = said(NEW)
    assert (ok, "no CDI description" in what) == (False, True)
    assert "nvidia-ctk cdi generate" in fix and "nvidia-cdi-refresh" in fix


def test_cdi_with_a_description(programs: Path, tmp_path: Path) -> None:
    """A device that the daemon has found, or a description where an older one looks, is enough."""
    assert said(FOUND)[0]
    (tmp_path / "cdi").mkdir()
    (tmp_path / "cdi" / "nvidia.yaml").write_text("cdiVersion: 0.6.0\n")
    assert said(OLD, (tmp_path / "cdi", tmp_path / "absent"))[0]


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "nvidia-ctk runtime"),
        ('could not select device driver "cdi" with capabilities: []', '"cdi": true'),
        ("unknown or invalid runtime name: nvidia", "nvidia-ctk runtime configure"),
        ("unresolvable CDI devices nvidia.com/gpu=all", "nvidia-ctk cdi generate"),
        ("setting up CDI devices: x", "nvidia-ctk cdi generate"),
        ("CDI device injection failed: x", "nvidia-ctk cdi generate"),
        (
            "nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1",
            "NVIDIA driver",
        ),
        (
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8",
            "update the NVIDIA driver",
        ),
        ("Failed to initialize NVML: Unknown Error", "run it again"),
        ("Failed to initialize NVML: Insufficient Permissions", "container_use_devices"),
        ("CUDA driver version is insufficient for CUDA runtime version", "NVIDIA driver"),
    ],
)
def test_messages_of_the_container_runtime(message: str, fix: str) -> None:
    """Each message that NVIDIA's runtime is known to give is explained, with its fix."""
    found = explain(f"Error response from daemon: {message}: unknown")
    assert fix in found.hint
    assert message not in found.what


@pytest.mark.parametrize(
    "message",
    [
        "potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for "
        "/etc/gshadow): Check /etc/subuid and /etc/subgid",
        'copier: put: error setting ownership of "/usr/sbin/unix_chkpwd" to 0:42: lchown '
        "/usr/sbin/unix_chkpwd: invalid argument",
    ],
)
def test_an_account_without_a_range_of_ids(message: str) -> None:
    """Rootless Podman without subordinate ids: the two words for it lead to one command."""
    found = explain(message, engine="podman")
    assert "no range of user ids" in found.what and "--add-subuids" in found.hint
    assert explain(message).hint == ""
