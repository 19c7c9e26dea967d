"""What nvidia-smi and NVML say, as values; a GPU's compute capability by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.cuda import HostGpu, capability_of, from_nvml, parse_nvidia_smi

GIB = 1 << 30
UUID = "GPU-5c89a3f1-0000-0000-0000-000000000000"


def test_nvidia_smi() -> None:
    """One line is one GPU, with its memory in bytes."""
    output = (
        f"0, {UUID}, NVIDIA GeForce RTX 3090, 535.104.05, 24576, 8.6\n"
        f"1, {UUID}, NVIDIA A100-SXM4-80GB, 535.104.05, 81920, 8.0\n"
    )
    first, second = parse_nvidia_smi(output)
    assert first == HostGpu(
        index=0,
        uuid=UUID,
        name="NVIDIA GeForce RTX 3090",
        driver_version="535.104.05",
        memory_bytes=24 * GIB,
        compute_capability="8.6",
    )
    assert (second.index, second.memory_bytes) == (1, 80 * GIB)


@pytest.mark.parametrize(
    ("line", "capability", "memory_bytes"),
    [
        (f"0, {UUID}, Tesla V100-SXM2-16GB, 440.33, 16160", "7.0", 16160 << 20),
        (f"0, {UUID}, Tesla K80, 470.82.01, 11441, [N/A]", "3.7", 11441 << 20),
        (f"0, {UUID}, NVIDIA H100 PCIe, 535.1.2, [N/A], 9.0", "9.0", None),
        (f"0, {UUID}, NVIDIA H100 PCIe, 535.1.2, 81559 MiB, 9.0", "9.0", 81559 << 20),
        (f"0, {UUID}, Something New, 700.1.2, 100, [Not Supported]", None, 100 << 20),
        (f"0, {UUID}, Something, new, 700.1.2, 100, 15.0", "15.0", 100 << 20),
    ],
)
def test_nvidia_smi_that_does_not_know(
    line: str, capability: str | None, memory_bytes: int | None
) -> None:
    """A column that an old driver lacks or does not know is not made up."""
    (gpu,) = parse_nvidia_smi(line)
    assert (gpu.compute_capability, gpu.memory_bytes) == (capability, memory_bytes)
    assert gpu.driver_version


def test_nvidia_smi_that_failed() -> None:
    """An error message is no GPU."""
    assert (
        parse_nvidia_smi("NVIDIA-SMI has failed because it couldn't communicate, with, a, b") == ()
    )
    assert parse_nvidia_smi("") == ()


def test_a_mig_slice() -> None:
    """A slice is told by its id or its name, and has its parent's compute capability."""
    (gpu,) = parse_nvidia_smi("0, MIG-1f2e, NVIDIA A100-SXM4-40GB MIG 1g.5gb, 535.1.2, 4864, 8.0")
    assert (gpu.mig, gpu.compute_capability) == (True, "8.0")


def test_nvml() -> None:
    """NVML's values, in bytes as older bindings give them."""
    gpu = from_nvml(
        index=0,
        uuid=UUID.encode(),
        name=b"NVIDIA H200",
        driver_version=b"580.65.06",
        memory_bytes=143771 << 20,
        compute_capability=(9, 0),
    )
    assert (gpu.name, gpu.compute_capability, gpu.driver_version) == (
        "NVIDIA H200",
        "9.0",
        "580.65.06",
    )
    older = from_nvml(index=0, uuid="", name="NVIDIA GeForce RTX 4090", driver_version="")
    assert older.compute_capability == "8.9"


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("NVIDIA A100-SXM4-80GB", "8.0"),
        ("NVIDIA A100 80GB PCIe", "8.0"),
        ("NVIDIA A10", "8.6"),
        ("NVIDIA A10G", "8.6"),
        ("Tesla T4", "7.5"),
        ("Tesla V100S-PCIE-32GB", "7.0"),
        ("NVIDIA L4", "8.9"),
        ("NVIDIA L40S", "8.9"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("NVIDIA GH200 480GB", "9.0"),
        ("NVIDIA B200", "10.0"),
        ("NVIDIA GeForce GTX TITAN X", "5.2"),
        ("NVIDIA TITAN X (Pascal)", "6.1"),
        ("NVIDIA TITAN RTX", "7.5"),
        ("Quadro RTX 6000", "7.5"),
        ("NVIDIA RTX 6000 Ada Generation", "8.9"),
        ("NVIDIA RTX A6000", "8.6"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "12.0"),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "8.6"),
        ("GeForce GTX 1080 Ti", "6.1"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "8.9"),
        ("NVIDIA GB10", "12.1"),
        ("NVIDIA A1000000", None),
        ("Radeon RX 7900", None),
        ("", None),
    ],
)
def test_capability_by_name(name: str, capability: str | None) -> None:
    """The longest known name decides, whole words only; an unknown GPU stays unknown."""
    assert capability_of(name) == capability


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    """Nothing that a program prints makes the parser fail."""
    for gpu in parse_nvidia_smi(f"0, x, {text}, 1.2, 3, 4.5\n{text}"):
        assert gpu.name is not None
