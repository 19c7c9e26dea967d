"""A CUDA plan as plain JSON values and back: a bundle carries it to the machine that runs it.

Owns: both directions. Does not own: the file (`bundle`). Carried is what `compare` needs, and the
facts with their reasons; findings and needs stay with the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repropack.cuda.model import Build, Coverage, CudaPlan, State
from repropack.errors import InvalidError
from repropack.findings import Choice


def as_dict(plan: CudaPlan) -> dict[str, Any]:
    """A plan as plain JSON values, always in the same order."""
    return {
        "state": plan.state.value,
        "cuda": _choice(plan.cuda),
        "toolkit": _choice(plan.toolkit),
        "cudnn": _choice(plan.cudnn),
        "driver": _choice(plan.driver),
        "builds": [_build(build) for build in plan.builds],
    }


def _choice(choice: Choice | None) -> dict[str, str] | None:
    return None if choice is None else {"value": choice.value, "because": choice.because}


def _build(build: Build) -> dict[str, Any]:
    coverage = build.coverage
    return {
        "package": build.package,
        "version": build.version,
        "cuda": build.cuda,
        "tag": build.tag,
        "toolkit": build.toolkit,
        "cudnn": build.cudnn,
        "because": build.because,
        "gpus": None
        if coverage is None
        else {
            "sm": list(coverage.sm),
            "ptx": list(coverage.ptx),
            "oldest": coverage.oldest,
            "because": coverage.because,
        },
    }


def from_dict(data: Mapping[str, Any]) -> CudaPlan:
    """The plan that `as_dict` wrote. Raises `InvalidError` for anything else."""
    try:
        cuda = _read_choice(data["cuda"])
        if cuda is None:
            raise ValueError("cuda is null")
        return CudaPlan(
            state=State(data["state"]),
            cuda=cuda,
            toolkit=_read_choice(data["toolkit"]),
            cudnn=_read_choice(data["cudnn"]),
            driver=_read_choice(data["driver"]),
            builds=tuple(_read_build(row) for row in data["builds"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidError(
            f"what the bundle says about CUDA cannot be read: {error}", hint="pack it again"
        ) from error


def _read_choice(row: Mapping[str, str] | None) -> Choice | None:
    return None if row is None else Choice(value=_text(row["value"]), because=_text(row["because"]))


def _read_build(row: Mapping[str, Any]) -> Build:
    return Build(
        package=_text(row["package"]),
        version=_text(row["version"]),
        because=_text(row["because"]),
        cuda=_optional(row["cuda"]),
        tag=_optional(row["tag"]),
        toolkit=_optional(row["toolkit"]),
        cudnn=_optional(row["cudnn"]),
        coverage=_read_coverage(row["gpus"]),
    )


def _read_coverage(row: Mapping[str, Any] | None) -> Coverage | None:
    if row is None:
        return None
    return Coverage(
        sm=tuple(_text(value) for value in row["sm"]),
        ptx=tuple(_text(value) for value in row["ptx"]),
        oldest=_optional(row["oldest"]),
        because=_text(row["because"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)
