"""The plan: what is decided, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.errors import InvalidError
from repropack.pipeline import decide
from repropack.plan import Plan
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from tests.conftest import commit_all


def planned(directory: Path, files: dict[str, str], *, infer: bool = False) -> Plan:
    """The plan of a repository with these files."""
    for name, text in files.items():
        (directory / name).write_text(text)
    commit_all(directory)
    settings = Settings(cache=directory / ".repropack" / "cache", infer=infer)
    return decide(look(directory, allow_dirty=False), settings=settings, reporter=Silent())


def test_system_packages_come_from_both_places(tmp_path: Path) -> None:
    """apt.txt and repropack.yaml name system packages; each has its reason."""
    files = {"apt.txt": "libgl1\nzip\n", "repropack.yaml": "environment: {apt: [ffmpeg, zip]}\n"}
    apt = planned(tmp_path, files).base.apt
    assert [choice.value for choice in apt] == ["ffmpeg", "libgl1", "zip"]
    assert "repropack.yaml" in apt[0].because
    assert "apt.txt" in apt[1].because


HASH = f"--hash=sha256:{'0' * 64}"


def test_a_python_that_debian_has_not_is_said(tmp_path: Path) -> None:
    """The plan says where it comes from, which can be had without that, and keeps the packages."""
    base = planned(tmp_path, {"apt.txt": "libgl1\n", ".python-version": "3.12\n"}).base
    assert base.need.apt == ("libgl1",) and base.suite.value == "bookworm"
    assert "uv installs (without these there are 3.9, 3.11, 3.13)" in base.suite.because


@pytest.mark.parametrize(
    ("pin", "exact", "said"),
    [
        ("3.11.9", "3.11.9", "pinned in .python-version:1: the base has it where"),
        ("3.12.4", "3.12.4", "else it has the newest 3.12 that uv has"),
        ("3.11.2", None, ""),
        ("3.11", None, ""),
    ],
)
def test_a_patch_version_is_wanted_where_debian_has_another(
    tmp_path: Path, pin: str, exact: str | None, said: str
) -> None:
    """The plan names it, and which one there is where it cannot be had."""
    plan = planned(tmp_path, {".python-version": f"{pin}\n"})
    assert plan.base.need.exact == exact and plan.base.python.value == ".".join(pin.split(".")[:2])
    doubts = [found for found in plan.findings if found.kind == "python.patch"]
    assert [said in found.because for found in doubts] == [True] * (exact is not None)
    assert exact != "3.11.9" or "Debian bookworm's 3.11.2, and the build" in doubts[0].because


def test_system_packages_follow_from_the_lock(tmp_path: Path) -> None:
    """A locked package that needs a system library brings it, unless the author declines it."""
    pins = f"opencv-python==4.9.0.80 {HASH}\n"
    config = "environment: {apt_exclude: [libglib2.0-0]}\n"
    files = {"requirements.txt": pins, ".python-version": "3.11\n", "repropack.yaml": config}
    plan = planned(tmp_path, files)
    (choice,) = plan.base.apt
    assert choice.value == "libgl1"
    assert "opencv-python==4.9.0.80 in requirements.txt:1" in choice.because
    assert plan.base.need.apt == ("libgl1",)
    assert ("system package", choice) in plan.decisions
    assert any(found.kind == "system.excluded" for found in plan.findings)


def test_declined_system_packages_need_no_debian_python(tmp_path: Path) -> None:
    """What apt.txt asks for and the config declines does not stand in the way."""
    config = "environment: {apt_exclude: [libgl1]}\n"
    files = {"apt.txt": "libgl1\n", ".python-version": "3.12\n", "repropack.yaml": config}
    assert planned(tmp_path, files).base.apt == ()


def test_groups_and_extras_are_decisions_with_their_reasons(tmp_path: Path) -> None:
    """What the tool takes unasked, and what repropack.yaml names; other names are refused."""
    lock = (
        'lock-version = "1.0"\ncreated-by = "x"\nextras = ["gpu"]\ndependency-groups = ["ml"]\n'
        'default-groups = ["ml"]\npackages = []\n'
    )
    files = {"pylock.toml": lock, "repropack.yaml": "environment: {extras: [gpu]}\n"}
    decisions = planned(tmp_path, files).decisions
    said = {word: (choice.value, choice.because) for word, choice in decisions}
    assert said["group"] == (
        "ml",
        "default-groups: every installer installs it unasked (pylock.toml)",
    )
    assert said["extra"] == ("gpu", "environment.extras in repropack.yaml")
    files["repropack.yaml"] = "environment: {extras: [cpu]}\n"
    with pytest.raises(InvalidError, match=r"names cpu, but pylock\.toml has no such extra"):
        planned(tmp_path, files)


def test_names_of_groups_need_a_manifest(tmp_path: Path) -> None:
    """A repository that declares nothing has no groups."""
    files = {"main.py": "print(1)\n", "repropack.yaml": "environment: {groups: [ml]}\n"}
    with pytest.raises(InvalidError, match="the repository has no such group"):
        planned(tmp_path, files)


def test_every_decision_has_a_reason(tmp_path: Path) -> None:
    """No choice of a plan stands there without its because."""
    plan = planned(tmp_path, {"main.py": "print(1)\n"})
    assert plan.decisions
    assert all(choice.because for _, choice in plan.decisions)


def test_nothing_is_inferred_unasked(tmp_path: Path) -> None:
    """An import that no manifest declares is a finding, and installs nothing by itself."""
    plan = planned(tmp_path, {"main.py": "import numpy\n"})
    assert plan.lock.requirements == ()
    assert any(found.kind == "dependencies.missing" for found in plan.findings)


WHEELS = {"1.0": ("cp39", "cp310"), "2.0": ("cp311",)}


def uv_lock(version: str, requires: str = ">=3.8") -> str:
    """A uv.lock with one compiled package that has wheels for some Pythons alone."""
    files = ", ".join(
        f'{{ url = "https://index.example/a-{version}-{tag}-{tag}-manylinux_2_17_x86_64.whl", '
        f'hash = "sha256:{"0" * 64}" }}'
        for tag in WHEELS[version]
    )
    source = '{ registry = "https://index.example/simple" }'
    return (
        f'version = 1\nrequires-python = "{requires}"\n[[package]]\nname = "a"\n'
        f'version = "{version}"\nsource = {source}\nwheels = [{files}]\n[[package]]\nname = "x"\n'
        'version = "0"\nsource = { virtual = "." }\ndependencies = [{ name = "a" }]\n'
        '[package.metadata]\nrequires-dist = [{ name = "a" }]\n'
    )


PROJECT = '[project]\nname = "x"\nversion = "0"\ndependencies = ["a"]\n'


def test_the_python_follows_the_locks_wheels(tmp_path: Path) -> None:
    """Of the Pythons that nothing excludes, the first with a wheel of every package is taken."""
    files = {"pyproject.toml": PROJECT, "uv.lock": uv_lock("1.0")}
    base = planned(tmp_path, files).base
    assert base.python.value == "3.10"
    assert "not 3.11: uv.lock:" in base.python.because
    assert "no wheel for a 1.0 on Python 3.11" in base.python.because


def test_a_lock_without_wheels_for_the_pinned_python_is_refused(tmp_path: Path) -> None:
    """The refusal comes before anything is built, and names the Pythons that would do."""
    files = {"pyproject.toml": PROJECT, "uv.lock": uv_lock("1.0"), ".python-version": "3.11\n"}
    with pytest.raises(InvalidError) as caught:
        planned(tmp_path, files)
    assert "no wheel for a 1.0 on Python 3.11" in caught.value.what
    assert "Python 3.9 or 3.10 would do" in (caught.value.hint or "")


def test_a_lock_for_other_pythons_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    """`.python-version` against the lock's own `requires-python`."""
    locked = uv_lock("2.0", ">=3.11")
    files = {"pyproject.toml": PROJECT, "uv.lock": locked, ".python-version": "3.9\n"}
    with pytest.raises(InvalidError) as caught:
        planned(tmp_path, files)
    assert "the lock is for Python >=3.11, the target is Python 3.9" in caught.value.what
    assert caught.value.hint and "Python 3.11 would do" in caught.value.hint
