"""Groups and extras of manifests and of `pylock.toml`, and of the lock in a bundle."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from packaging.pylock import Pylock

from repropack.environment import Format, Lock, Target, Wheel, read_lock, to_pylock
from repropack.environment.attributing import needed
from repropack.environment.groups import TOOLING
from repropack.environment.manifest import read_manifest
from repropack.environment.parts import MAIN_ALONE, NO_PARTS, UNASKED, Parts, Selection
from repropack.errors import InvalidError, SourceError
from repropack.findings import Choice

TARGET = Target(python="3.11")
SHA = "0" * 64
PYPROJECT = """
[project]
name = "Paper_Code"
dependencies = ["main"]
[project.optional-dependencies]
GPU = ["cupy"]
viz = ["plots"]
all = ["paper-code[gpu, viz]", "paper.code[all]"]
[dependency-groups]
ml = ["torch", {include-group = "Base"}]
base = ["numpy"]
dev = ["pytest", "paper-code[viz]"]
[tool.uv]
default-groups = ["dev", "ml"]
"""
POETRY = """
[tool.poetry.dependencies]
python = "^3.9"
main = "*"
cupy = {version = "*", optional = true}
plots = {version = "*", optional = true}
[tool.poetry.extras]
gpu = ["cupy"]
[tool.poetry.group.ml.dependencies]
torch = "*"
[tool.poetry.group.late]
optional = true
[tool.poetry.group.late.dependencies]
numpy = "*"
"""
PDM = """
[project]
name = "p"
dependencies = ["main"]
[tool.pdm.dev-dependencies]
ml = ["torch"]
test = ["pytest"]
"""
FLIT = """
[tool.flit.metadata]
module = "p"
requires = ["main"]
[tool.flit.metadata.requires-extra]
gpu = ["cupy"]
"""
DYNAMIC = """
[project]
name = "p"
dynamic = ["dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = "r.txt"}
optional-dependencies.gpu = {file = ["gpu.txt"]}
"""
PIPFILE = """
[packages]
main = "*"
[dev-packages]
pytest = "*"
[viz]
plots = "*"
[scripts]
run = "python x.py"
"""
SETUP_CFG = """
[options]
install_requires = main
[options.extras_require]
gpu =
    cupy
"""
SETUP_PY = "from setuptools import setup\nX={'gpu': ['cupy']}\n"
SETUP_PY += "setup(install_requires=['main'], extras_require=X)\n"


class Files:
    """A source of a few files."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def read_text(self, path: str) -> str:
        """The text of one."""
        if path not in self.texts:
            raise SourceError(f"there is no {path}")
        return self.texts[path]


def asked(path: str, text: str, selection: Selection) -> set[str]:
    """What a manifest asks for."""
    files = {path: text, "r.txt": "main\n", "gpu.txt": "cupy\n"}
    return {line.text for line in read_manifest(Files(**files), path, selection).lines}


GPU = Selection(extras=("gpu",))


@pytest.mark.parametrize(
    ("path", "text", "selection", "expected"),
    [
        ("pyproject.toml", PYPROJECT, UNASKED, {"main", "torch", "numpy"}),
        ("pyproject.toml", PYPROJECT, MAIN_ALONE, {"main"}),
        ("pyproject.toml", PYPROJECT, GPU, {"main", "torch", "numpy", "cupy"}),
        (
            "pyproject.toml",
            PYPROJECT,
            Selection(extras=("all",), without=("ml",)),
            {"main", "cupy", "plots"},
        ),
        (
            "pyproject.toml",
            PYPROJECT,
            Selection(groups=("Dev",), without=("ml",)),
            {"main", "pytest", "plots"},
        ),
        ("pyproject.toml", POETRY, UNASKED, {"main", "torch"}),
        (
            "pyproject.toml",
            POETRY,
            Selection(groups=("late",), extras=("gpu",)),
            {"main", "torch", "numpy", "cupy"},
        ),
        ("pyproject.toml", PDM, UNASKED, {"main", "torch"}),
        ("pyproject.toml", PDM, Selection(groups=("test",)), {"main", "torch", "pytest"}),
        ("pyproject.toml", FLIT, GPU, {"main", "cupy"}),
        ("pyproject.toml", DYNAMIC, GPU, {"main", "cupy"}),
        ("Pipfile", PIPFILE, UNASKED, {"main"}),
        ("Pipfile", PIPFILE, Selection(groups=("viz", "develop")), {"main", "plots", "pytest"}),
        ("setup.cfg", SETUP_CFG, GPU, {"main", "cupy"}),
        ("setup.py", SETUP_PY, UNASKED, {"main"}),
        ("setup.py", SETUP_PY, GPU, {"main", "cupy"}),
    ],
)
def test_a_manifest_asks_for_its_groups_and_extras(
    path: str, text: str, selection: Selection, expected: set[str]
) -> None:
    """What the tool installs unasked, what repropack.yaml names, and not what it excludes."""
    assert asked(path, text, selection) == expected


@pytest.mark.parametrize(
    ("path", "text", "selection", "reason", "hint"),
    [
        ("pyproject.toml", PYPROJECT, Selection(extras=("gpus",)), "no such extra", "mean gpu?"),
        ("pyproject.toml", POETRY, Selection(groups=("gpu",)), "no such group", "extras: write"),
        ("Pipfile", PIPFILE, GPU, "no such extra", "take it out: Pipfile has no extras"),
        ("setup.py", SETUP_PY, Selection(groups=("ml",)), "no such group", "has no groups"),
        ("r.txt", "main", GPU, "r.txt has no such extra", "r.txt has no extras"),
    ],
)
def test_a_manifest_without_the_name_is_refused(
    path: str, text: str, selection: Selection, reason: str, hint: str
) -> None:
    """The message names the file and says what to write."""
    with pytest.raises(InvalidError, match=reason) as raised:
        asked(path, text, selection)
    assert hint in (raised.value.hint or "")


def test_groups_that_include_each_other_are_refused() -> None:
    """A circle of includes ends."""
    text = '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n'
    with pytest.raises(InvalidError, match="include each other: a → b → a"):
        asked("pyproject.toml", text, UNASKED)
    with pytest.raises(InvalidError, match="the dependency group a includes c, which is not there"):
        asked("pyproject.toml", text.replace('"b"', '"c"'), UNASKED)


def entry(name: str, marker: str = "") -> str:
    """One package of a pylock.toml."""
    file = f"{name}-1-py3-none-any.whl"
    said = f'marker = "{marker}"\n' if marker else ""
    return (
        f'[[packages]]\nname = "{name}"\nversion = "1"\n{said}'
        f'wheels = [{{name = "{file}", path = "{file}", hashes = {{sha256 = "{SHA}"}}}}]\n'
    )


PYLOCK = (
    'lock-version = "1.0"\ncreated-by = "x"\nextras = ["gpu"]\n'
    'dependency-groups = ["ml", "paper"]\ndefault-groups = ["ml"]\n'
    + entry("main")
    + entry("torch", "'ml' in dependency_groups")
    + entry("numpy", "'paper' in dependency_groups or 'gpu' in extras")
    + entry("cupy", "'gpu' in extras")
)


def locked(selection: Selection) -> Lock:
    """That lock with these groups and extras."""
    return read_lock(
        PYLOCK, "pylock.toml", Format.PYLOCK, target=TARGET, read=None, selection=selection
    )


def test_an_authors_pylock_has_groups_and_extras() -> None:
    """Its default groups count unasked; the others and extras when they are named."""
    assert {item.name for item in locked(UNASKED).requirements} == {"main", "torch"}
    lock = locked(Selection(groups=("paper",), extras=("gpu",), without=("ml",)))
    assert {item.name: (item.groups, item.extras) for item in lock.requirements} == {
        "main": ((), ()),
        "numpy": (("paper",), ("gpu",)),
        "cupy": ((), ("gpu",)),
    }
    with pytest.raises(InvalidError, match=r"pylock\.toml has no such group"):
        locked(Selection(groups=("papers",)))


def wheel(name: str) -> Wheel:
    """The wheel of such a package."""
    file = f"{name}-1-py3-none-any.whl"
    return Wheel(name=name, version="1", filename=file, size_bytes=1, sha256=SHA)


def test_the_bundles_lock_keeps_groups_and_extras_and_installs_all_unasked() -> None:
    """A group is a condition that holds by default; an extra is written beside its packages."""
    lock = locked(Selection(groups=("paper",), extras=("gpu",)))
    text = to_pylock(tuple(wheel(item.name) for item in lock.requirements), TARGET, lock=lock)
    data = tomllib.loads(text)
    assert data["extras"] == ["gpu"]
    assert data["dependency-groups"] == data["default-groups"] == ["ml", "paper"]
    said = {item["name"]: (item.get("marker"), item.get("tool")) for item in data["packages"]}
    both = {"repropack": {"extras": ["gpu"], "groups": ["paper"]}}
    assert said == {
        "main": (None, None),
        "torch": ("'ml' in dependency_groups", None),
        "numpy": (None, both),
        "cupy": (None, {"repropack": {"extras": ["gpu"]}}),
    }
    again = read_lock(text, "pylock.toml", Format.PYLOCK, target=TARGET)
    assert {item.name for item in again.requirements} == set(said)
    assert Pylock.from_dict(data).default_groups == ["ml", "paper"]


def test_a_lock_without_parts_says_nothing_of_them() -> None:
    """The lock of a project that has no groups is as it was."""
    lock = locked(UNASKED)
    main = tuple(item for item in lock.requirements if item.name == "main")
    lock = replace(lock, requirements=main, parts=NO_PARTS)
    text = to_pylock((wheel("main"),), TARGET, lock=lock)
    assert "extras" not in text and "groups" not in text


def test_who_needs_what_is_read_from_uvs_comments() -> None:
    """What a group needs in turn is the group's, unless something else needs it too."""
    text = (
        "a==1 \\\n    --hash=sha256:0\n    # via -r requirements.in\n"
        "b.c==1 \\\n    --hash=sha256:0\n    # via a\n"
        "d==1 \\\n    # via\n    #   B-C\n    #   e\n    #   -r requirements.in\n"
        "e==1\n    # via -r requirements.in\n"
    )
    assert needed(text, ["a"]) == {"a", "b-c", "d"}
    assert needed(text, ["e"]) == {"e", "d"}


def test_parts_tell_what_is_left_out() -> None:
    """One finding where there was a choice, none where there was none."""
    parts = Parts(path="uv.lock", groups=(Choice(value="ml", because=""),), left=("dev",))
    (finding,) = parts.findings
    assert finding.because == "what uv.lock installs for a run: main, ml; not installed: dev"
    assert Parts(path="uv.lock").findings == ()
    assert TOOLING.fullmatch("dev-tools") and not TOOLING.fullmatch("device")
