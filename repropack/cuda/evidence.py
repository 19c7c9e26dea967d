"""Signs of CUDA in a lock, whatever the framework: pins, local versions, indexes, names.

Owns: one requirement → its evidence. Does not own: what a framework's release is built with
(`frameworks`), which evidence wins (`deciding`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from repropack.cuda.model import Evidence, Strength, pinned
from repropack.cuda.version import (
    MAJORS,
    cuda_of_digits,
    cuda_of_tag,
    local,
    major,
    minor,
    release,
)
from repropack.environment import Lock, Requirement, normalise

RUNTIME = re.compile(r"nvidia-cuda-runtime(-cu\d+)?$")
COMPONENT = re.compile(r"nvidia-cuda-(nvrtc|cupti|nvcc)(-cu\d+)?$")
CUDNN = re.compile(r"nvidia-cudnn(-cu\d+)?$")
PACKAGES = re.compile(r"nvidia-[a-z0-9-]+|cuda-toolkit$")
NAMED = re.compile(r"-cu(?:da)?(\d{1,4})(?:x|mkl)?(?![0-9a-z])")
INDEX = re.compile(r"(?:/|\+)(cu[0-9]{2,4}|cpu|rocm[0-9.]*|xpu)(?=/|$|\.html$|[?#])")
WHEEL = re.compile(r"/[^/]+\.whl(?:$|[?#])")
POST_CUDA = re.compile(r"\.post(\d{2,4})$")  # paddlepaddle-gpu==2.6.1.post120 is for CUDA 12.0
NOT_CUDA = re.compile(r"(rocm|xpu|hpu|npu)")


def evidence_of(requirement: Requirement) -> Iterator[Evidence]:
    """All signs of CUDA that one locked package shows by itself, strongest first."""
    for strength, cuda, because in _signs(requirement):
        if cuda is not None:
            yield Evidence(
                strength=strength,
                cuda=cuda,
                because=because,
                package=str(requirement),
                where=requirement.where,
            )


def _signs(requirement: Requirement) -> Iterator[tuple[Strength, str | None, str]]:
    reason = pinned(requirement)
    name = normalise(requirement.name)
    yield Strength.PIN, pin_of(requirement), reason
    if COMPONENT.match(name):
        yield Strength.COMPONENT, toolkit_minor(requirement.version), reason
    yield Strength.LOCAL, local_cuda(requirement), reason
    tag = index_tag(requirement)
    if tag is not None and tag.startswith("cu"):
        yield Strength.INDEX, cuda_of_tag(tag), f"{reason}, from an index for {tag}"
    named = NAMED.search(name)
    if named:
        yield Strength.NAME, cuda_of_digits(named.group(1)), reason


def pin_of(requirement: Requirement) -> str | None:
    """The CUDA minor that a pinned toolkit or runtime package says."""
    name = normalise(requirement.name)
    if name != "cuda-toolkit" and not RUNTIME.match(name):
        return None
    return toolkit_minor(requirement.version)


def toolkit_minor(version: str) -> str | None:
    """The CUDA minor of a component's version; place-holders such as `0.0.1` say none."""
    numbers = release(version)
    return minor(version) if numbers and numbers[0] in MAJORS else None


def local_cuda(requirement: Requirement) -> str | None:
    """The CUDA of a local version: in the version, or in the file name of its URL."""
    text = local_of(requirement)
    if NOT_CUDA.search(text):
        return None
    if text:
        return cuda_of_tag(text)
    post = POST_CUDA.search(requirement.version)
    if post and normalise(requirement.name) == "paddlepaddle-gpu":
        return cuda_of_digits(post.group(1))
    return None


def local_of(requirement: Requirement) -> str:
    """The local version, also where only the wheel's file name says it."""
    text = local(requirement.version)
    if text or requirement.url is None:
        return text
    wheel = WHEEL.search(unquote(requirement.url))
    parts = wheel.group().split("-") if wheel else []
    return local(parts[1]) if len(parts) > 1 else ""


def index_tag(requirement: Requirement) -> str | None:
    """The tag of the index or the address of one package: `cu118`, `cpu`, `rocm6.0`."""
    for address in (requirement.url, requirement.index):
        tag = address_tag(address or "")
        if tag is not None:
            return tag
    return None


def address_tag(address: str) -> str | None:
    """The last tag in an address's path: `https://…/whl/cu118` has `cu118`."""
    found: list[str] = INDEX.findall(unquote(address).lower())
    return found[-1] if found else None


def lock_tag(lock: Lock) -> str | None:
    """The one tag that all indexes of the author's files agree on; several say nothing."""
    tags = {address_tag(address) for address in (*lock.indexes, *lock.find_links)} - {None}
    return tags.pop() if len(tags) == 1 else None


def has_packages(lock: Lock, cuda: str | None = None) -> bool:
    """Whether the lock has nvidia-* packages; with `cuda`, a runtime of that major version."""
    if cuda is None:
        return any(PACKAGES.match(normalise(item.name)) for item in lock.requirements)
    pins = (pin_of(item) for item in lock.requirements)
    return any(major(pin) == major(cuda) for pin in pins if pin is not None)


def cudnn_pin(lock: Lock, cuda: str | None = None) -> Requirement | None:
    """The cuDNN wheel: the one named for that CUDA major, if any; else the first one."""
    found = [item for item in lock.requirements if CUDNN.match(normalise(item.name))]
    found = [item for item in found if release(item.version)[:1] > (0,)]
    if cuda is not None:
        fitting = [i for i in found if normalise(i.name).endswith(f"-cu{major(cuda)}")]
        found = fitting or found
    return found[0] if found else None
