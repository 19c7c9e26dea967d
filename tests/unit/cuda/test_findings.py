"""What a lock contradicts, lacks or is too new for becomes a finding, and never a crash."""

from __future__ import annotations

import pytest

from repropack.cuda import CondaPackage, Libraries, State, cuda_of
from repropack.findings import Severity

from .locks import linked, lock

FINDINGS = [
    ("torch==2.6.0+cu118 nvidia-cuda-runtime-cu12==12.4.127", "cuda.conflict", "two CUDA majors"),
    ("torch==2.4.1 jax-cuda13-plugin==0.8.0", "cuda.conflict", "two CUDA majors"),
    ("torch==2.5.1+cu118 torchvision==0.20.1+cu121", "cuda.conflict", "CUDA 11.8 and 12.1"),
    ("torch==2.5.1+cu121 torchvision==0.20.1+cu124", "cuda.conflict", "different CUDA versions"),
    (
        "nvidia-cuda-runtime-cu12==12.1.105 nvidia-cudnn-cu11==8.9.6.50 "
        "nvidia-cudnn-cu12==9.1.0.70",
        *("cuda.conflict", "install nvidia/cudnn"),
    ),
    ("torch==2.4.1", "cuda.libraries-missing", "Lock again for Linux"),
    ("torch==2.4.1+cpu cupy-cuda12x==13.0.0", "cuda.cpu-build", "does not use a GPU"),
    ("torch==2.16.0", "cuda.unknown", "newer than 2.15.0"),
    ("torch==0.4.1", "cuda.unknown", "older than 1.0.0"),
    ("torch==2.4.2", "cuda.unknown", "does not have it"),
    ("torch==2.16.0 nvidia-cuda-runtime==13.5.37", "cuda.not-in-table", "ends with 13.4"),
    ("torch==2.5.1+cu130", "cuda.not-in-table", "no cu130 build"),
    ("torch==2.5.0.dev20240901+cu124", "cuda.not-in-table", "GPUs this build has code"),
    ("tensorflow==2.22.0", "cuda.not-in-table", "ends with 2.21"),
    (
        "tensorflow==2.16.1 nvidia-cuda-runtime-cu12==12.3.101",
        *("cuda.known-bug", "LD_LIBRARY_PATH"),
    ),
    ("tensorflow==2.15.0 nvidia-cuda-runtime-cu12==12.2.140", "cuda.known-bug", "tensorrt-libs"),
    (
        "jax-cuda12-plugin==0.12.0 nvidia-cuda-runtime-cu12==12.9.79",
        *("cuda.not-in-table", "installation page"),
    ),
]


@pytest.mark.parametrize(("text", "kind", "said"), FINDINGS, ids=[row[0] for row in FINDINGS])
def test_finding(text: str, kind: str, said: str) -> None:
    """The finding says what is wrong, and its place in the lock where it has one."""
    found = [finding for finding in cuda_of(lock(text)).findings if finding.kind == kind]
    assert [f for f in found if said in f"{f.value}: {f.because}"], found
    assert all(finding.severity is not Severity.PROBLEM for finding in found)


@pytest.mark.parametrize(
    "text",
    [
        "torch==2.4.1 nvidia-cuda-runtime-cu12==12.1.105 nvidia-cudnn-cu12==9.1.0.70",
        "torch==2.14.1 torchvision==0.29.1 cuda-toolkit==13.0.3 nvidia-cuda-runtime==13.0.96",
        "torch==2.6.0+cu118 torchvision==0.21.0+cu118",
        "torch==1.12.1",
        "jaxlib==0.6.0 jax-cuda12-plugin==0.6.0 nvidia-cuda-runtime-cu12==12.9.79",
        "torch==2.4.1+cpu numpy==2.0.0",
        "numpy==2.0.0",
    ],
)
def test_what_agrees_has_no_findings(text: str) -> None:
    """An ordinary lock is not commented on."""
    assert cuda_of(lock(text)).findings == ()


def test_of_two_pinned_runtimes_the_framework_decides() -> None:
    """torch for CUDA 11 is not given CUDA 12 because another package brought it."""
    text = "nvidia-cuda-runtime-cu12==12.4.127 nvidia-cuda-runtime-cu11==11.8.89 torch==2.6.0+cu118"
    assert cuda_of(lock(text)).cuda.value == "11.8"


def test_a_reason_names_the_line() -> None:
    """The reason for a pin is the package, its version, the file and the line."""
    plan = cuda_of(lock("numpy==2.3.0 torch==2.14.1 cuda-toolkit==13.0.3"))
    assert plan.cuda.because == "cuda-toolkit==13.0.3 in requirements.lock:3"
    assert plan.toolkit is not None and plan.toolkit.value == "13.0.3"


def test_a_reason_names_the_table_and_its_date() -> None:
    """Where no package says it, the reason is the table with its date."""
    assert cuda_of(lock("torch==1.12.1")).cuda.because == (
        "torch==1.12.1 in requirements.lock:1: its wheel on the package index, by the torch table "
        "of 2026-11-20"
    )


@pytest.mark.parametrize(
    ("url", "cuda"),
    [
        (
            "https://index.example/whl/cu118/torch-2.0.1%2Bcu118-cp310-cp310-linux_x86_64.whl",
            "11.8",
        ),
        ("https://index.example/files/torch-2.0.1+cu118-cp310-cp310-linux_x86_64.whl", "11.8"),
        ("https://index.example/whl/cpu/torch-2.0.1%2Bcpu-cp310-cp310-linux_x86_64.whl", "cpu"),
        ("https://index.example/packages/aa/bb/torch-2.0.1-cp310-none-manylinux.whl", "11.7"),
    ],
)
def test_the_address_of_a_wheel(url: str, cuda: str) -> None:
    """A wheel's own address says its CUDA, also where the version does not."""
    assert cuda_of(linked("torch", "2.0.1", url)).cuda.value == cuda


def test_a_wheel_is_not_compiled() -> None:
    """flash-attn from a wheel needs no nvcc; from its source it does."""
    url = "https://index.example/flash_attn-2.5.0+cu122torch2.2-cp310-cp310-linux_x86_64.whl"
    assert cuda_of(linked("flash-attn", "2.5.0", url)).needs == ()
    assert len(cuda_of(lock("flash-attn==2.5.0 torch==2.2.0")).needs) == 1


def conda(*texts: str, channel: str = "pytorch") -> tuple[CondaPackage, ...]:
    """Conda packages written as `name=version=build`."""
    parts = [(*text.split("="), "")[:3] for text in texts]
    return tuple(CondaPackage(name=n, version=v, build=b, channel=channel) for n, v, b in parts)


CONDA = [
    (("pytorch=1.10.0=py3.8_cuda11.3_cudnn8.2.0_0", "cudatoolkit=11.3.1=h"), "11.3", "8.2.0"),
    (("pytorch=1.7.1=py3.8_cuda10.2.89_cudnn7.6.5_0",), "10.2", "7.6.5"),
    (("pytorch=2.5.1=py3.10_cpu_0", "pytorch-cuda=12.1=ha16c6d3_5"), "cpu", None),
    (("pytorch-cuda=12.1=ha16c6d3_5",), "12.1", None),
    (
        ("pytorch=2.6.0=cuda126_mkl_py310_h5ee0071_304", "cuda-version=12.6=h7480c83_3"),
        "12.6",
        None,
    ),
    (("pytorch=2.7.1=cpu_generic_py311_hcdfc2e8_2",), "cpu", None),
    (("tensorflow=2.8.1=cuda112py39h01bd6f0_0",), "11.2", None),
    (("jaxlib=0.4.23=cuda120py311h5a49573_202",), "12.0", None),
    (("pytorch=2.0.1=gpu_cuda118py39he342708_0",), "11.8", None),
    (("torchaudio=0.13.1=py37_cu117",), "11.7", None),
    (("cudatoolkit=10.2.89=hfd86e86_1",), "10.2", None),
    (("cuda-runtime=11.7.1=0",), "11.7", None),
    (("cpuonly=2.0=0",), "cpu", None),
    (("tensorflow=2.4.1=mkl_py39h4683426_0",), "cpu", None),
    (("python=3.10.13=h955ad1f_0",), "none", None),
]


@pytest.mark.parametrize(("packages", "cuda", "cudnn"), CONDA, ids=[row[0][0] for row in CONDA])
def test_conda(packages: tuple[str, ...], cuda: str, cudnn: str | None) -> None:
    """A build string, a variant or a version package says the CUDA; the framework's counts most."""
    plan = cuda_of(lock(""), conda=conda(*packages))
    assert plan.cuda.value == cuda
    assert (plan.cudnn.value if plan.cudnn else None) == cudnn


def test_builds_of_the_pytorch_channel_have_their_own_gpus() -> None:
    """conda's torch has code that the wheel has not; that of another channel is not known."""
    name = "pytorch=1.12.1=py3.8_cuda10.2_cudnn7.6.5_0"
    (build,) = cuda_of(lock(""), conda=conda(name)).builds
    assert str(build.coverage) == "3.7 5.0 6.0 6.1 7.0 7.5 3.7+PTX"
    (other,) = cuda_of(lock(""), conda=conda(name, channel="conda-forge")).builds
    assert other.coverage is None


def test_where_the_libraries_come_from() -> None:
    """Old torch carries CUDA, newer torch locks it, TensorFlow 2.12 takes it from the image."""
    said = {
        text: cuda_of(lock(text)).builds[0].libraries
        for text in (
            "torch==1.12.1",
            "torch==2.4.1 nvidia-cudnn-cu12==9.1.0.70",
            "tensorflow==2.12.0",
        )
    }
    assert list(said.values()) == [Libraries.WHEEL, Libraries.LOCK, Libraries.IMAGE]


def test_an_empty_lock_says_nothing() -> None:
    """Nothing locked is no CUDA, no driver and no finding."""
    plan = cuda_of(lock(""))
    assert (plan.state, plan.driver, plan.builds, plan.findings) == (State.NONE, None, (), ())
