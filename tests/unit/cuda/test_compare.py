"""A plan against a machine: what will fail is said before the run, with its fix."""

from __future__ import annotations

import pytest

from repropack.cuda import Host, HostGpu, cuda_of
from repropack.cuda.compare import Problem, compare
from repropack.findings import Severity

from .locks import lock

NAMES = {
    "3.7": "Tesla K80",
    "6.1": "NVIDIA GeForce GTX 1080 Ti",
    "7.0": "Tesla V100-SXM2-16GB",
    "7.5": "Tesla T4",
    "8.0": "NVIDIA A100-SXM4-40GB",
    "8.6": "NVIDIA GeForce RTX 3090",
    "9.0": "NVIDIA H100 80GB HBM3",
    "12.0": "NVIDIA GeForce RTX 5090",
}


def gpu(capability: str, driver: str) -> HostGpu:
    """A GPU of that compute capability with that driver."""
    return HostGpu(name=NAMES[capability], compute_capability=capability, driver_version=driver)


def ask(text: str, *gpus: HostGpu, python: str | None = None) -> tuple[Problem, ...]:
    """What stands in the way of a lock on a machine with a working container toolkit."""
    return compare(cuda_of(lock(text)), Host(gpus=gpus, gpu_runtime="nvidia"), python=python)


FITS = [
    ("torch==2.14.1", "8.6", "580.65.06"),
    ("torch==2.14.1", "9.0", "615.10"),
    ("torch==2.4.1", "8.6", "525.60.13"),
    ("torch==2.4.1", "6.1", "535.104.05"),
    ("torch==2.6.0+cu118", "3.7", "470.82.01"),
    ("torch==1.12.1", "7.0", "440.33"),
    ("torch==1.12.1", "7.5", "440.33"),
    ("torch==2.7.0+cu128", "12.0", "570.26"),
    ("tensorflow==2.12.0", "8.6", "450.80.02"),
    ("cupy-cuda12x==13.0.0", "12.0", "570.26"),
]


@pytest.mark.parametrize(("text", "capability", "driver"), FITS)
def test_fits(text: str, capability: str, driver: str) -> None:
    """A GPU that the build has code for and a driver of the CUDA major are all that is needed."""
    assert ask(text, gpu(capability, driver)) == ()


PROBLEMS = [
    # kind, lock, GPU, driver, said, fix
    ("gpu.driver", "torch==2.14.1", "8.6", "535.104.05", "580.65.06 or newer", "2.14.1+cu126"),
    ("gpu.driver", "torch==2.4.1", "8.6", "470.82.01", "525.60.13 or newer", "2.4.1+cu118"),
    ("gpu.driver", "torch==1.12.1", "7.0", "418.39", "440.33 or newer", "update the NVIDIA driver"),
    ("gpu.driver", "torch==2.4.1+cu121", "8.6", "390.1", "525.60.13", "to 525.60.13 or newer"),
    ("gpu.driver", "cupy-cuda12x==13.0.0", "8.6", "470.82.01", "525.60.13", "update"),
    ("gpu.driver", "jax-cuda13-plugin==0.8.0", "8.6", "550.1", "580", "jax[cuda12]==0.8.0"),
    ("gpu.capability", "torch==2.14.1", "7.0", "580.65.06", "no kernel image", "2.14.1+cu126"),
    ("gpu.capability", "torch==2.14.1", "6.1", "535.1", "no kernel image", "2.14.1+cu126"),
    ("gpu.capability", "torch==1.12.1", "8.6", "535.1", "3.7 5.0 6.0 7.0", "1.12.1+cu113"),
    ("gpu.capability", "torch==2.4.1", "12.0", "580.1", "no code for the NVIDIA GeForce RTX 5090",
     "torch==2.7.0+cu128"),
    ("gpu.capability", "torch==2.4.1", "3.7", "470.82.01", "no kernel image", "2.4.1+cu118"),
    ("gpu.capability", "torch==2.1.0+cu118", "12.0", "580.1", "no kernel", "torch==2.7.0+cu128"),
    ("gpu.capability", "tensorflow==2.18.0", "3.7", "470.1", "6.0 and newer", "tensorflow==2.14.1"),
    ("gpu.capability", "jax-cuda13-plugin==0.8.0", "7.0", "580.1", "no kernel", "jax[cuda12]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "capability", "driver", "said", "fix"),
    PROBLEMS,
    ids=[f"{row[1]} on {row[2]} with {row[3]}" for row in PROBLEMS],
)
def test_problem(kind: str, text: str, capability: str, driver: str, said: str, fix: str) -> None:
    """The first thing that fails is named, with the nearest build that runs on this machine."""
    (problem,) = ask(text, gpu(capability, driver))
    assert problem.kind == kind
    assert said in problem.what
    assert fix in problem.fix
    assert problem.severity is Severity.PROBLEM


def test_no_driver_update_is_proposed_that_does_not_exist() -> None:
    """Pascal ends with driver 580: CUDA 13's GPUs do not include it, an older build does."""
    (problem,) = ask("cupy-cuda13x==14.0.0 nvidia-cuda-runtime==13.4.1", gpu("3.7", "470.82.01"))
    assert "no driver after the 470 series supports the Tesla K80" in problem.fix


def test_ptx_needs_the_driver_of_its_toolkit() -> None:
    """A GPU that is covered by PTX alone needs a driver as new as the toolkit that made it."""
    text = "jax-cuda12-plugin==0.6.0 nvidia-cuda-runtime-cu12==12.8.90"
    assert ask(text, gpu("9.0", "525.60.13")) == ()
    (problem,) = ask(text, gpu("12.0", "550.54.14"))
    assert "570.26 or newer" in problem.what
    assert "PTX" in problem.what


def test_the_python_limits_what_is_proposed() -> None:
    """A release without wheels for this Python is not proposed."""
    problem = ask("torch==1.12.1", gpu("12.0", "580.1"), python="3.13")[0]
    assert "torch==2.7.0+cu128" in problem.fix
    problem = ask("torch==2.7.1", gpu("12.0", "580.1"), python="3.14")[0]
    assert "torch==2.9.0" in problem.fix


def test_one_gpu_that_runs_is_enough() -> None:
    """Beside a GPU that runs, one that does not is a warning."""
    problems = ask("torch==2.14.1", gpu("8.6", "580.65.06"), gpu("6.1", "580.65.06"))
    assert [problem.severity for problem in problems] == [Severity.WARNING]


def test_equal_gpus_are_said_once() -> None:
    """Eight times the same GPU is one problem."""
    assert len(ask("torch==2.14.1", *[gpu("7.0", "580.65.06")] * 8)) == 1


def test_no_gpu() -> None:
    """A machine without a GPU: a problem if one is required, else a warning, else nothing."""
    plan = cuda_of(lock("torch==2.14.1"))
    found = {need: compare(plan, Host(), gpu=need) for need in ("required", "optional", "none")}
    assert [p.severity for p in found["required"]] == [Severity.PROBLEM]
    assert [p.severity for p in found["optional"]] == [Severity.WARNING]
    assert found["none"] == ()


@pytest.mark.parametrize(
    ("host", "kind", "fix"),
    [
        (Host(engine="docker"), "gpu.toolkit", "nvidia-ctk runtime configure --runtime=docker"),
        (Host(engine="podman"), "gpu.toolkit", "nvidia-ctk cdi generate"),
        (Host(gpu_runtime="cdi", cdi_devices=()), "gpu.cdi", "nvidia-ctk cdi generate"),
    ],
)
def test_a_gpu_that_no_container_gets(host: Host, kind: str, fix: str) -> None:
    """A missing container toolkit or CDI description is named with the command that mends it."""
    with_gpu = Host(
        gpus=(gpu("8.6", "580.65.06"),),
        engine=host.engine,
        gpu_runtime=host.gpu_runtime,
        cdi_devices=host.cdi_devices,
    )
    (problem,) = compare(cuda_of(lock("torch==2.14.1")), with_gpu)
    assert (problem.kind, fix in problem.fix) == (kind, True)


def test_no_container_needs_no_toolkit() -> None:
    """The venv engine uses the machine's GPU as it is."""
    host = Host(gpus=(gpu("8.6", "580.65.06"),), engine="venv")
    assert compare(cuda_of(lock("torch==2.14.1")), host) == ()


def test_an_environment_without_cuda_cannot_use_a_gpu() -> None:
    """A +cpu build where a GPU is required is said before the run; where it is optional, not."""
    plan, host = cuda_of(lock("torch==2.4.1+cpu")), Host(gpus=(gpu("8.6", "580.1"),), engine="venv")
    assert [problem.kind for problem in compare(plan, host)] == ["gpu.no-cuda"]
    assert compare(plan, host, gpu="optional") == ()


def test_a_driver_that_does_not_answer_is_a_warning() -> None:
    """Without a driver version nothing is claimed about it."""
    nameless = HostGpu(name="NVIDIA A100-SXM4-40GB", compute_capability="8.0")
    assert [p.kind for p in ask("torch==2.4.1", nameless)] == ["gpu.unknown"]


def test_an_image_that_is_copied_from_refuses_no_driver() -> None:
    """NVIDIA's images start only under certain drivers; files that were copied from one do not ask.

    The driver of CUDA's major version does.
    """
    assert ask("tensorflow==2.12.0", gpu("8.6", "465.19.01")) == ()
