"""Which of NVIDIA's CUDA images: a tag that exists, chosen the same way every time.

Owns: the choice of a tag, and the refusal when there is none. Does not own: whether one is needed
(`base`). A deleted tag is never chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from repropack.cuda import tables
from repropack.cuda.tables import ImageRow
from repropack.cuda.version import key, major, minor
from repropack.errors import PlanError

# The flavours that do, best first: a larger one only where the table has not seen the smaller one.
FLAVOURS = {
    "runtime": ("runtime", "cudnn-runtime"),
    "cudnn-runtime": ("cudnn-runtime",),
    "devel": ("devel", "cudnn-devel"),
    "cudnn-devel": ("cudnn-devel",),
}
DELETED_SINCE = "2023-07"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An image that is wanted: CUDA minor, flavour; `cudnn` the oldest that does ("0": any).

    `python` is preferred if an Ubuntu has it; `glibc` is the oldest that does, and a release that
    is not newer than `host_glibc` is preferred, because its files are copied to such a system.
    """

    cuda: str
    flavour: str
    cudnn: str | None = None
    python: str | None = None
    glibc: str | None = None
    host_glibc: str | None = None

    def __str__(self) -> str:
        cudnn = "" if self.cudnn in (None, "0") else f" and cuDNN {self.cudnn}"
        return f"CUDA {self.cuda}{cudnn} ({self.flavour})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaImage:
    """One tag of NVIDIA's, with what it holds. `status` is `live` or `eol`."""

    reference: str
    cuda: str
    flavour: str
    system: str
    python: str
    glibc: str
    cudnn: str | None
    status: str
    because: str


def image_for(wish: Wish, *, alternative: str) -> CudaImage:
    """The tag for a wish: live, of the newest patch, on the Ubuntu with that Python or the newest.

    Raises `PlanError` that says why there is none, with `alternative` as what to do instead.
    """
    found = candidates(wish)
    if not found:
        what = f"no NVIDIA image for {wish}: {why_none(wish)}"
        near = nearest_tag(wish)
        raise PlanError(f"{what} (nearest: {near})" if near else what, hint=alternative)
    row, flavour = max(found, key=lambda pair: rank(wish, *pair))
    return CudaImage(
        reference=reference(row, flavour),
        cuda=row.cuda,
        flavour=flavour,
        system=row.system,
        python=row.python,
        glibc=row.glibc,
        cudnn=row.cudnn if "cudnn" in flavour else None,
        status=row.status,
        because=reason(wish, row),
    )


def reference(row: ImageRow, flavour: str) -> str:
    """A tag's full name."""
    return f"{tables.table('images')['repository']}:{row.cuda}-{flavour}-{row.system}"


def nearest_tag(wish: Wish) -> str | None:
    """The existing tag of the nearest CUDA minor, of the same major first; None if none does."""
    found = [
        pair
        for name in {row.minor for row in tables.images()}
        for pair in candidates(replace(wish, cuda=name, cudnn=wish.cudnn and "0"))
    ]
    if not found:
        return None
    closest = min(distance(wish, row) for row, _ in found)
    row, flavour = max(
        (pair for pair in found if distance(wish, pair[0]) == closest),
        key=lambda pair: rank(wish, *pair),
    )
    return reference(row, flavour)


def distance(wish: Wish, row: ImageRow) -> tuple[bool, int]:
    """How far an image's CUDA is from the one that is wanted."""
    return major(row.minor) != major(wish.cuda), abs(number(row.minor) - number(wish.cuda))


def number(cuda: str) -> int:
    """A CUDA minor as one number, for distances: 12.1 is 1201."""
    parts = (*key(cuda), 0, 0)
    return parts[0] * 100 + parts[1]


def candidates(wish: Wish) -> list[tuple[ImageRow, str]]:
    """Every tag that does, with its flavour as the tag spells it."""
    return [
        (row, flavour)
        for row in tables.images()
        if row.minor == minor(wish.cuda) and key(row.glibc) >= key(wish.glibc or "0")
        for flavour in row.flavours
        if plain(flavour) in FLAVOURS[wish.flavour] and has_cudnn(row, flavour, wish)
    ]


def plain(flavour: str) -> str:
    """A flavour without cuDNN's number: `cudnn8-runtime` is `cudnn-runtime`."""
    return flavour.replace("cudnn8", "cudnn").replace("cudnn9", "cudnn")


def has_cudnn(row: ImageRow, flavour: str, wish: Wish) -> bool:
    """Whether the image's cuDNN has the major version that is wanted and is not older."""
    if wish.cudnn in (None, "0"):
        return True
    if row.cudnn is None:
        return f"cudnn{major(wish.cudnn or '')}" in flavour
    same = major(row.cudnn) == major(wish.cudnn or "")
    return same and key(row.cudnn)[:2] >= key(wish.cudnn or "")[:2]


def rank(wish: Wish, row: ImageRow, flavour: str) -> tuple[object, ...]:
    """The order of candidates; the greatest is chosen."""
    return (
        row.status == "live",
        key(row.cuda),
        -FLAVOURS[wish.flavour].index(plain(flavour)),
        wish.host_glibc is None or key(row.glibc) <= key(wish.host_glibc),
        row.python == wish.python,
        row.cudnn is not None,
        key(row.system.removeprefix("ubuntu")),
    )


def reason(wish: Wish, row: ImageRow) -> str:
    """Why this tag."""
    kind = "the newest patch" if row.status == "live" else "a superseded patch, none newer has it,"
    python = f", whose python3 is {row.python}" if row.python == wish.python else ""
    stamp = tables.stamp("images")
    return f"{kind} of CUDA {row.minor} on {row.system}{python}, by the {stamp}"


def why_none(wish: Wish) -> str:
    """What stands in the way of a wish."""
    name, stamp = minor(wish.cuda), tables.stamp("images")
    if name in tables.deleted_minors():
        return f"NVIDIA deleted its images of CUDA {name} in {DELETED_SINCE}"
    rows = [row for row in tables.images() if row.minor == name]
    if not rows:
        return f"the {stamp} has none of CUDA {wish.cuda}"
    cudnn = sorted({row.cudnn for row in rows if row.cudnn}, key=key)
    if wish.cudnn not in (None, "0") and cudnn:
        return f"those of CUDA {name} have cuDNN {' and '.join(cudnn)}"
    return f"the {stamp} has no {wish.flavour} of CUDA {name}"
