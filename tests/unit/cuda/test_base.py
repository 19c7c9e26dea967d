"""The base: slim when wheels carry CUDA, else a tag of NVIDIA's that exists, else a refusal."""

from __future__ import annotations

import pytest

from repropack.cuda import (
    CudaBase,
    CudaImage,
    NoNvcc,
    Nvcc,
    Signal,
    base_for,
    cuda_of,
    tables,
    variables_of,
)
from repropack.errors import PlanError

from .locks import lock

NVIDIA = "docker.io/nvidia/cuda:"


def tags() -> set[str]:
    """Every tag that the table has and that is not deleted."""
    return {
        f"{NVIDIA}{row.cuda}-{flavour}-{row.system}"
        for row in tables.images()
        for flavour in row.flavours
    }


def devel(base: CudaBase) -> CudaImage:
    """The image that nvcc is taken from."""
    assert isinstance(base.nvcc, Nvcc) and base.nvcc.image is not None
    return base.nvcc.image


def test_a_source_build_is_compiled_in_devel_and_runs_on_slim() -> None:
    """flash-attn is built with nvcc of torch's CUDA minor; the final image stays slim."""
    base = base_for(cuda_of(lock("torch==2.3.1 flash-attn==2.5.8")), python="3.10")
    assert base.run.value == "slim"
    assert base.build is not None
    assert base.build.value == f"{NVIDIA}12.1.1-devel-ubuntu22.04"
    assert base.build.because.startswith("flash-attn==2.5.8: the newest patch of CUDA 12.1")


def test_the_newest_ubuntu_with_that_python() -> None:
    """The Ubuntu whose python3 is the wanted one is taken; else the newest, with a finding."""
    plan = cuda_of(lock("torch==2.8.0 flash-attn==2.8.0"))
    found = {python: base_for(plan, python=python) for python in ("3.8", "3.10", "3.12", "3.13")}
    systems = [devel(base).system for base in found.values()]
    assert systems == ["ubuntu20.04", "ubuntu22.04", "ubuntu24.04", "ubuntu24.04"]
    assert [len(base.findings) for base in found.values()] == [0, 0, 0, 1]


@pytest.mark.parametrize("glibc_of", ["torch==2.7.1+cu118"])
def test_wheels_for_a_newer_glibc_avoid_old_ubuntu(glibc_of: str) -> None:
    """torch 2.7 needs glibc 2.28: no Ubuntu 18.04, even where its Python would fit."""
    base = base_for(cuda_of(lock(f"{glibc_of} apex==0.1")), python="3.6")
    assert devel(base).system == "ubuntu22.04"


@pytest.mark.parametrize(
    ("text", "said", "instead"),
    [
        ("torch==1.12.1 apex==0.1", "deleted its images of CUDA 10.2", r"torch==1.12.1+cu113"),
        ("tensorflow==2.3.0", "deleted its images of CUDA 10.1", "TensorFlow 2.4"),
        ("tensorflow==2.16.1", "have cuDNN 9.0.0.312", "tensorflow[and-cuda]==2.16.1"),
        ("torch==2.16.0 apex==0.1", "which CUDA minor is not known", "torch==X+cuNNN"),
        ("tensorflow==2.12.0 onnxruntime-gpu==1.20.0", "two CUDA majors", "same CUDA"),
        ("torch==2.16.0+cu127 apex==0.1", "has none of CUDA 12.7", "newer CUDA"),
        ("torch==2.16.0+cu127 apex==0.1", "(nearest: docker.io/nvidia/cuda:12.", "newer CUDA"),
        ("torch==2.3.1+cpu flash-attn==2.5.8", "which CUDA minor is not known", "torch==X+cuNNN"),
        ("torch==1.12.1 apex==0.1", "(nearest: docker.io/nvidia/cuda:11.", "torch==1.12.1+cu113"),
    ],
)
def test_a_refusal_says_what_to_do(text: str, said: str, instead: str) -> None:
    """An image that does not exist is refused, with the nearest thing that works."""
    with pytest.raises(PlanError) as refusal:
        base_for(cuda_of(lock(text)), gpu="required", python="3.10")
    assert said in refusal.value.what
    assert instead in (refusal.value.hint or "")


def test_an_optional_gpu_is_given_up_with_a_finding() -> None:
    """Without an image for its libraries an environment stays slim, and that is said."""
    base = base_for(cuda_of(lock("tensorflow==2.3.0")), gpu="optional")
    assert base.run.value == "slim"
    assert [finding.kind for finding in base.findings] == ["cuda.no-image"]
    assert "CPU" in base.findings[0].because


def test_no_gpu_needs_no_image() -> None:
    """Where no experiment uses a GPU, TensorFlow's libraries are not brought along."""
    base = base_for(cuda_of(lock("tensorflow==2.12.0")), gpu="none")
    assert (base.run.value, base.run.because) == ("slim", "no experiment uses a GPU")


def test_superseded_images_are_doubtful() -> None:
    """A tag that NVIDIA may delete is used with a warning."""
    base = base_for(cuda_of(lock("tensorflow==2.11.0")), gpu="required", python="3.8")
    assert [f.because for f in base.findings] == [
        "NVIDIA may delete this superseded tag any day: keep a copy of it"
    ]


def test_compiling_at_run_time_keeps_nvcc() -> None:
    """deepspeed compiles when it runs; code that loads an extension does so too."""
    plan = cuda_of(lock("torch==2.4.1"))
    loads = base_for(plan, python="3.10", signals=((Signal.LOADED_EXTENSION, "train.py:3"),))
    assert loads.run.value == f"{NVIDIA}12.1.1-devel-ubuntu22.04"
    assert "train.py:3" not in base_for(plan).run.because


@pytest.mark.parametrize(
    ("suite", "torch", "system", "compilers"),
    [
        ("bookworm", "2.4.1", "ubuntu22.04", ["g++", "gcc"]),
        ("bookworm", "2.1.2+cu118", "ubuntu22.04", ["g++-11", "gcc-11"]),
        ("bullseye", "2.1.2+cu118", "ubuntu20.04", ["g++", "gcc"]),
        ("trixie", "2.4.1", "ubuntu22.04", ["g++-12", "gcc-12"]),
        ("trixie", "2.8.0", "ubuntu24.04", ["g++", "gcc"]),
    ],
)
def test_files_fit_the_release_they_are_copied_to(
    suite: str, torch: str, system: str, compilers: list[str]
) -> None:
    """No image of a newer glibc is copied from; nvcc gets a GCC that it accepts."""
    plan = cuda_of(lock(f"torch=={torch} deepspeed==0.14.0"))
    base = base_for(plan, gpu="required", suite=suite)
    assert base.run_image is not None and base.run_image.system == system
    assert [choice.value for choice in base.apt] == [*compilers, "libc6-dev", "python3-dev"]
    settings = {setting.name: setting.value for setting in variables_of(plan, base)}
    assert settings["CUDA_HOME"] == "/usr/local/cuda"
    assert settings.get("CXX", "g++") == compilers[0]


def test_since_cuda_13_nvcc_comes_from_packages() -> None:
    """The index has the compiler itself since CUDA 13, of each minor, also of a new one."""
    for torch, minor in (("2.14.1", "13.0"), ("2.16.0+cu135", "13.5")):
        base = base_for(cuda_of(lock(f"torch=={torch} apex==0.1")), suite="bookworm")
        assert isinstance(base.nvcc, Nvcc) and base.nvcc.image is None
        assert base.nvcc.requires == f"cuda-toolkit[nvcc,crt,nvvm,cccl,cudart,profiler]=={minor}.*"
        assert base.build is not None and base.build.because.startswith("apex==0.1: NVIDIA's")
        assert (base.run.value, base.nvcc.apt) == ("slim", ())


def test_what_may_need_nvcc_is_known_before_its_sources_are_there() -> None:
    """Each CUDA environment says what would compile, or why nothing can; others need nothing."""
    old, cpu = base_for(cuda_of(lock("torch==1.12.1"))), base_for(cuda_of(lock("torch==2.4.1+cpu")))
    assert isinstance(base_for(cuda_of(lock("torch==2.4.1"))).nvcc, Nvcc)
    assert isinstance(old.nvcc, NoNvcc) and "deleted its images of CUDA 10.2" in old.nvcc.what
    assert isinstance(cpu.nvcc, NoNvcc) and (old.nvcc.optional, cpu.nvcc.optional) == (False, True)
    assert (old.build, cpu.build) == (None, None)


def test_a_wheel_may_lie_elsewhere() -> None:
    """A lock that names an index besides may have a wheel there: nothing is refused yet."""
    text = "torch==1.12.1 mmcv-full==1.6.0"
    found = base_for(cuda_of(lock(text, indexes=("https://index.example/mmcv",))))
    assert found.build is None and isinstance(found.nvcc, NoNvcc)
    with pytest.raises(PlanError, match=r"mmcv-full|deleted"):
        base_for(cuda_of(lock(text)))


def test_beside_a_build_for_cpus_nothing_needs_nvcc() -> None:
    """torch-scatter is built for CPUs beside such a torch."""
    base = base_for(cuda_of(lock("torch==2.4.1+cpu torch-scatter==2.1.2")))
    assert base.build is None


def test_an_older_gcc_stands_beside_nvcc() -> None:
    """Where nvcc refuses the release's own compiler, an older one is brought and named."""
    plan = cuda_of(lock("torch==2.1.2+cu118 apex==0.1"))
    base = base_for(plan, suite="bookworm")
    assert isinstance(base.nvcc, Nvcc) and base.nvcc.apt == ("g++-11", "gcc-11")
    settings = {s.name: s.value for s in variables_of(plan, base) if s.build_only}
    assert settings["CXX"] == "g++-11" and settings["NVCC_PREPEND_FLAGS"] == "-ccbin g++-11"


def test_torch_compile_needs_a_compiler_and_no_nvcc() -> None:
    """triton compiles C: gcc and headers, on a slim base, with the line as the reason."""
    plan = cuda_of(lock("torch==2.4.1"))
    base = base_for(plan, signals=((Signal.COMPILES, "train.py:7"),))
    assert base.run.value == "slim"
    assert [choice.value for choice in base.apt] == ["gcc", "libc6-dev", "python3-dev"]
    assert "train.py:7" in base.apt[0].because


def test_an_extension_of_the_project_is_built_with_torchs_cuda() -> None:
    """The project's own CUDA extension is compiled by the devel image of torch's minor."""
    signals = ((Signal.EXTENSION, "setup.py:12"),)
    base = base_for(cuda_of(lock("torch==2.6.0+cu118")), python="3.10", signals=signals)
    assert base.build is not None
    assert base.build.value == f"{NVIDIA}11.8.0-devel-ubuntu22.04"


def test_a_hint_is_a_finding_only() -> None:
    """vllm compiles for some back ends: the base stays slim, and a finding says so."""
    base = base_for(cuda_of(lock("torch==2.8.0 vllm==0.11.0")))
    assert base.run.value == "slim"
    assert [finding.kind for finding in base.findings] == ["cuda.run-time-compiler"]


def test_every_chosen_tag_exists() -> None:
    """For every torch and every TensorFlow, a chosen tag is in the table and not deleted."""
    texts = [
        f"torch=={row.version}+{build.tag} apex==0.1"
        for row in tables.torch_releases()
        for build in row.builds
    ]
    texts += [f"tensorflow=={name}.0" for name in tables.table("tensorflow")["tested"]]
    chosen = set()
    for text in texts:
        try:
            base = base_for(cuda_of(lock(text)), gpu="required", python="3.10")
        except PlanError:
            continue
        image = base.nvcc.image if isinstance(base.nvcc, Nvcc) else None
        chosen |= {image.reference for image in (base.run_image, image) if image}
    assert chosen and chosen <= tags()


def test_variables_of_a_slim_image() -> None:
    """A slim image must set itself what NVIDIA's images set."""
    settings = {s.name: s.value for s in variables_of(cuda_of(lock("torch==2.14.1")))}
    assert settings == {
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    }
    assert variables_of(cuda_of(lock("numpy==2.3.0"))) == ()


def test_variables_of_a_build_without_gpu() -> None:
    """No GPU is visible in a build: architectures, jobs and CUDA are said, for that stage only."""
    plan = cuda_of(lock("torch==2.3.1 flash-attn==2.5.8 torch-scatter==2.1.2"))
    settings = {s.name: s for s in variables_of(plan, base_for(plan)) if s.build_only}
    assert {name: setting.value for name, setting in settings.items()} == {
        "TORCH_CUDA_ARCH_LIST": "5.0;6.0;7.0;7.5;8.0;8.6;9.0+PTX",
        "CUDAARCHS": "50-real;60-real;70-real;75-real;80-real;86-real;90",
        "FLASH_ATTENTION_FORCE_BUILD": "TRUE",
        "FORCE_CUDA": "1",
        "MAX_JOBS": "4",
    }
    assert all(setting.because for setting in settings.values())


def test_the_library_path_that_tensorflow_2_16_needs() -> None:
    """TensorFlow 2.16 finds its nvidia-* packages through LD_LIBRARY_PATH; 2.17 by itself."""
    found = {}
    for version in ("2.16.1", "2.17.0"):
        text = lock(
            f"tensorflow=={version} nvidia-cuda-runtime-cu12==12.3.101 nvidia-cudnn-cu12==8.9"
        )
        settings = variables_of(cuda_of(text), lock=text, site_packages="/opt/env/sp")
        found[version] = [s.value for s in settings if s.name == "LD_LIBRARY_PATH"]
    assert found == {
        "2.16.1": ["/opt/env/sp/nvidia/cuda_runtime/lib:/opt/env/sp/nvidia/cudnn/lib"],
        "2.17.0": [],
    }
