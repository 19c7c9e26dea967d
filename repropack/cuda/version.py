"""Version numbers as CUDA's world writes them: read tolerantly, compared by their numbers.

Owns: reading `2.4.1+cu121`, `cu118`, `12.1.105`, `525.60.13`. Does not own: Python's version rules
(`packaging`): what stands here never refuses a text, because locks hold what users have.
"""

from __future__ import annotations

import re

Release = tuple[int, ...]

_RELEASE = re.compile(r"v?(?:[0-9]{1,4}!)?([0-9]{1,9}(?:\.[0-9]{1,9}){0,9})")
_TAG = re.compile(r"(?:^|[^a-z])(?:pt\d{2,3})?cu(?P<long>da)?[-_]?(?P<digits>[0-9]{1,4})(?![0-9])")
MAJORS = range(7, 100)  # no CUDA that a lock can name is older; a larger number is no CUDA


def release(text: str) -> Release:
    """The numbers that a version starts with: `2.4.1rc1+cu121` is (2, 4, 1); none is ()."""
    match = _RELEASE.match(text.strip().lower())
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def key(text: str) -> Release:
    """A version for comparing: as `release`, with `2.0` equal to `2.0.0`."""
    numbers = release(text)
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def public(text: str) -> str:
    """The version without its local part: `2.4.1+cu121` is `2.4.1`."""
    return text.partition("+")[0].strip()


def local(text: str) -> str:
    """The local part of a version in lower case: of `2.4.1+cu121`, `cu121`; or ""."""
    return text.partition("+")[2].strip().lower()


def minor(text: str) -> str | None:
    """Major and minor: `12.1.105` is `12.1`; `12` alone says no minor."""
    numbers = release(text)
    return f"{numbers[0]}.{numbers[1]}" if len(numbers) > 1 else None


def major(text: str) -> str:
    """The major version: `12.1` is `12`; "" when there is none."""
    return str(numbers[0]) if (numbers := release(text)) else ""


def cuda_of_digits(digits: str) -> str | None:
    """CUDA from a tag's digits: `121` is `12.1`, `92` is `9.2`, `12` is `12`; None if no CUDA."""
    if len(digits) <= 2:
        text = digits if int(digits) < 80 else f"{digits[0]}.{digits[1]}"
    else:
        text = f"{digits[:2]}.{int(digits[2:])}"
    return text if release(text)[0] in MAJORS else None


def cuda_of_tag(text: str) -> str | None:
    """The CUDA that a tag names: in `cu118`, `pt25cu124`, `cuda12.cudnn89`, `jax-cuda12-plugin`."""
    match = _TAG.search(text.lower())
    return cuda_of_digits(match.group("digits")) if match else None


def tag_of_cuda(cuda: str) -> str:
    """The tag of a CUDA version: `12.1` is `cu121`."""
    return "cu" + "".join(str(number) for number in release(cuda)[:2])
