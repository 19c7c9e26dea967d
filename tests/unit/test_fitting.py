"""Which of several Pythons is tried first, and which hashes are of its files."""

from __future__ import annotations

import pytest

from repropack.engines import venv_pythons
from repropack.environment import EMPTY_LOCK, Lock, Requirement, Target
from repropack.environment.admitting import Files, admits
from repropack.errors import InvalidError, OtherPythonError, RepropackError, TemporaryError
from repropack.findings import Choice, Where
from repropack.fitting import HERE, first_from_sources, preferred
from repropack.plan import Base, base_of

BASES = tuple(base_of(Choice(value=p, because="why"), ()) for p in ("3.13", "3.11", "3.9"))


def test_pythons_of_this_machine_come_first_in_their_order() -> None:
    """Without a container no other can be made; the reason says so."""
    found = preferred(BASES, ("3.9", "3.11", "3.4"))
    assert [base.python.value for base in found] == ["3.11", "3.9", "3.13"]
    assert found[0].python.because == f"why; {HERE}" and found[2] == BASES[0]
    assert preferred(BASES, ()) == BASES


def from_sources(*answers: RepropackError | None) -> str:
    """Which of the bases is taken where each gives one of the answers, or what is refused."""
    refused = OtherPythonError("no wheel")
    said = dict(zip(BASES, answers, strict=True))

    def lock_for(base: Base) -> Lock:
        error = said[base]
        if error is not None:
            raise error
        return EMPTY_LOCK

    try:
        return first_from_sources(BASES, lock_for, refused)[0].python.value
    except RepropackError as error:
        return error.what


def test_packages_are_built_for_the_first_python_where_everything_can_be() -> None:
    """What one Python has no wheels for, and whose sources do not say enough, the next may have."""
    assert from_sources(OtherPythonError("x"), None, None) == "3.11"
    assert from_sources(None, None, None) == "3.13"
    assert from_sources(*(OtherPythonError("x"),) * 3) == "no wheel"


def test_a_contradiction_is_told_before_a_wheel_that_is_missing() -> None:
    """No other Python helps against requirements that exclude each other."""
    assert from_sources(OtherPythonError("x"), InvalidError("a and b"), None) == "a and b"
    assert from_sources(OtherPythonError("x"), TemporaryError("y"), None) == "no wheel"


@pytest.mark.parametrize(
    ("hashes", "from_sources", "admitted"),
    [
        (("sha256:a",), False, True),
        (("sha256:x", "sha256:a", "sha256:s"), False, True),
        (("sha256:x",), False, False),
        (("sha256:s",), False, True),  # there is nothing else of it
        (("sha256:s", "sha256:x"), False, False),  # x is a wheel for another Python
        (("sha256:s", "sha256:x"), True, True),
    ],
)
def test_a_hash_of_a_wheel_for_the_target_is_wanted(
    hashes: tuple[str, ...], from_sources: bool, admitted: bool
) -> None:
    """Sources count where the lock has nothing else, or where wheels were given up."""
    item = Requirement(name="a", version="1", hashes=hashes, where=Where(path="r.txt"))
    files = Files(wheels=frozenset(("sha256:a",)), sources=frozenset(("sha256:s",)))
    target = Target(python="3.11", from_sources=from_sources)
    assert admits(item, files, target) is admitted


def test_the_pythons_that_uv_lists() -> None:
    """CPython's minor versions, each once; nothing of what is no list."""
    listed = [
        {"version": "3.11.7", "implementation": "cpython"},
        {"version": "3.11.2", "implementation": "cpython"},
        {"version": "3.10.13", "implementation": "pypy"},
        {"version": "3.14.0rc1"},
        "x",
    ]
    assert list(venv_pythons._minors(listed)) == ["3.11", "3.11", "3.14"]
    assert list(venv_pythons._minors({})) == []
