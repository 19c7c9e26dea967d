"""A package with CUDA code, compiled in a container with a real nvcc for the GPUs of torch.

torch itself is a stand-in with its name and version, because the plan reads no more of it. nvcc is
NVIDIA's own, from the index; for the devel image, in an image that is laid out as NVIDIA's.
"""

from __future__ import annotations

import json
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from repropack.engines import BuildRecipe
from repropack.engines.base import BaseSpec, provide_base
from repropack.engines.docker import DockerEngine
from tests.conftest import commit_all
from tests.integration.engine_bundle import ignore
from tests.integration.reviewer_probe import docker, repropack
from tests.unit.environment.wheelhouse import make_wheel, sha256

pytestmark = [pytest.mark.engine, pytest.mark.network]

NAME = "compiled-for-cuda"
DEVEL = "nvidia/cuda:12.9.2-cudnn-devel-ubuntu22.04"
SETUP = """
import os, subprocess, sysconfig
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

def targets():
    for name in os.environ["TORCH_CUDA_ARCH_LIST"].split(";"):
        number = name.replace(".", "").replace("+PTX", "")
        yield f"-gencode=arch=compute_{number},code=sm_{number}"
        if name.endswith("+PTX"):
            yield f"-gencode=arch=compute_{number},code=compute_{number}"

class Compile(build_ext):
    def build_extension(self, extension):
        nvcc = os.path.join(os.environ["CUDA_HOME"], "bin", "nvcc")
        out = self.get_ext_fullpath(extension.name)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        include = "-I" + sysconfig.get_path("include")
        words = ["-shared", "-Xcompiler", "-fPIC", include, *targets(), "-o", out]
        subprocess.check_call([nvcc, *words, *extension.sources])

setup(name="twice", version="1.0", ext_modules=[Extension("twice", ["twice.cu"])],
      cmdclass={"build_ext": Compile})
"""
CODE = """
#include <Python.h>
__global__ void twice(float *x) { x[threadIdx.x] *= 2; }
static PyObject *go(PyObject *self, PyObject *none) {
    float *x = NULL;
    int error = (int)cudaMalloc(&x, 128);
    if (!error) twice<<<1, 32>>>(x);
    return PyLong_FromLong(error);
}
static PyMethodDef methods[] = {{"go", go, METH_NOARGS, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "twice", "", -1, methods};
PyMODINIT_FUNC PyInit_twice(void) { return PyModule_Create(&module); }
"""
CONFIG = f"""
name: {NAME}
environment: {{python: "3.11"}}
experiments:
  e:
    run: python -c "import twice; twice.go(); print('v=7')"
    gpu: none
    metrics: {{v: {{stdout: 'v=(\\d+)'}}}}
claims:
  - {{id: v, metric: e.v, value: "7"}}
"""
LAYOUT = """\
ARG BASE
FROM ${BASE}
COPY cuda/ /usr/local/cuda-12.9/
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A directory that has the packages, a cache, and the projects."""

    directory: Path

    def project(self, torch: str) -> Path:
        """A project that has this torch and the package with CUDA code."""
        links, project = self.directory / "links", self.directory / torch
        wheel = make_wheel(links, "torch", torch)
        sdist = links / "twice-1.0.tar.gz"
        if not sdist.exists():
            write_sdist(sdist)
        project.mkdir()
        (project / "requirements.txt").write_text(
            f"torch=={torch} --hash=sha256:{sha256(wheel)}\n"
            f"twice==1.0 --hash=sha256:{sha256(sdist)}\n"
        )
        (project / "repropack.yaml").write_text(CONFIG)
        commit_all(project)
        return project

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """repropack with these packages."""
        given = {
            "PIP_FIND_LINKS": str(self.directory / "links"),
            "REPROPACK_CACHE": str(self.directory / "cache"),
        }
        return repropack(*words, **(given | more))


def write_sdist(path: Path) -> None:
    """The sources of the package."""
    tree = path.parent / "twice"
    tree.mkdir(parents=True)
    (tree / "setup.py").write_text(SETUP)
    (tree / "twice.cu").write_text(CODE)
    (tree / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: twice\nVersion: 1.0\n")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tree, "twice-1.0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """What the tests share."""
    yield Place(directory=tmp_path_factory.mktemp("building"))
    images = docker("images", "-q", f"repropack/{NAME}").split()
    subprocess.run(["docker", "rmi", "--no-prune", "-f", *images], capture_output=True)


def gpus_of(wheel: Path) -> tuple[list[int], list[int]]:
    """The compute capabilities that a wheel has machine code and PTX for, by its fat binaries."""
    with zipfile.ZipFile(wheel) as archive:
        data = next(archive.read(n) for n in archive.namelist() if n.endswith(".so"))
    code: dict[int, set[int]] = {1: set(), 2: set()}
    at = data.find(b"\x50\xed\x55\xba")
    while at >= 0:
        _, _, head, size = struct.unpack_from("<IHHQ", data, at)
        entry, end = at + head, at + head + size
        while entry < end:
            kind, _, length, content = struct.unpack_from("<HHIQ", data, entry)
            if kind in code:
                code[kind].add(struct.unpack_from("<I", data, entry + 28)[0])
            entry += length + content
        at = data.find(b"\x50\xed\x55\xba", end)
    return sorted(code[2]), sorted(code[1])


def built_of(bundle: Path) -> dict[str, str]:
    """What a bundle says of the one package that was built for it."""
    (built,) = json.loads((bundle / "repropack.json").read_text())["built"]
    return dict(built)


@pytest.fixture(scope="module")
def project(place: Place) -> Path:
    """A project with CUDA 13, verified: what compiles it was fetched."""
    project = place.project("2.14.1+cu130")
    done = place.run("verify", str(project), "-o", str(place.directory / "out"))
    assert done.returncode == 0, done.stderr
    return project


def test_nvcc_of_packages_compiles_for_torchs_gpus(place: Place, project: Path) -> None:
    """CUDA 13: a fat binary for what torch covers, carried; the image has no compiler."""
    bundle = place.directory / "bundle"
    done = place.run("build", str(project), "-o", str(bundle))
    assert done.returncode == 0, done.stderr
    built = built_of(bundle)
    assert built["cuda"].startswith("CUDA 13.0, nvcc of cuda-toolkit[nvcc,")
    assert built["cuda"].endswith("for 7.5;8.0;8.6;9.0;10.0;12.0+PTX") and built["compiler"]
    assert any(name.startswith("nvidia_cuda_nvcc-13.0.") for name in built["requires"])
    wheel = bundle / "wheels" / built["filename"]
    assert gpus_of(wheel) == ([75, 80, 86, 90, 100, 120], [120])
    tag = json.loads((bundle / "repropack.json").read_text())["image"]["tag"]
    look = "command -v nvcc gcc g++ cc make; ls -d /usr/local/cuda* /opt/env/*/*/*/nvidia; true"
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", tag, "sh", "-c", look],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def devel(place: Place, request: pytest.FixtureRequest) -> Iterator[str]:
    """An image under the name of NVIDIA's, with the nvcc that was fetched; or the real one."""
    engine, context = DockerEngine(), place.directory / "devel"
    if engine.image(DEVEL) is not None:
        yield DEVEL
        return
    request.getfixturevalue("project")
    home = context / "unpacked" / "nvidia" / "cu13"
    for wheel in (place.directory / "cache" / "wheels").glob("*/nvidia_*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(context / "unpacked")
            for info in archive.infolist():
                (context / "unpacked" / info.filename).chmod(0o755)
    home.rename(context / "cuda")
    (context / "cuda" / "lib64").symlink_to("lib")
    (context / "cuda" / "targets" / "x86_64-linux").mkdir(parents=True)
    for name in ("include", "lib"):
        (context / "cuda" / "targets" / "x86_64-linux" / name).symlink_to(f"../../{name}")
    (context / "Dockerfile").write_text(LAYOUT)
    spec = BaseSpec(suite="bookworm", python="3.11")
    base = provide_base(engine, spec, allow_pull=True, progress=ignore)
    recipe = BuildRecipe(
        context=context, tag=DEVEL, build_args=(("BASE", base.tag),), log=context / "log"
    )
    engine.build(recipe, ignore)
    yield DEVEL
    engine.remove_image(DEVEL)


@pytest.mark.slow
def test_nvcc_of_a_devel_image_compiles_for_torchs_gpus(place: Place, devel: str) -> None:
    """CUDA 12: nvcc of the devel image of torch's minor, on the base of the experiment."""
    project, bundle = place.project("2.11.0+cu129"), place.directory / "bundle12"
    done = place.run("build", str(project), "-o", str(bundle))
    assert done.returncode == 0, done.stderr
    built = built_of(bundle)
    assert built["cuda"].startswith(f"CUDA 12.9, docker.io/{devel}, for 7.5;")
    assert built["base"].startswith("repropack/nvcc:12.9-")
    machine, ptx = gpus_of(bundle / "wheels" / built["filename"])
    assert (machine, ptx) == ([75, 80, 86, 90, 100, 120], [120])
    docker("rmi", built["base"])
