"""Locks hold what users have: no name and no version makes anything fail."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.cuda import Host, HostGpu, base_for, cuda_of, variables_of
from repropack.cuda.compare import compare
from repropack.cuda.model import CondaPackage
from repropack.cuda.version import cuda_of_tag, release
from repropack.environment import Lock, Requirement
from repropack.errors import PlanError
from repropack.findings import Where

NAMES = st.sampled_from(
    [
        *("torch", "torchvision", "tensorflow", "tensorflow-gpu", "tf-nightly", "jaxlib"),
        *("jax-cuda12-plugin", "jax-cuda99-plugin", "cupy-cuda12x", "cuda-toolkit", "mxnet-cu112"),
        *("nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime", "nvidia-cudnn-cu12", "flash-attn"),
        *("onnxruntime-gpu", "paddlepaddle-gpu", "deepspeed", "numpy", "Nvidia_CUDNN.cu11"),
    ]
)
VERSIONS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,4}){0,4}(a0|\.dev1|\.post[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r"[0-9]\.[0-9]{1,2}\.[0-9](\+(cu|cuda|pt2cu|cpu)[0-9]{0,6})", fullmatch=True),
    st.sampled_from(
        ["", "+", "9" * 5000, "1!2.0", "٣.١", "2.4.1+cu", "0", "v1", "2.4.1\n", "+cu118"]
    ),
)
ADDRESSES = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.sampled_from(
        ["https://index.example/whl/cu118", "/whl/cu", "/a-b+cu1.whl", "%", "/whl/cu0000"]
    ),
)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    """Any lock."""
    rows = draw(st.lists(st.tuples(NAMES, VERSIONS, ADDRESSES, ADDRESSES), max_size=6))
    return Lock(
        requirements=tuple(
            Requirement(
                name=name, version=version, hashes=(), where=Where(path="r"), index=index, url=url
            )
            for name, version, index, url in rows
        ),
        origin="r",
        because="",
        indexes=tuple(a for a in draw(st.lists(ADDRESSES, max_size=2)) if a is not None),
    )


@settings(max_examples=120, deadline=None)
@given(locks(), st.sampled_from(["none", "optional", "required"]), st.text(max_size=12))
def test_any_lock_is_decided(lock: Lock, gpu: str, driver: str) -> None:
    """Any lock gives a plan, a base or a refusal with a hint, and a comparison; twice the same."""
    plan = cuda_of(lock)
    assert plan == cuda_of(lock)
    assert all(choice.because for _, choice in plan.facts)
    try:
        base = base_for(plan, gpu=gpu, python="3.11")
    except PlanError as error:
        assert error.hint
        return
    variables_of(plan, base, lock=lock, site_packages="/sp")
    for capability in (None, "8.6", driver):
        one = HostGpu(name="GPU", compute_capability=capability, driver_version=driver)
        problems = compare(plan, Host(gpus=(one,), gpu_runtime="nvidia"), gpu=gpu)
        assert all(problem.fix for problem in problems)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["pytorch", "pytorch-cuda", "cudatoolkit", "cudnn", "jaxlib", "x"]),
    VERSIONS,
    st.text(max_size=40),
    st.text(max_size=20),
)
def test_any_conda_package_is_read(name: str, version: str, build: str, channel: str) -> None:
    """Any build string and any version of a conda package is read."""
    package = CondaPackage(name=name, version=version, build=build, channel=channel)
    empty = Lock(requirements=(), origin="", because="")
    assert cuda_of(empty, conda=(package,)).cuda.because


@given(st.text(max_size=60))
def test_any_text_is_a_version(text: str) -> None:
    """Reading a version or a tag never fails, and a tag's CUDA has a plausible major."""
    release(text)
    cuda = cuda_of_tag(text)
    assert cuda is None or 7 <= release(cuda)[0] < 100
