"""What is told of a system that refuses."""

from __future__ import annotations

import errno
import shutil

import pytest

from repropack.errors import reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "whatever", "/x"), "No space left on device"),
        (
            shutil.Error([("/a", "/b", "[Errno 28] No space left on device: '/b'")]),
            "No space left on device",
        ),
        (shutil.Error([]), "[]"),
        (OSError("odd"), "odd"),
        (OSError(), "it did not say why"),
    ],
)
def test_reason(error: OSError, said: str) -> None:
    """It is never "Success" or "None", which a copied tree's error would be without its parts."""
    assert reason(error) == said
