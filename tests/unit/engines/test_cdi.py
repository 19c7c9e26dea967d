"""The names of GPUs in descriptions that engines would read, and which of them a GPU has."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.cuda import HostGpu
from repropack.engines.cdi import described, device_of

NVIDIA = """
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
  - {name: "0", containerEdits: {}}
  - {name: all, containerEdits: {}}
"""
GPUS = (HostGpu(name="A", index=0, uuid="GPU-a"), HostGpu(name="B", index=1, uuid="GPU-b"))


def test_descriptions(tmp_path: Path) -> None:
    """Every GPU of NVIDIA's in YAML or JSON, and of no other file or kind."""
    (tmp_path / "any.yaml").write_text(NVIDIA)
    (tmp_path / "nvidia.json").write_text(
        '{"kind": "nvidia.com/gpu", "devices": [{"name": "GPU-a"}, 3, {"name": null}]}'
    )
    (tmp_path / "nvidia.txt").write_text(NVIDIA.replace("all", "text"))
    (tmp_path / "other.yaml").write_text(NVIDIA.replace("nvidia.com", "vendor.example"))
    found = described((tmp_path, tmp_path / "absent"))
    assert found == ("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-a", "nvidia.com/gpu=all")


@pytest.mark.parametrize("text", ["", "{", "[1]", "kind: nvidia.com/gpu", "\udc80: ["])
def test_what_is_no_description(text: str, tmp_path: Path) -> None:
    """Damaged ones name nothing, and stop nothing."""
    for end in ("json", "yaml"):
        (tmp_path / f"x.{end}").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert described((tmp_path,)) == ()


def test_name_of_a_gpu() -> None:
    """By its UUID where that is described, else by its number, and never by another's."""
    both = ("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-a", "nvidia.com/gpu=1")
    assert device_of("GPU-a", both, GPUS) == "nvidia.com/gpu=GPU-a"
    assert device_of("GPU-b", both, GPUS) == "nvidia.com/gpu=1"
    assert device_of("GPU-b", ("nvidia.com/gpu=all",), GPUS) == "nvidia.com/gpu=GPU-b"
