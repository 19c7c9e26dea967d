"""What to lock instead when an image that is needed does not exist.

Owns: the proposals. Does not own: noticing it (`images`), builds for another GPU (`nearest`).
"""

from __future__ import annotations

from collections.abc import Sequence

from repropack.cuda import tables
from repropack.cuda.images import Wish, candidates
from repropack.cuda.model import CudaPlan, Need, NeedKind
from repropack.cuda.version import key, major


def alternative(plan: CudaPlan, needs: Sequence[Need], wish: Wish) -> str:
    """What to do when there is no image for the runs."""
    name, _, version = needs[0].package.partition("==")
    first = tables.table("tensorflow")["first_extra"]
    if name.startswith("tensorflow") and key(version) >= key(first):
        return f"lock tensorflow[and-cuda]=={version}: its nvidia-* packages bring the libraries"
    if name.startswith("tensorflow"):
        return oldest_tensorflow()
    if name.startswith("jax-cuda"):
        return f"lock jax[cuda{major(wish.cuda)}]: its nvidia-* packages bring the libraries"
    if needs[0].kind is NeedKind.RUN_NVCC:
        return other_torch(plan, wish)
    return f"lock the nvidia-* packages of CUDA {major(wish.cuda)} beside {name}"


def oldest_tensorflow() -> str:
    """The oldest TensorFlow whose image still exists."""
    for name, row in sorted(tables.table("tensorflow")["tested"].items(), key=lambda i: key(i[0])):
        if candidates(Wish(cuda=row["cuda"], flavour="cudnn-runtime", cudnn=row["cudnn"])):
            return (
                f"TensorFlow {name} (CUDA {row['cuda']}) is the oldest whose image exists; "
                "or set gpu: none and run it on a CPU"
            )
    return "set gpu: none and run it on a CPU"


def other_torch(plan: CudaPlan, wish: Wish) -> str:
    """The builds of the same torch for which an image exists."""
    build = next((b for b in plan.builds if b.package == "torch"), None)
    release_row = tables.torch_release(build.version) if build else None
    tags = [
        row.tag
        for row in (release_row.builds if release_row else ())
        if row.offered and candidates(Wish(cuda=row.cuda, flavour=wish.flavour))
    ]
    if build is None or release_row is None or not tags:
        return "lock a version for a newer CUDA, or packages that need no compiler"
    choices = " or ".join(
        f"torch=={release_row.version}+{tag} (index path /whl/{tag})" for tag in tags
    )
    return f"lock {choices}: images for it exist"
