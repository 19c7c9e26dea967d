"""Locks as a table: CUDA, cuDNN, driver, GPUs and base of each."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from repropack.cuda import CudaPlan, base_for, cuda_of
from repropack.errors import PlanError

from .locks import lock

D10, D11, D12, D13 = "440.33", "450.80.02", "525.60.13", "580.65.06"
TO_90 = "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
TO_86 = "3.7 5.0 6.0 7.0 7.5 8.0 8.6"
BLACKWELL = "7.5 8.0 8.6 9.0 10.0 12.0"
PIN_121 = "nvidia-cuda-runtime-cu12==12.1.105 nvidia-cudnn-cu12=="
PYTORCH = "https://index.example/whl/"


@dataclass(frozen=True)
class Row:
    """What a lock must come to. None: not known, and said so."""

    lock: str
    cuda: str
    cudnn: str | None = None
    driver: str | None = None
    gpus: str | None = None
    base: str = "slim"
    indexes: tuple[str, ...] = ()
    index: str | None = None
    machine: str = "x86_64"

    @property
    def plan(self) -> CudaPlan:
        """What is read from it."""
        text = lock(self.lock, indexes=self.indexes, index=self.index)
        return cuda_of(text, machine=self.machine)


def cu118(name: str) -> str:
    """The tags of CUDA 11.8 with cuDNN 8 on the Ubuntu whose Python is 3.10."""
    return f"11.8.0-cudnn8-{name}-ubuntu22.04"


ROWS = [
    # torch from the package index: the build that it has, which is not the newest one offered
    Row("torch==1.0.1.post2", "9.0", None, "384.81"),
    Row("torch==1.2.0", "10.0", None, "410.48"),
    Row("torch==1.4.0", "10.1", None, "418.39"),
    Row("torch==1.5.1", "10.2", None, D10),
    Row("torch==1.7.1", "10.2", "7.6.5.32", D10, "3.7 5.0 6.0 7.0 7.5"),
    Row("torch==1.9.0", "10.2", "7.6.5.32", D10, "3.7 5.0 6.0 7.0"),
    Row("torch==1.12.1", "10.2", "7.6.5.32", D10, "3.7 5.0 6.0 7.0"),
    Row(
        "torch==1.13.1 nvidia-cuda-runtime-cu11==11.7.99 nvidia-cudnn-cu11==8.5.0.96",
        *("11.7", "8.5.0.96", D11, TO_86),
    ),
    Row("torch==2.0.1 nvidia-cuda-runtime-cu11==11.7.99", "11.7", "8.5.0.96", D11, TO_86),
    Row(f"torch==2.1.2 {PIN_121}8.9.2.26", "12.1", "8.9.2.26", D12, TO_90),
    Row(f"torch==2.3.1 {PIN_121}8.9.2.26", "12.1", "8.9.2.26", D12, TO_90),
    Row(f"torch==2.4.1 {PIN_121}9.1.0.70", "12.1", "9.1.0.70", D12, TO_90),
    Row("torch==2.4.1", "12.1", "9.1.0.70", D12, TO_90),
    Row("torch==2.5.1 nvidia-cuda-runtime-cu12==12.4.127", "12.4", "9.1.0.70", D12, TO_90),
    Row("torch==2.6.0", "12.4", "9.1.0.70", D12, TO_90),
    Row("torch==2.7.1", "12.6", "9.5.1.17", D12, TO_90),
    Row("torch==2.8.0", "12.8", "9.10.2.21", D12, "7.0 " + BLACKWELL),
    Row("torch==2.10.0", "12.8", "9.10.2.21", D12, "7.0 " + BLACKWELL),
    Row("torch==2.11.0 cuda-toolkit==13.0.2", "13.0", "9.19.0.56", D13, BLACKWELL),
    Row(
        "torch==2.14.1 cuda-toolkit==13.0.3 nvidia-cuda-runtime==13.0.96 "
        "nvidia-cudnn-cu13==9.24.0.43",
        *("13.0", "9.24.0.43", D13, BLACKWELL),
    ),
    Row("torch==2.15.0 cuda-toolkit==13.2.2", "13.2", "9.26.0.51", D13, BLACKWELL),
    Row("torch==2.4.0.post1", "12.1", "9.1.0.70", D12, TO_90),
    # the local version decides
    Row("torch==1.7.1+cu92", "9.2", "7.6.3.30", "396.37", "3.7 5.0 6.0 7.0"),
    Row("torch==1.8.2+cu111", "11.1", "8.0.5.39", D11, TO_86),
    Row("torch==1.12.1+cu113", "11.3", "8.3.2.44", D11, TO_86),
    Row("torch==1.12.1+cu116", "11.6", "8.3.2.44", D11, TO_86),
    Row("torch==2.0.1+cu118", "11.8", "8.7.0.84", D11, TO_86 + " 9.0"),
    Row("torch==2.6.0+cu118", "11.8", "9.1.0.70", D11, "3.7 " + TO_90),
    Row("torch==2.7.0+cu128", "12.8", "9.7.1.26", D12, BLACKWELL + " 12.0+PTX"),
    Row("torch==2.14.1+cu126", "12.6", "9.10.2.21", D12, TO_90),
    Row("torch==2.1.0+cu121.with.pypi.cudnn", "12.1", "8.9.2.26", D12, TO_90),
    Row("torchvision==0.16.0+cu118", "11.8", None, D11),
    Row("torch-scatter==2.1.2+pt25cu124", "12.4", None, D12),
    # the index decides where the version does not
    Row("torch==2.0.1", "11.8", "8.7.0.84", D11, TO_86 + " 9.0", index=PYTORCH + "cu118"),
    Row("torch==2.0.1", "11.8", "8.7.0.84", D11, TO_86 + " 9.0", indexes=(PYTORCH + "cu118",)),
    Row("torch==1.8.2", "11.1", "8.0.5.39", D11, TO_86, indexes=(PYTORCH + "lts/1.8/cu111/",)),
    Row("torch==2.4.1", "cpu", index=PYTORCH + "cpu"),
    Row("torch==2.4.1", "cpu", indexes=(PYTORCH + "cpu",)),
    Row(
        "torch==2.4.1", "12.1", "9.1.0.70", D12, TO_90, indexes=(PYTORCH + "cu118", PYTORCH + "cpu")
    ),
    # builds without CUDA
    Row("torch==2.4.1+cpu", "cpu"),
    Row("torch==2.3.0+rocm6.0", "cpu"),
    Row("torch==2.4.1", "cpu", machine="aarch64"),
    Row("torch==2.14.1", "13.0", "9.24.0.43", D13, BLACKWELL, machine="aarch64"),
    Row("tensorflow-cpu==2.15.1", "cpu"),
    Row("jax==0.4.30 jaxlib==0.4.30", "cpu"),
    Row("numpy==2.3.0 scikit-learn==1.7.0", "none"),
    Row("", "none"),
    # TensorFlow: from the image until 2.13, from the extra and-cuda later
    Row("tensorflow==2.12.0", "11.8", "8.6", D11, "3.5 and newer", cu118("runtime")),
    Row("tensorflow==2.13.1", "11.8", "8.6", D11, "3.5 and newer", cu118("runtime")),
    Row(
        "tensorflow==2.11.0",
        *("11.2", "8.1", D11, "3.5 and newer", "11.2.2-cudnn8-runtime-ubuntu20.04"),
    ),
    Row(
        "tensorflow-gpu==2.4.0",
        *("11.0", "8.0", D11, "3.5 and newer", "11.0.3-cudnn8-runtime-ubuntu20.04"),
    ),
    Row("tensorflow==2.3.0", "10.1", "7.6", "418.39", "3.5 and newer", "TensorFlow 2.4"),
    Row("tensorflow-gpu==1.15.0", "10.0", "7.4", "410.48", "3.5 and newer", "TensorFlow 2.4"),
    Row("tensorflow==1.14.0", "cpu"),
    Row(
        "tensorflow==2.15.1 nvidia-cuda-runtime-cu12==12.2.140 nvidia-cudnn-cu12==8.9.4.25",
        *("12.2", "8.9.4.25", D12, "5.0 and newer"),
    ),
    Row(
        "tensorflow==2.15.1",
        *("12.2", "8.9", D12, "5.0 and newer", "12.2.2-cudnn8-runtime-ubuntu22.04"),
    ),
    Row("tensorflow==2.17.0", "12.3", "8.9", D12, "6.0 and newer", r"tensorflow\[and-cuda\]==2.17"),
    Row(
        "tensorflow==2.20.0 nvidia-cuda-runtime-cu12==12.9.79", "12.9", "9.3", D12, "6.0 and newer"
    ),
    # JAX: the plugin, or a jaxlib that says its CUDA
    Row(
        "jax==0.6.0 jaxlib==0.6.0 jax-cuda12-plugin==0.6.0 nvidia-cuda-runtime-cu12==12.9.79 "
        "nvidia-cudnn-cu12==9.10.2.21",
        *("12.9", "9.10.2.21", D12, "5.0 6.0 7.0 8.0 9.0 10.0 12.0+PTX"),
    ),
    Row(
        "jax-cuda13-plugin==0.8.0 jaxlib==0.8.0 nvidia-cuda-runtime==13.0.48",
        *("13.0", "9.12.0", D13, "7.5 8.0 9.0 10.0 12.0+PTX"),
    ),
    Row(
        "jaxlib==0.4.13+cuda12.cudnn89",
        *("12", "8.9", D12, "5.2 6.0 7.0 8.0 9.0+PTX", "12.2.2-cudnn8-devel-ubuntu22.04"),
    ),
    Row(
        "jaxlib==0.4.7+cuda11.cudnn86",
        *("11", "8.6", D11, "5.2 6.0 7.0 8.0+PTX", cu118("devel")),
    ),
    Row(
        "jaxlib==0.4.18+cuda11.cudnn86 nvidia-cuda-runtime-cu11==11.8.89 "
        "nvidia-cudnn-cu11==8.9.4.25",
        *("11.8", "8.9.4.25", D11, "5.2 6.0 7.0 8.0 9.0+PTX"),
    ),
    Row(
        "jaxlib==0.1.69+cuda111",
        *("11.1", None, D11, None, "11.1.1-cudnn8-devel-ubuntu20.04"),
    ),
    # others
    Row("cupy-cuda12x==13.0.0 nvidia-cuda-runtime-cu12==12.4.127", "12.4", None, D12),
    Row("cupy-cuda12x==13.0.0", "12", None, D12, None, r"12\.\d\.\d-(cudnn-)?devel-ubuntu22.04"),
    Row("cupy-cuda102==10.0.0", "10.2", None, D10, None, "lock the nvidia-"),
    Row("onnxruntime-gpu==1.18.0", "11.8", "8", D11, None, cu118("runtime")),
    Row("onnxruntime-gpu==1.20.0", "12", "9", D12, None, "12.6.3-cudnn-runtime-ubuntu22.04"),
    Row(
        "onnxruntime-gpu==1.20.0 nvidia-cuda-runtime-cu12==12.4.127 nvidia-cudnn-cu12==9.1.0.70",
        *("12.4", "9.1.0.70", D12),
    ),
    Row("mxnet-cu112==1.9.1", "11.2", None, D11, None, "11.2.2-cudnn8-runtime-ubuntu20.04"),
    Row("paddlepaddle-gpu==2.6.1.post120", "12.0", None, D12),
    Row("spconv-cu118==2.3.6", "11.8", None, D11),
    Row("nvidia-cublas-cu12==12.1.3.1", "12", None, D12),
    Row("nvidia-cuda-nvrtc-cu12==12.1.105 nvidia-cublas-cu12==12.1.3.1", "12.1", None, D12),
    Row(
        "deepspeed==0.14.0 torch==2.14.1", "13.0", "9.24.0.43", D13, BLACKWELL, "13.0.3-cudnn-devel"
    ),
    # newer than the tables: the wheels' own pins
    Row("torch==2.16.0 nvidia-cuda-runtime==13.4.10", "13.4", None, D13),
    Row("torch==3.0.0 nvidia-cuda-runtime==14.1.7", "14.1"),
    Row("torch==2.16.0+cu134", "13.4", None, D13),
    Row("torch==2.16.0", "unknown"),
    Row("torch==0.4.1", "unknown"),
    Row(
        "jax-cuda13-plugin==0.12.0 nvidia-cuda-runtime==13.3.1", "13.3", None, D13, "7.5 and newer"
    ),
    Row("tensorflow==2.22.0 nvidia-cuda-runtime-cu12==12.9.79", "12.9", None, D12),
    Row("tensorflow==2.22.0", "unknown"),
    # place-holders are no CUDA
    Row("nvidia-cuda-runtime==0.0.1.dev5", "none"),
    Row("cuda-toolkit==1.0", "none"),
]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.lock[:60]} {row.machine}" for row in ROWS])
def test_lock(row: Row) -> None:
    """CUDA, cuDNN, driver and GPUs of a lock are those of its wheels, and the base fits."""
    plan = row.plan
    assert plan.cuda.value == row.cuda
    assert (plan.cudnn.value if plan.cudnn else None) == row.cudnn
    assert (plan.driver.value if plan.driver else None) == row.driver
    coverage = next((build.coverage for build in plan.builds if build.coverage), None)
    assert (str(coverage) if coverage else None) == row.gpus
    try:
        base = base_for(plan, gpu="required", python="3.10")
    except PlanError as error:
        assert re.search(row.base, error.hint or "")
        return
    if row.base == "slim":
        assert base.run.value == "slim"
    else:
        assert re.search(rf"/nvidia/cuda:{row.base}", base.run.value)


def test_the_table_is_large_enough() -> None:
    """There are at least sixty different locks."""
    assert len({(row.lock, row.indexes, row.index, row.machine) for row in ROWS}) >= 60


@pytest.mark.parametrize("row", ROWS, ids=[row.lock[:60] for row in ROWS])
def test_every_fact_has_a_reason(row: Row) -> None:
    """Each fact names the package and its place; where a table decided, also its date."""
    for name, choice in row.plan.facts:
        if choice.value == "none":
            continue
        package = "requirements.lock:" in choice.because or "==" in choice.because
        assert package or " table of 20" in choice.because, (name, choice)
