"""Which builds need nvcc, and what is said where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.building.cuda import asks_for_cuda, devel_image, nvcc_of_build
from repropack.building.diagnosing import failure, missing_part
from repropack.building.materials import Material
from repropack.cuda import NoNvcc, Nvcc, base_for, cuda_of
from repropack.engines import EngineFacts, Image
from repropack.engines.base import BaseSpec
from repropack.environment import Requirement, Target
from repropack.errors import PlanError, TemporaryError
from repropack.findings import Where
from repropack.progress import Silent
from repropack.settings import Settings
from repropack.workshop import Workshop
from tests.unit.cuda.locks import lock
from tests.unit.engines.test_base import Shelf

CUDA_SETUP = (
    "from torch.utils.cpp_extension import CUDAExtension\nsetup(ext_modules=[CUDAExtension()])"
)


def material(files: dict[str, str], *, has_cuda: bool) -> Material:
    """Sources with these files."""
    return Material(
        label="x", identity="x", sha256="", archive=None, path="", time_s=0, version="",
        read=files.get, has_cuda=has_cuda,
    )  # fmt: skip


def requirement(name: str) -> Requirement:
    """A package that is built."""
    return Requirement(name=name, version="1", hashes=(), where=Where(path="requirements.txt"))


@pytest.mark.parametrize(
    ("name", "files", "has_cuda", "asks"),
    [
        ("own", {"setup.py": CUDA_SETUP}, True, True),
        ("own", {"setup.py": CUDA_SETUP}, False, False),
        ("own", {"setup.py": "setup()"}, True, False),
        ("own", {"setup.py": "# nvcc\nsetup()"}, True, False),
        ("own", {"CMakeLists.txt": "project(own LANGUAGES CXX CUDA)"}, True, True),
        ("own", {"CMakeLists.txt": "enable_language(CUDA)"}, True, True),
        ("flash-attn", {"setup.py": "setup()"}, False, True),
        ("deepspeed", {"setup.py": CUDA_SETUP}, True, False),
    ],
)
def test_what_asks_for_nvcc(name: str, files: dict[str, str], has_cuda: bool, asks: bool) -> None:
    """CUDA code and a build that compiles it; for packages that are known, the table."""
    assert asks_for_cuda(material(files, has_cuda=has_cuda), requirement(name)) is asks


def workshop(base: Image | None, cache: Path) -> Workshop:
    """A workshop with an engine that has no images, and no registry that answers."""
    return Workshop(
        engine=Shelf(),
        facts=EngineFacts(name="shelf", version="1"),
        spec=BaseSpec(suite="bookworm", python="3.11"),
        base=base,
        cuda=None,
        debs=(),
        target=Target(python="3.11"),
        settings=Settings(cache=cache),
        reporter=Silent(),
    )


BASE = Image(tag="base", id="sha256:" + "a" * 64, size_bytes=1)


def test_no_registry_that_has_the_image(tmp_path: Path) -> None:
    """Where NVIDIA's image cannot be had, who needs it is said, and where wheels of it are."""
    found = base_for(cuda_of(lock("torch==2.3.1 flash-attn==2.5.8"))).nvcc
    nvcc = nvcc_of_build("requirements.txt:2: flash-attn==2.5.8", found, workshop(BASE, tmp_path))
    assert nvcc is not None
    with pytest.raises(TemporaryError) as refusal:
        devel_image(nvcc, workshop(BASE, tmp_path))
    assert refusal.value.what.startswith(
        "requirements.txt:2: flash-attn==2.5.8 must be compiled with nvcc of "
        "docker.io/nvidia/cuda:12.1.1-devel-ubuntu22.04, which cannot be had: no registry answers"
    )
    assert "flash-attn==2.5.8: the wheels at its releases" in (refusal.value.hint or "")


def test_the_venv_engine_has_no_container_for_an_image(tmp_path: Path) -> None:
    """Without a container nvcc comes from packages, or the build is refused."""
    old, new = (base_for(cuda_of(lock(f"torch=={v}"))).nvcc for v in ("2.3.1", "2.14.1"))
    with pytest.raises(PlanError, match="the venv engine has no container"):
        nvcc_of_build("own", old, workshop(None, tmp_path))
    found = nvcc_of_build("own", new, workshop(None, tmp_path))
    assert isinstance(found, Nvcc) and found.who == "own"


def test_an_environment_without_cuda_is_built_without(tmp_path: Path) -> None:
    """Beside torch for CPUs nothing is compiled for CUDA; what is unknown is refused."""
    cpu, unknown = (base_for(cuda_of(lock(f"torch=={v}"))).nvcc for v in ("2.4.1+cpu", "2.16.0"))
    assert nvcc_of_build("own", cpu, workshop(BASE, tmp_path)) is None
    assert isinstance(unknown, NoNvcc)
    with pytest.raises(PlanError, match=r"own has CUDA code, and .* which CUDA minor is not known"):
        nvcc_of_build("own", unknown, workshop(BASE, tmp_path))


def test_what_a_compiler_says_is_understood(tmp_path: Path) -> None:
    """A header of CUDA's libraries names the package that has it; a missing nvcc what to lock."""
    assert missing_part("a.cu:1: fatal error: cublas_v2.h: No such file or directory") == (
        "cuda-toolkit[cublas]"
    )
    assert missing_part("fatal error: nvtx3/nvToolsExt.h: No such file or directory") == (
        "cuda-toolkit[nvtx]"
    )
    assert missing_part("fatal error: png.h: No such file or directory") == ""
    said = "OSError: CUDA_HOME environment variable is not set. Please set it"
    assert "nvidia-cuda-runtime" in (failure("x", said, tmp_path).hint or "")
