"""CUDA's files, taken from an image that is laid out as NVIDIA's and stands in for one.

NVIDIA's own images are not pulled here: the stand-in has their directories, links and a library
with the names of CUDA's, so that the linker really finds it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.bundle import Ingredients, write_bundle
from repropack.engines import BuildRecipe
from repropack.engines.base import BaseSpec, provide_base
from repropack.engines.docker import DockerEngine
from repropack.images import finish
from repropack.pipeline import decide
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from repropack.workshop import open_workshop
from tests.conftest import commit_all
from tests.golden.test_cuda import plan_of
from tests.integration.engine_bundle import Cli, ignore
from tests.integration.reviewer_probe import repropack
from tests.integration.test_offline import alone

pytestmark = pytest.mark.engine
__all__ = ["alone"]  # a fixture
TAG = "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04"
STAND_IN = """
ARG BASE
FROM ${BASE}
COPY make.py /
RUN python3 /make.py
LABEL repropack.test=1
"""
# A real library under another name: its own name inside is overwritten with one that is as long.
MAKE = """
from pathlib import Path
system = Path("/usr/lib/x86_64-linux-gnu")
toolkit = Path("/usr/local/cuda-12.6")
library = toolkit / "targets/x86_64-linux/lib"
for directory in (library, toolkit / "compat"):
    directory.mkdir(parents=True)
(toolkit / "lib64").symlink_to("targets/x86_64-linux/lib")
Path("/usr/local/cuda").symlink_to("cuda-12.6")
real, name = (system / "libpam_misc.so.0").read_bytes(), b"libpam_misc.so.0"
for directory, soname, version in (
    (library, b"libcudart.so.12", "6.77"),
    (system, b"libcudnn.so.9", "5.1"),
):
    own = directory / f"{soname.decode()}.{version}"
    own.write_bytes(real.replace(name, soname.ljust(len(name), bytes(1))))
    (directory / soname.decode()).symlink_to(own.name)
for file in ("lib64/libcudart_static.a", "lib64/libcublas_static.a", "compat/libcuda.so.1"):
    (toolkit / file).write_bytes(b"x")
"""
SCRIPT = """
import ctypes, os
for name in ('libcudart.so.12', 'libcudnn.so.9'):
    ctypes.CDLL(name)
lib = '/usr/local/cuda/targets/x86_64-linux/lib/'
assert os.path.islink(lib + 'libcudart.so.12')
assert sorted(os.listdir(lib)) == ['libcudart.so.12', 'libcudart.so.12.6.77', 'libcudart_static.a']
assert os.listdir('/usr/local/cuda/lib64') and not os.path.exists('/usr/local/cuda/compat')
assert os.path.islink('/usr/lib/x86_64-linux-gnu/libcudnn.so.9')
assert not os.path.exists('/gathered') and not os.path.exists('/var/cache/ldconfig')
print(sorted(name for name in os.environ if 'CUDA' in name or 'LIBRARY' in name))
"""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image under the name of one of NVIDIA's, unless the machine has the real one."""
    engine, context = DockerEngine(), tmp_path_factory.mktemp("stand-in")
    if engine.image(TAG) is not None:
        yield TAG
        return
    spec = BaseSpec(suite="bookworm", python="3.11")
    base = provide_base(engine, spec, allow_pull=True, progress=ignore)
    (context / "Dockerfile").write_text(STAND_IN)
    (context / "make.py").write_text(MAKE)
    recipe = BuildRecipe(
        context=context, tag=TAG, build_args=(("BASE", base.tag),), log=context / "log"
    )
    engine.build(recipe, ignore)
    yield TAG
    engine.remove_image(TAG)


def test_libraries_are_taken_from_the_image(stand_in: str, tmp_path: Path) -> None:
    """The built image finds CUDA and cuDNN by the linker's cache, and has nothing else of it."""
    plan = plan_of("onnxruntime-gpu==1.20.0", tmp_path / "project")
    assert plan.base.need.cuda == f"docker.io/{stand_in}"
    settings = Settings(cache=tmp_path / "cache")
    workshop = open_workshop(plan.base.need, settings=settings, reporter=Silent())
    ingredients = Ingredients(
        target=workshop.target, wheels=(), tools=(), base=workshop.base_record
    )
    source = look(tmp_path / "project", allow_dirty=False).source
    bundle = write_bundle(plan, source, ingredients, cache=settings.cache, out=tmp_path / "bundle")
    assert bundle.base.cuda == workshop.base_record.cuda is not None
    image = finish(bundle, workshop).image
    command = ["docker", "run", "--rm", "--network", "none", image.id]
    done = subprocess.run(
        [*command, "/opt/env/bin/python", "-c", SCRIPT], capture_output=True, text=True
    )
    DockerEngine().remove_image(image.tag)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


CARRIED = """
name: carries-cuda
environment: {python: "3.11"}
experiments:
  e: {run: python e.py, gpu: optional, metrics: {m: {stdout: 'm=(\\d+)'}}}
claims:
  - {id: m, metric: e.m, value: "12"}
"""
LOADS = (
    "import ctypes\nctypes.CDLL('libcudart.so.12'), ctypes.CDLL('libcudnn.so.9')\nprint('m=12')\n"
)


@pytest.mark.parametrize("way", ["reproduce.sh", pytest.param("verify", marks=pytest.mark.slow)])
def test_offline_brings_the_image(
    way: str, stand_in: str, alone: list[str], tmp_path: Path
) -> None:
    """Where nobody answers and no image is there, CUDA's files come from the bundle's own image."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text(f"onnxruntime-gpu==1.20.0 --hash=sha256:{'0' * 64}\n")
    (project / "repropack.yaml").write_text(CARRIED)
    (project / "e.py").write_text(LOADS)
    commit_all(project)
    settings = Settings(cache=tmp_path / "cache", offline=True, engine="docker")
    looked = look(project, allow_dirty=False)
    plan = decide(looked, settings=settings, reporter=Silent())
    workshop = open_workshop(plan.base.need, settings=settings, reporter=Silent())
    record = workshop.base_record
    assert record.cuda_image is not None and record.cuda_image.record.tag.startswith("repropack/")
    made = Ingredients(target=workshop.target, wheels=(), tools=(), base=record)
    bundle, out = tmp_path / "bundle", tmp_path / "out"
    write_bundle(plan, looked.source, made, cache=settings.cache, out=bundle)
    if way == "verify":
        words = ("--engine", "podman", "--allow", "gpu", "-o", str(out))
        done = repropack("verify", str(bundle), *words, before=alone)
    else:
        command = [*alone, str(bundle / way), "--engine", "podman", "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout
    names = Cli("podman").do("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert f"localhost/{record.cuda_image.record.tag}" in names
    assert not [name for name in names if "nvidia" in name]
