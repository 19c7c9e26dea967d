"""Locks made by the real tools → the same packages that the tools' own exports have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from repropack.environment import Format, Lock, Target, format_of, normalise, read_lock
from repropack.environment.parts import UNASKED, Selection
from repropack.environment.target import marker_environment
from repropack.errors import InvalidError, SourceError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "locks"
LOCKS = {
    "poetry-2.1": "poetry.lock",
    "poetry-2.0": "poetry.lock",
    "poetry-1.1": "poetry.lock",
    "poetry-1.0": "poetry.lock",
    "uv": "uv.lock",
    "uv-conflicts": "uv.lock",
    "pdm-4.5": "pdm.lock",
    "pdm-4.4": "pdm.lock",
    "pdm-4.1": "pdm.lock",
    "pipenv": "Pipfile.lock",
}


def read(directory: str, target: Target, selection: Selection = UNASKED) -> Lock:
    """The lock of a fixture, as repropack reads it."""
    path = LOCKS.get(directory, "pdm.lock" if directory.startswith("pdm") else "uv.lock")
    text = (FIXTURES / directory / path).read_text("utf-8")
    format = format_of(path, text)
    assert format is not None
    return read_lock(text, path, format, target=target, read=reader(directory), selection=selection)


def reader(directory: str) -> Callable[[str], str]:
    """Reads the files beside a lock."""

    def read_text(path: str) -> str:
        try:
            return (FIXTURES / directory / path).read_text("utf-8")
        except OSError:
            raise SourceError(f"there is no {path}") from None

    return read_text


def exported(
    directory: str, target: Target, name: str = "export"
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Name, version and hashes of what the tool's own export installs on the target."""
    text = (FIXTURES / directory / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    environment = cast("dict[str, str]", {**marker_environment(target), "extra": ""})
    for line in text.splitlines():
        hashes = frozenset(re.findall(r"--hash=(\S+)", line))
        wanted = line.split("--hash")[0].split(" #")[0].strip()
        if not wanted or wanted.startswith(("#", "-")):
            continue
        requirement = Requirement(wanted)
        if not requirement.specifier:  # what Pipenv forgot to lock
            continue
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield normalise(requirement.name), str(requirement.specifier)[2:], hashes


PYTHONS = {  # those that the export, which is the oracle, was made for
    "poetry-1.1": ("3.9", "3.10", "3.11"),
    "poetry-1.0": ("3.9", "3.10", "3.11"),
    "pdm-4.1": ("3.10",),
    "pipenv": ("3.11",),
}


@pytest.mark.parametrize(
    ("directory", "python"),
    [
        (d, p)
        for d in LOCKS
        for p in PYTHONS.get(d, ("3.9", "3.10", "3.11", "3.12"))
        if (FIXTURES / d / "export.txt").exists()
    ],
)
def test_a_lock_gives_what_its_own_tool_exports(directory: str, python: str) -> None:
    """The same names and versions for each Python, and hashes that the export has too."""
    same_as_the_export(directory, Target(python=python), UNASKED, "export")


def same_as_the_export(directory: str, target: Target, selection: Selection, name: str) -> None:
    """Compare our reading with the tool's own."""
    lock = read(directory, target, selection)
    exports = exported(directory, target, name)
    oracle = {(name, version): hashes for name, version, hashes in exports}
    chosen = {(item.name, item.version): item for item in lock.requirements}
    assert {name for name, _ in chosen} == {name for name, _ in oracle}
    assert set(chosen) <= set(oracle)  # Poetry 1.0 exports two versions of one package
    for key, requirement in chosen.items():
        assert set(requirement.hashes) <= oracle[key]
        assert requirement.where.line


PLOT = Selection(groups=("paper",), extras=("Plot",))


@pytest.mark.parametrize("python", ["3.9", "3.10", "3.11", "3.12"])
@pytest.mark.parametrize(
    ("directory", "name", "selection"),
    [
        ("poetry-2.1", "plot", PLOT),
        ("poetry-2.0", "plot", PLOT),
        ("uv", "plot", Selection(groups=("dev",), extras=("plot",))),
        ("uv-conflicts", "new", Selection(groups=("fast",), extras=("new",))),
        ("uv-conflicts", "old", Selection(groups=("slow",), extras=("old",))),
        ("pdm-4.5", "dev", Selection(groups=("dev",))),
    ],
)
def test_groups_and_extras_give_what_the_tool_exports_with_them(
    directory: str, name: str, selection: Selection, python: str
) -> None:
    """What repropack.yaml names is installed besides, as the tool's own options do it."""
    same_as_the_export(directory, Target(python=python), selection, f"export-{name}")


@pytest.mark.parametrize(
    ("directory", "name", "selection"),
    [
        ("pipenv", "export-develop", Selection(groups=("develop",))),
        ("pipenv", "export-micropipenv", UNASKED),
        ("pipenv", "export-micropipenv-develop", Selection(groups=("develop",))),
        ("pdm-4.1", "export-3.11", UNASKED),
    ],
)
def test_what_an_export_of_one_python_has(directory: str, name: str, selection: Selection) -> None:
    """These exports evaluate markers for the Python that the tool runs on: here 3.11."""
    same_as_the_export(directory, Target(python="3.11"), selection, name)


@pytest.mark.parametrize(
    ("directory", "file", "name", "python"),
    [
        ("pip-compile", "requirements.txt", "export", "3.11"),
        ("uv-pip-compile", "requirements.txt", "export-3.9", "3.9"),
        ("uv-pip-compile", "requirements.txt", "export-3.11", "3.11"),
        *(("uv-pylock", "pylock.toml", f"export-{p}", p) for p in ("3.9", "3.10", "3.11", "3.12")),
        ("pip-lock", "pylock.toml", "export-3.11", "3.11"),
    ],
)
def test_a_written_file_gives_what_installers_read_in_it(
    directory: str, file: str, name: str, python: str
) -> None:
    """What pip-compile, uv and `pip lock` write is read as pip and uv read it."""
    text = (FIXTURES / directory / file).read_text("utf-8")
    format = format_of(file, text)
    assert format in (Format.HASHED, Format.PYLOCK)
    target = Target(python=python)
    lock = read_lock(text, file, format, target=target, read=reader(directory))
    oracle = {(n, version): hashes for n, version, hashes in exported(directory, target, name)}
    assert {(item.name, item.version) for item in lock.requirements} == set(oracle)
    for item in lock.requirements:
        assert item.hashes and oracle[item.name, item.version] <= set(item.hashes)


def test_uvs_two_exports_of_one_lock_are_read_as_the_lock_is() -> None:
    """pylock.toml and uv.lock: the same packages, with the same hashes."""
    target = Target(python="3.11")
    text = (FIXTURES / "uv-pylock" / "pylock.toml").read_text("utf-8")
    written = read_lock(text, "pylock.toml", Format.PYLOCK, target=target)
    assert {(r.name, r.version, r.hashes) for r in written.requirements} == {
        (r.name, r.version, r.hashes) for r in read("uv", target).requirements
    }


@pytest.mark.parametrize(
    ("directory", "selection", "reason", "hint"),
    [
        ("uv", Selection(groups=("mll",)), "groups in .* names mll, but uv.lock", "mean ml"),
        ("uv", Selection(extras=("gpu",)), "extras .* gpu, .* no such extra", "extras are plot"),
        ("uv", Selection(groups=("plot",)), "no such group", "under environment.extras"),
        ("uv", Selection(extras=("dev",)), "no such extra", "under environment.groups"),
        ("uv", Selection(without=("x",)), "groups_exclude .* names x", "groups are dev, ml"),
        ("poetry-2.1", Selection(groups=("papr",)), "no such group", "mean paper"),
        ("poetry-1.1", Selection(extras=("gpu",)), "no such extra", "extras are plot"),
        ("pdm-4.5", Selection(extras=("plot",)), "no such extra", "pdm.lock has no extras"),
        ("pipenv", Selection(extras=("plot",)), "no such extra", "Pipfile.lock has no extras"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(
    directory: str, selection: Selection, reason: str, hint: str
) -> None:
    """A misspelt group is an error, and never an environment without it."""
    with pytest.raises(InvalidError, match=reason) as raised:
        read(directory, Target(python="3.11"), selection)
    assert hint in (raised.value.hint or "")


def test_parts_that_exclude_each_other_are_refused() -> None:
    """uv's conflicts hold here too."""
    selection = Selection(extras=("new", "old"))
    with pytest.raises(InvalidError, match="extra new and extra old exclude each other"):
        read("uv-conflicts", Target(python="3.11"), selection)


@pytest.mark.parametrize("directory", ["uv", "poetry-2.1", "poetry-2.0", "pdm-4.5"])
def test_a_group_that_is_not_wanted_is_left_out(directory: str) -> None:
    """`groups_exclude` takes away what the tool installs unasked."""
    lock = read(directory, Target(python="3.11"), Selection(without=("ml",)))
    assert "packaging" not in {item.name for item in lock.requirements}
    assert "ml" in lock.parts.left


def test_a_package_says_for_which_group_and_extra_it_is_installed() -> None:
    """Only what the main dependencies do not need; each part has its reason."""
    selection = Selection(groups=("dev",), extras=("plot",))
    lock = read("uv", Target(python="3.11"), selection)
    needed = {i.name: (i.groups, i.extras) for i in lock.requirements if i.groups or i.extras}
    assert needed == {
        "packaging": (("ml", "dev"), ()),
        "iniconfig": (("dev",), ()),
        "six": ((), ("plot",)),
    }
    reasons = [(choice.value, choice.because) for choice in lock.parts.groups]
    assert reasons == [
        ("ml", "uv installs it unasked (uv.lock)"),
        ("dev", "environment.groups in repropack.yaml"),
    ]


@pytest.mark.parametrize("directory", ["poetry-2.1", "poetry-2.0", "uv", "pdm-4.5"])
def test_a_lock_without_a_wheel_for_the_python_is_refused_with_the_line(directory: str) -> None:
    """A package that has wheels for other Pythons only is found before anything is fetched."""
    with pytest.raises(InvalidError) as raised:
        read(directory, Target(python="3.13"))
    assert "no wheel for markupsafe 2.1.5 on Python 3.13" in raised.value.what
    assert f"{LOCKS[directory]}:" in raised.value.what
    assert raised.value.hint


@pytest.mark.parametrize("directory", ["poetry-2.0", "uv", "pdm-4.5"])
def test_a_lock_for_other_pythons_is_refused(directory: str) -> None:
    """The range of Pythons that a lock was made for counts."""
    with pytest.raises(InvalidError, match=r"the lock is for Python >=3\.9"):
        read(directory, Target(python="3.8"))


def test_static_addresses_are_kept_and_the_graph_is_walked() -> None:
    """A pdm.lock without inherited metadata gives the same packages as one with it."""
    target = Target(python="3.11")
    walked, said = read("pdm-4.5-urls", target), read("pdm-4.5", target)
    assert [(r.name, r.version) for r in walked.requirements] == [
        (r.name, r.version) for r in said.requirements
    ]
    assert all((r.url or "").startswith("https://index.example/") for r in walked.requirements)


@pytest.mark.parametrize(
    ("directory", "value", "left"),
    [
        ("poetry-2.1", "main, ml", "dev, paper, plot"),
        ("poetry-2.0", "main, ml", "dev, paper, plot"),
        ("poetry-1.1", "main", "dev, plot"),
        ("uv", "main, ml", "dev, plot"),
        ("pdm-4.5", "default, ml", "dev"),
        ("pipenv", "default", "develop"),
    ],
)
def test_groups_that_are_and_are_not_installed_are_told(
    directory: str, value: str, left: str
) -> None:
    """What the tool installs unasked counts, but for the tools of development."""
    lock = read(directory, Target(python="3.11"))
    (finding,) = [f for f in lock.findings if f.kind == "environment.groups"]
    assert finding.value == value
    assert finding.because.endswith(f"not installed: {left}")


def test_a_package_of_the_workspace_is_built() -> None:
    """A member that the project needs is on no index: it is installed from its directory."""
    lock = read("uv-workspace", Target(python="3.11"))
    found = {item.name: item.origin for item in lock.unbuilt}
    assert found["core"] is not None and found["core"].path == "packages/core"


def test_what_pipenv_did_not_lock_is_told() -> None:
    """Pipenv writes `*` for packages of other platforms: left out, with a finding."""
    lock = read("pipenv", Target(python="3.12"))
    said = {f.kind: f.value for f in lock.findings}
    assert said["environment.lock-incomplete"] == "colorama"
    assert said["python.conflict"] == "3.11"
    assert lock.indexes == ("https://index.example/simple",)


BITS = ("", "[", "3", '"x"', "[[package]]", "{}", "]", "name = 3", "files = 3", "version = []")


@given(st.data())
def test_no_damage_crashes_a_reader(data: st.DataObject) -> None:
    """A lock with broken lines is read or refused with its name, never a crash."""
    directory = data.draw(st.sampled_from([*LOCKS, "pdm-4.5-urls", "uv-workspace"]))
    path = next(p.name for p in (FIXTURES / directory).iterdir() if p.name.endswith(".lock"))
    lines = (FIXTURES / directory / path).read_text("utf-8").splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(st.sampled_from(BITS))
    text = "\n".join(lines)
    format = format_of(path, text)
    assert format is not None
    try:
        read_lock(text, path, format, target=Target(python="3.11"), read=reader(directory))
    except InvalidError as error:
        assert path in error.what and error.hint


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("poetry.lock", "[metadata]\nlock-version = '3.0'", "poetry.lock has format 3.0"),
        ("uv.lock", "version = 2", "uv.lock has format 2"),
        ("pdm.lock", "[metadata]\nlock_version = '5'", "pdm.lock has format 5"),
        ("pdm.lock", "[metadata]\nlock_version = '4.0'", "there is no pyproject.toml"),
        ("Pipfile.lock", "{", "Pipfile.lock is not JSON"),
        ("Pipfile.lock", "[]", "is not a lock of Pipenv's"),
        (
            "Pipfile.lock",
            '{"default": {\n"a": {"hg": "https://index.example/a"}}}',
            "Pipfile.lock:2: `a` comes from a repository of hg",
        ),
        (
            "poetry.lock",
            "[[package]]\nname='a'\nversion='1'\n[package.source]\ntype='git'\nurl='/u'",
            "poetry.lock:2: `/u` is not the address of a repository",
        ),
        (
            "pdm.lock",
            "[metadata]\nlock_version='4.5'\n[[package]]\nname='a'\nversion='1'\n"
            "groups=['default']\npath='../a'",
            "pdm.lock:4: `../a` is not in the repository",
        ),
    ],
)
def test_what_no_index_has_is_refused_with_its_place(path: str, text: str, message: str) -> None:
    """Unknown formats, other repositories and places outside each have their own words."""
    format = format_of(path, text)
    assert format is not None
    with pytest.raises(InvalidError) as raised:
        read_lock(text, path, format, target=Target(python="3.11"))
    assert message in raised.value.what and raised.value.hint


def test_the_index_of_a_package_is_asked_besides_the_machines() -> None:
    """uv and Poetry say which index a package is from; a page of links is told apart."""
    text = """version = 1
[[package]]
name = "me"
source = { virtual = "." }
dependencies = [{ name = "torch" }, { name = "other" }]
[[package]]
name = "torch"
version = "2.4.1+cu121"
source = { registry = "https://index.example/whl/cu121" }
wheels = [{ url = "https://index.example/whl/torch-2.4.1%2Bcu121-cp311-cp311-linux_x86_64.whl", hash = "sha256:HASH" }]
[[package]]
name = "other"
version = "1"
source = { registry = "https://index.example/links.html" }
wheels = [{ url = "https://index.example/other-1-py3-none-any.whl", hash = "sha256:HASH" }]
""".replace("HASH", "a" * 64)  # noqa: E501
    lock = read_lock(text, "uv.lock", Format.UV, target=Target(python="3.11"))
    assert [(r.name, r.version, r.index) for r in lock.requirements] == [
        ("other", "1", "https://index.example/links.html"),
        ("torch", "2.4.1+cu121", "https://index.example/whl/cu121"),
    ]
    assert lock.indexes == ("https://index.example/whl/cu121",)
    assert lock.find_links == ("https://index.example/links.html",)
