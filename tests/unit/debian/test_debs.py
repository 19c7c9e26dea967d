"""The record of a base's packages, and what two bases do not share."""

from __future__ import annotations

import pytest

from repropack.debian.debs import (
    UNKNOWN,
    Deb,
    debs_text,
    differences,
    parse_debs,
    parse_status,
)


def deb(name: str, version: str = "1", sha256: str = 64 * "a", architecture: str = "amd64") -> Deb:
    """A package."""
    return Deb(name=name, version=version, architecture=architecture, sha256=sha256)


def test_the_record_is_one_text_in_one_order() -> None:
    """Packages in any order give the same text, and it reads back as they were."""
    debs = (deb("zip"), deb("bash", "1:5.2~rc1+b1"), deb("bash", architecture="i386"))
    text = debs_text(debs)
    assert text == debs_text(tuple(reversed(debs)))
    assert text.splitlines()[0] == f"bash\t1\ti386\t{64 * 'a'}"
    assert parse_debs(text) == tuple(sorted(debs))


@pytest.mark.parametrize("text", ["bash\t1\tamd64\n", "x\n", "a\tb\tc\td\te\n"])
def test_what_is_no_record_is_refused(text: str) -> None:
    """A line with too few or too many fields is told."""
    with pytest.raises(ValueError, match="not a line"):
        parse_debs(text)


STATUS = """Package: bash
Status: install ok installed
Version: 5.2.15-2+b13
Architecture: amd64
Description: a shell
 Status: not a field

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: amd64

Package: tzdata
Status: hold ok installed
Architecture: all
Version: 2024a-0
"""


def test_dpkg_says_what_is_installed() -> None:
    """Versions from dpkg's own list, without what was removed; their hashes are unknown."""
    assert parse_status(STATUS) == (
        deb("bash", "5.2.15-2+b13", UNKNOWN),
        deb("tzdata", "2024a-0", UNKNOWN, "all"),
    )
    assert parse_status("") == parse_status("\x00\n\n: x\n") == ()


def test_differences_are_named() -> None:
    """Another version, a missing, an added and a changed package are told, nothing else."""
    theirs = (deb("a"), deb("b", "1"), deb("c"), deb("d"), deb("e", sha256=UNKNOWN))
    ours = (deb("a"), deb("b", "2"), deb("d", sha256="x"), deb("e"), deb("f"))
    assert differences(theirs, ours) == (
        "b 1 is 2 here",
        "c 1 is missing",
        "d 1 is another file here, of the same version",
        "f 1 is added",
    )
    assert differences(theirs, theirs) == ()
