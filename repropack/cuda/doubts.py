"""What can go wrong with a base that was chosen, as findings.

Owns: the findings. Does not own: the choice (`base`, `images`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from repropack.cuda.images import CudaImage
from repropack.cuda.model import CudaPlan, Libraries, Need
from repropack.cuda.version import minor
from repropack.errors import PlanError
from repropack.findings import Finding, Severity


def refused(error: PlanError) -> Finding:
    """A GPU that is only optional is given up, and that is said."""
    return Finding(
        kind="cuda.no-image",
        value="no GPU",
        because=f"{error.what}; the experiments run on a CPU. {error.hint or ''}".strip(),
        severity=Severity.WARNING,
    )


def hints(needs: Sequence[Need]) -> Iterator[Finding]:
    """Packages of which only some uses compile CUDA when they run."""
    for need in needs:
        if need.hint:
            yield Finding(
                kind="cuda.run-time-compiler",
                value=need.package,
                because=f"some uses of it need {need.kind.value}, which the image does not have: "
                f"{need.because}",
            )


def vague(plan: CudaPlan, run: CudaImage | None, needs: Sequence[Need]) -> Iterator[Finding]:
    """An image whose minor the lock does not say."""
    said = [cuda for cuda in (plan.cuda.value, *(need.cuda or "" for need in needs)) if minor(cuda)]
    if run is not None and not said:
        yield _doubt(
            run,
            f"{needs[0].package} says only CUDA {plan.cuda.value}; the newest minor covers the "
            "most GPUs. Pin the nvidia-* packages to choose another",
        )


def doubts(
    run: CudaImage | None, build: CudaImage | None, plan: CudaPlan, python: str | None
) -> Iterator[Finding]:
    """What can go wrong with the images that were chosen."""
    for image in {i.reference: i for i in (run, build) if i is not None}.values():
        if image.status != "live":
            yield _doubt(image, "NVIDIA may delete this superseded tag any day: keep a copy of it")
        if python is not None and image.python != python:
            yield _doubt(image, f"its python3 is {image.python}: Python {python} is brought along")
    carried = [b for b in plan.builds if b.libraries in (Libraries.WHEEL, Libraries.LOCK)]
    if run is not None and carried and "devel" not in run.flavour:
        yield _doubt(run, f"{carried[0]} carries its own CUDA libraries beside those of the image")


def _doubt(image: CudaImage, because: str) -> Finding:
    return Finding(
        kind="cuda.image", value=image.reference, because=because, severity=Severity.WARNING
    )
