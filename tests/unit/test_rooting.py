"""Which projects are installed themselves, besides what they need."""

from __future__ import annotations

import pytest

from repropack.environment import EMPTY_LOCK, Lock, Target
from repropack.environment.learned import Learned
from repropack.environment.parts import UNASKED, Selection
from repropack.errors import InvalidError
from repropack.formats import Format
from repropack.inspection import EnvironmentFile, inspect
from repropack.rooting import with_root
from tests.unit.detectors.tree import Tree

BUILD = '[build-system]\nrequires = []\nbuild-backend = "{}"\n'
PROJECT = '[project]\nname = "My-Paper"\nversion = "0.3"\n'
POETRY = '[tool.poetry]\nname = "my-paper"\n'
PDM = PROJECT + "[tool.pdm]\n"
SETUPTOOLS = BUILD.format("setuptools.build_meta") + PROJECT
HATCH = BUILD.format("hatchling.build") + PROJECT
FLIT = BUILD.format("flit_core.buildapi")


def rooted(pyproject: str, format: Format, files: str) -> Lock:
    """An empty lock with the root of a project that has these files."""
    source = Tree({**dict.fromkeys(files.split(), ""), "pyproject.toml": pyproject})
    return with_root(EMPTY_LOCK, source, file_of(format), Target(python="3.11"))


def file_of(format: Format, root: str | None = None) -> EnvironmentFile:
    """A manifest of a format."""
    return EnvironmentFile(path=format.value, format=format, because="", root=root)


@pytest.mark.parametrize(
    ("pyproject", "format", "files", "installed"),
    [
        (POETRY, Format.POETRY, "my_paper/__init__.py", True),
        (POETRY, Format.PYPROJECT, "src/my_paper/__init__.py", True),
        (POETRY + "package-mode = false\n", Format.POETRY, "my_paper/__init__.py", False),
        (PROJECT, Format.POETRY, "x.py", True),  # setuptools builds it
        (PDM, Format.PDM, "a/x.py", True),
        (PDM + "distribution = false\n", Format.PDM, "a/x.py", False),
        ('[tool.pdm]\n[project]\ndependencies = ["a"]\n', Format.PDM, "a/x.py", False),
        (PROJECT, Format.PYPROJECT, "my_paper.py", False),  # a list of dependencies, as uv sees it
        (SETUPTOOLS, Format.PYPROJECT, "my_paper/x.py tests/x.py data.csv", True),
        (SETUPTOOLS + "[tool.uv]\npackage = false\n", Format.PYPROJECT, "a.py", False),
        (HATCH, Format.PYPROJECT, "my_paper.py", True),
        (FLIT + '[tool.flit.metadata]\nmodule = "other"\n', Format.PYPROJECT, "other.py", True),
        (SETUPTOOLS, Format.HASHED, "my_paper.py", False),  # pip installs what the file names
        (SETUPTOOLS, Format.UV, "my_paper.py", False),  # uv.lock says it itself
    ],
)
def test_the_root_is_installed_where_its_tool_installs_it(
    pyproject: str, format: Format, files: str, installed: bool
) -> None:
    """Poetry and PDM unless told otherwise; others where there is a build system."""
    lock = rooted(pyproject, format, files)
    assert [str(item.origin) for item in lock.requirements] == ["."] * installed
    assert lock.findings == ()


@pytest.mark.parametrize(
    ("pyproject", "files", "reason"),
    [
        (SETUPTOOLS, "models/a.py data/x.csv", "does not choose among data, models"),
        (SETUPTOOLS, "train.py model.py", "does not choose among model.py, train.py"),
        (BUILD.format("poetry.core.masonry.api") + POETRY, "code/a.py", "no package my_paper"),
        (HATCH, "code/a.py", "there is no package my_paper in it"),
        (FLIT + PROJECT, "a.py", "there is no package my_paper in it"),
    ],
)
def test_what_its_backend_refuses_is_left_out_with_the_reason(
    pyproject: str, files: str, reason: str
) -> None:
    """A root that its author could not install either does not stop a build."""
    lock = rooted(pyproject, Format.PYPROJECT, files)
    (finding,) = lock.findings
    assert lock.requirements == () and finding.kind == "environment.root-left-out"
    assert reason in finding.because and str(finding.where) == "pyproject.toml"


@pytest.mark.parametrize(
    ("pyproject", "files"),
    [
        (SETUPTOOLS + '[tool.setuptools]\npackages = ["models"]\n', "models/a.py data/x.csv"),
        (SETUPTOOLS, "src/a.py models/a.py data/x.csv"),
        (SETUPTOOLS, "setup.py models/a.py data/x.csv"),
        (HATCH + '[tool.hatch.build.targets.wheel]\npackages = ["code"]\n', "code/a.py"),
        (POETRY + 'packages = [{include = "code"}]\n', "code/a.py"),
    ],
)
def test_a_root_that_names_its_packages_is_installed(pyproject: str, files: str) -> None:
    """What the tables say counts before what lies there."""
    assert len(rooted(pyproject, Format.PYPROJECT, files).requirements) == 1


SCRIPT = "from setuptools import setup\nsetup(name='Paper_X', version='2', packages=['paper'])\n"
NAMELESS = "from setuptools import setup\nsetup(**arguments())\n"


@pytest.mark.parametrize(
    ("files", "format", "root", "expected"),
    [
        ({"setup.py": SCRIPT}, Format.SETUP_PY, None, ["paper-x"]),
        (
            {"setup.py": NAMELESS, "setup.cfg": "[metadata]\nname = y\n"},
            Format.SETUP_CFG,
            None,
            ["y"],
        ),
        ({"setup.py": NAMELESS}, Format.SETUP_PY, None, ["project"]),
        ({"setup.py": SCRIPT}, Format.REQUIREMENTS, None, []),
        ({"setup.py": SCRIPT}, Format.REQUIREMENTS, "the README says it", ["paper-x"]),
        ({"setup.py": SCRIPT}, Format.PIPFILE_LOCK, "the README says it", ["paper-x"]),
        ({"setup.py": SCRIPT}, Format.UV, "the README says it", []),
        ({"pyproject.toml": SETUPTOOLS, "my_paper.py": ""}, Format.HASHED, "x", ["my-paper"]),
        ({"a.py": ""}, Format.REQUIREMENTS, "x", []),
    ],
)
def test_a_setup_py_is_installed_and_beside_a_list_where_it_is_needed(
    files: dict[str, str], format: Format, root: str | None, expected: list[str]
) -> None:
    """`pip install .` is what a setup.py is for; a list of requirements says nothing of it."""
    lock = with_root(EMPTY_LOCK, Tree(files), file_of(format, root), Target(python="3.11"))
    assert [item.name for item in lock.unbuilt] == expected
    assert lock.findings == ()


@pytest.mark.parametrize(
    ("files", "python", "reason"),
    [
        ({"setup.cfg": "[metadata]\nname = x\n"}, "3.11", "without a setup.py or pyproject.toml"),
        ({"setup.py": SCRIPT}, "3.6", "no setuptools for Python 3.6"),
    ],
)
def test_a_setup_py_that_cannot_be_installed_is_left_out(
    files: dict[str, str], python: str, reason: str
) -> None:
    """Its requirements are installed all the same, and code beside the scripts is found."""
    lock = with_root(EMPTY_LOCK, Tree(files), file_of(Format.SETUP_CFG), Target(python=python))
    (finding,) = lock.findings
    assert lock.requirements == () and reason in finding.because


PACKAGE = {"setup.py": SCRIPT, "paper/__init__.py": ""}
BELOW = {"setup.py": SCRIPT, "src/paper/__init__.py": ""}
IMPORT = "import paper\nprint(1)\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**PACKAGE, "README.md": "x\n    pip install -e .\n"}, "README.md:2 installs the project"),
        ({**PACKAGE, "README.md": "`pip install -U --editable '.[dev]'`"}, "README.md:1 installs"),
        ({**PACKAGE, "README.md": "Then python3 setup.py develop it"}, "README.md:1 installs"),
        ({**PACKAGE, "scripts/a.py": IMPORT}, "`import paper` in scripts/a.py:1 finds it only"),
        ({**BELOW, "train.py": IMPORT}, "`import paper` in train.py:1 finds it only"),
        ({**BELOW, "src/paper/a.py": IMPORT}, "`import paper` in src/paper/a.py:1 finds it only"),
        ({**PACKAGE, "train.py": IMPORT}, None),
        ({**PACKAGE, "paper/a.py": IMPORT}, None),
        ({**PACKAGE, "scripts/a.py": IMPORT, "scripts/paper.py": ""}, None),
        ({**BELOW, "src/train.py": IMPORT}, None),
        ({"paper/__init__.py": "", "scripts/a.py": IMPORT}, None),
        ({**PACKAGE, "README.md": "pip install -r requirements.txt\npip install ../x ."}, None),
        ({**PACKAGE, "README.md": "pip install ./other"}, None),
    ],
)
def test_what_says_that_the_project_has_to_be_installed(
    files: dict[str, str], said: str | None
) -> None:
    """The README, or an import from where Python would not find the package."""
    root = inspect(Tree(files), None).environment.root
    assert root is None if said is None else root and root.startswith(said)


METADATA = """Metadata-Version: 2.4
Name: paper
Requires-Dist: six==1.16.0
Requires-Dist: tomli; python_version < "3.11"
Requires-Dist: cupy>=13; extra == "gpu"
Requires-Dist: nvtx; (sys_platform == "linux") and extra == "gpu"
Provides-Extra: gpu

Requires-Dist: no header
"""


def test_what_a_build_said_is_a_manifest() -> None:
    """Extras count when they are asked for; that something was executed is told."""
    said = Learned.of(METADATA, "it was run")
    manifest = said.manifest("setup.py", Selection(extras=("GPU",)))
    assert [line.text for line in manifest.lines] == [
        "six==1.16.0",
        'tomli ; python_version < "3.11"',
        "cupy>=13 ; python_version >= '3'",
        "nvtx ; (sys_platform == \"linux\") and python_version >= '3'",
    ]
    assert [f.kind for f in manifest.findings] == ["environment.executed", "environment.groups"]
    plain = said.manifest("setup.py", UNASKED)
    assert plain.lines[2].text == "cupy>=13 ; python_version < '3'"
    with pytest.raises(InvalidError, match=r"names cpu, but setup\.py has no such extra"):
        said.manifest("setup.py", Selection(extras=("cpu",)))
