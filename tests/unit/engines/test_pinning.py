"""Which of an image's names with digests is recorded."""

from __future__ import annotations

import pytest

from repropack.engines.pinning import pinned_name

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HUB = "docker.io"


@pytest.mark.parametrize(
    ("names", "digest", "expected"),
    [
        ((), "", None),
        ((f"python@{A}",), "", f"{HUB}/library/python@{A}"),
        ((f"nvidia/cuda@{A}",), "", f"{HUB}/nvidia/cuda@{A}"),
        ((f"index.example/python@{A}",), "", f"index.example/python@{A}"),
        ((f"localhost:5000/python@{A}",), "", f"localhost:5000/python@{A}"),
        ((f"index.example/python@{A}", f"python@{A}"), "", f"{HUB}/library/python@{A}"),
        ((f"b.example/p@{A}", f"a.example/p@{B}"), "", f"a.example/p@{B}"),
        (
            (f"{HUB}/library/python@{A}", f"{HUB}/library/python@{B}"),
            B,
            f"{HUB}/library/python@{B}",
        ),
        ((f"{HUB}/library/python@{A}",), B, f"{HUB}/library/python@{A}"),
        ((f"localhost/repropack/base@{A}",), A, None),
        ((f"repropack/base@{A}",), "", None),
        ((f"repropack/base@{A}", f"zoo.example/p@{A}"), "", f"zoo.example/p@{A}"),
    ],
)
def test_the_name_that_others_can_pull(
    names: tuple[str, ...], digest: str, expected: str | None
) -> None:
    """The public one in full, the digest that was pulled by, and none of what was made here."""
    assert pinned_name(names, digest) == expected
    assert pinned_name(names[::-1], digest) == expected
