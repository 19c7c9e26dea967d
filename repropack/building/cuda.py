"""nvcc beside a build: whether its sources ask for it, and the image that has it.

Owns: reading the sources for CUDA code, and the base with NVIDIA's files on top. Does not own:
which nvcc (`cuda.nvcc`), its packages where the index has them (`making`), the build (`worker`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from repropack.building.materials import Material
from repropack.building.systems import without_comments
from repropack.cuda import NoNvcc, Nvcc
from repropack.cuda.nvcc import built_with_nvcc
from repropack.cuda.version import minor
from repropack.engines import BuildRecipe, Image
from repropack.engines.cuda_image import provide_cuda
from repropack.environment import Requirement, normalise
from repropack.environment.store import workspace
from repropack.errors import PlanError, TemporaryError
from repropack.workshop import Workshop

#: What the files that describe a build say of CUDA.
SAYS_CUDA = re.compile(
    r"\bCUDAExtension\b|\bCUDA_HOME\b|\bCUDA_PATH\b|\bnvcc\b|\bcuda_add_(?:library|executable)\b"
    r"|(?i:\benable_language\s*\(\s*CUDA)|(?i:\bproject\s*\([^)]*LANGUAGES[^)]*\bCUDA\b)"
    r"|\bfind_package\s*\(\s*CUDA"
)
FILES = ("setup.py", "pyproject.toml", "CMakeLists.txt", "meson.build")
#: An image that has CUDA's files on top of the base, as the image of an experiment has them.
DOCKERFILE = """\
ARG BASE
ARG CUDA
FROM ${{CUDA}} AS cuda
RUN mkdir /gathered \\
 && for file in /usr/lib/*-linux-gnu/libcudnn* /usr/include/cudnn* \\
      /usr/include/*-linux-gnu/cudnn* /usr/lib/*-linux-gnu/libnccl* /usr/include/nccl*.h; do \\
      [ ! -e "$file" ] || cp --parents -L "$file" /gathered/; \\
    done
ARG BUILD=
LABEL repropack.build=${{BUILD}}

FROM ${{BASE}}
COPY --from=cuda {directory}/ {directory}/
COPY --from=cuda /gathered/ /
RUN ln -s {directory} /usr/local/cuda \\
 && ls -d {directory}/targets/*/lib > /etc/ld.so.conf.d/cuda.conf && ldconfig
"""


def asks_for_cuda(material: Material, item: Requirement) -> bool:
    """Whether a build compiles for CUDA: by the table for packages that are known, else by its
    files. A package that compiles when it runs does not.
    """
    known = built_with_nvcc(normalise(item.name))
    if known is not None:
        return known
    texts = (material.read(name) or "" for name in FILES)
    return material.has_cuda and any(SAYS_CUDA.search(without_comments(t)) for t in texts)


def nvcc_of_build(label: str, found: Nvcc | NoNvcc, workshop: Workshop) -> Nvcc | None:
    """What compiles a package with CUDA code; None in an environment without CUDA.

    Raises `PlanError` where the environment has CUDA and nothing can compile for it.
    """
    if isinstance(found, NoNvcc):
        if found.optional:
            return None
        raise PlanError(f"{label} has CUDA code, and {found.what}", hint=found.hint or None)
    if found.image is not None and workshop.base is None:
        raise PlanError(
            f"{label} is compiled with nvcc of CUDA {minor(found.cuda)}, and the venv engine has "
            "no container for it",
            hint="use --engine docker, or lock a version that has a wheel",
        )
    return replace(found, who=label)


def cuda_builder(base: Image, nvcc: Nvcc, workshop: Workshop) -> Image:
    """The base that compiles with NVIDIA's files on top, made once. Raises `TemporaryError`."""
    assert nvcc.image is not None, "there is an image to take nvcc from"
    engine, detail = workshop.engine, workshop.reporter.detail
    cuda = devel_image(nvcc, workshop)
    text = DOCKERFILE.format(directory=f"/usr/local/cuda-{minor(nvcc.cuda)}")
    inputs = "\0".join((text, base.id, cuda.id))
    tag = f"repropack/nvcc:{minor(nvcc.cuda)}-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    present = engine.image(tag)
    if present is not None:
        return present
    workshop.reporter.step(f"making a base that has nvcc: {nvcc.image.reference}")
    with workspace(workshop.settings.cache) as directory:
        (directory / "Dockerfile").write_text(text, "utf-8")
        recipe = BuildRecipe(
            context=directory,
            tag=tag,
            build_args=(("BASE", base.tag), ("CUDA", cuda.tag)),
            log=workshop.log.with_suffix(".nvcc.log"),
        )
        return engine.build(recipe, detail)


def devel_image(nvcc: Nvcc, workshop: Workshop) -> Image:
    """NVIDIA's image, on this machine or pulled."""
    assert nvcc.image is not None, "there is one"
    reference = nvcc.image.reference
    try:
        return provide_cuda(workshop.engine, reference, workshop.reporter.detail)
    except TemporaryError as error:
        cause = error.__cause__ or error
        raise TemporaryError(
            f"{nvcc.who} must be compiled with nvcc of {reference}, which cannot be had: {cause}",
            hint="try again later, bring the image along (`docker load`), or lock a version that "
            "has a wheel with CUDA" + (f": {nvcc.instead}" if nvcc.instead else ""),
        ) from error
