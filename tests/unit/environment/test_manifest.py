from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.environment.manifest import Manifest, read_manifest
from repropack.errors import InvalidError, SourceError


class One:
    """A source with one text, whatever it is called."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read_text(self, path: str) -> str:
        """The text."""
        return self.text


def read(text: str, path: str = "pyproject.toml") -> Manifest:
    """A manifest."""
    return read_manifest(One(text), path)


def test_dependencies_are_read_with_their_lines() -> None:
    """Each dependency knows where it stands; other tables do not matter."""
    manifest = read('[project]\nname="x"\ndependencies = [\n "a>1",\n "b; python_version>\'3\'"]\n')
    assert [(line.text, str(line.where)) for line in manifest.lines] == [
        ("a>1", "pyproject.toml:4"),
        ("b; python_version>'3'", "pyproject.toml:5"),
    ]
    assert str(manifest.where("a")) == "pyproject.toml:4"
    assert str(manifest.where("other")) == "pyproject.toml"


def test_a_project_without_dependencies_asks_for_nothing() -> None:
    """The key is optional."""
    assert read('[project]\nname = "x"').lines == ()


def test_sources_of_uv_are_told_as_not_followed() -> None:
    """What has no effect is a finding, never silence."""
    (finding,) = read(
        '[project]\nname="x"\n[[tool.uv.index]]\nurl = "https://index.example"'
    ).findings
    assert finding.severity.value == "warning"


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("pyproject.toml", "[tool.black]\n", "pyproject.toml has no [project] table"),
        ("pyproject.toml", "project = 3", "pyproject.toml has no [project] table"),
        ("pyproject.toml", "[project", "pyproject.toml is not TOML"),
        ("pyproject.toml", '[project]\ndynamic = ["dependencies"]', "dependencies are dynamic"),
        ("pyproject.toml", "[project]\ndependencies = [3]", "a dependency is not a string"),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["a=1"]',
            "toml:2: `a=1` is not a requirement",
        ),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["a @ file:///x"]',
            "where conda built it",
        ),
        ("r.txt", "a\nb >= = 3", "r.txt:2: `b >= = 3` is not a requirement"),
        ("r.txt", "a\n-e ..", "r.txt:2: `..` is not in the repository"),
        ("r.txt", "-c r.txt\n--nonsense", "r.txt:2: `--nonsense` is no option"),
        ("r.txt", "-r more/r.txt", "more than 100 files are included"),
    ],
)
def test_what_cannot_be_resolved_is_refused(path: str, text: str, message: str) -> None:
    """Before any resolver runs, with the place."""
    with pytest.raises(InvalidError) as raised:
        read(text, path)
    assert message in raised.value.what and raised.value.hint


@given(st.one_of(st.text(), st.text().map(lambda text: f"[project]\ndependencies = ['{text}']")))
def test_no_text_crashes_the_reader(text: str) -> None:
    """Whatever a file holds, it is read or refused."""
    names = ("pyproject.toml", "r.txt", "Pipfile", "setup.py", "setup.cfg", "a.py")
    for path in (*names, "wandb/run-1-a/files/requirements.txt"):
        try:
            read(text, path)
        except InvalidError as error:
            assert path in error.what


class Several:
    """A source with several texts."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def read_text(self, path: str) -> str:
        """One of them."""
        if path not in self.texts:
            raise SourceError(f"there is no {path}")
        return self.texts[path]


def asked(path: str, text: str, **others: str) -> list[str]:
    """The lines that a manifest asks for, each with its place."""
    texts = {name.replace("_", "."): content for name, content in others.items()}
    manifest = read_manifest(Several({**texts, path: text}), path)
    return [f"{line.text} @{line.where}" for line in manifest.lines]


POETRY = """[tool.poetry]
name = "x"

[tool.poetry.dependencies]
python = "^3.9"
numpy = "^1.24.2"
old = "~0.3"
exact = "1.2"
wild = "1.2.*"
any = "*"
both = ">=1,<2 || >=3,<4"
"with.dot" = { version = "^0.0.3", extras = ["a", "b"], python = "<3.10" }
mac = { version = "*", markers = "sys_platform == 'darwin'" }
extra = { version = "1", optional = true }
many = [ { version = "1", python = "<3.11" }, { version = "2", python = ">=3.11" } ]

[tool.poetry.group.plot.dependencies]
plot = ">=2 <3"

[tool.poetry.group.dev.dependencies]
pytest = "*"
"""


def test_poetry_tables_are_read() -> None:
    """Carets, tildes, alternatives, markers and groups become standard requirements."""
    assert asked("pyproject.toml", POETRY) == [
        "numpy>=1.24.2,<2 @pyproject.toml:6",
        "old>=0.3,<0.4 @pyproject.toml:7",
        "exact==1.2 @pyproject.toml:8",
        "wild==1.2.* @pyproject.toml:9",
        "any @pyproject.toml:10",
        "both>=3,<4 @pyproject.toml:11",
        'with.dot[a,b]>=0.0.3,<0.0.4 ; (python_version < "3.10") @pyproject.toml:12',
        "mac ; ((sys_platform == 'darwin')) @pyproject.toml:13",
        'many==1 ; (python_version < "3.11") @pyproject.toml:15',
        'many==2 ; (python_version >= "3.11") @pyproject.toml:15',
        "plot>=2,<3 @pyproject.toml:18",
    ]


def test_poetrys_own_dependencies_only_enrich_those_of_the_project() -> None:
    """Poetry 2 installs `[project] dependencies`; its own count where these are dynamic."""
    own = "[tool.poetry.dependencies]\nb = '^1'\n"
    assert asked("pyproject.toml", f"[project]\ndependencies = ['a']\n{own}") == [
        "a @pyproject.toml:2"
    ]
    assert asked("pyproject.toml", f"[project]\ndynamic = ['dependencies']\n{own}") == [
        "b>=1,<2 @pyproject.toml:4"
    ]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "pyproject.toml",
            "[tool.flit.metadata]\nrequires = [\n'numpy>1']\n",
            ["numpy>1 @pyproject.toml:3"],
        ),
        (
            "pyproject.toml",
            "[dependency-groups]\nrun = ['a', {include-group = 'more'}]\nmore=['b']\ndev=['c']\n",
            ["a @pyproject.toml:2", "b @pyproject.toml:3", "b @pyproject.toml:3"],
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = ['a']\n[dependency-groups]\nmore = ['b']\n",
            ["a @pyproject.toml:2"],
        ),
        (
            "Pipfile",
            "[packages]\na = '*'\n"
            "b = {version = '>=1', extras = ['x'], sys_platform = \"== 'linux'\"}\n"
            "[dev-packages]\nc = '*'\n",
            ["a @Pipfile:2", "b[x]>=1 ; (sys_platform == 'linux') @Pipfile:3"],
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n  # no\n  a>1\n  b; python_version > '3'\n",
            ["a>1 @setup.cfg:4", "b; python_version > '3' @setup.cfg:5"],
        ),
        (
            "train.py",
            "# /// script\n# requires-python = '>=3.9'\n"
            "# dependencies = [\n#   'a>1',\n# ]\n# ///\n",
            ["a>1 @train.py:4"],
        ),
        (
            "wandb/run-20240101_000000-x/files/requirements.txt",
            "a==1\nb==2+cu118\nc @ file:///x\n-e git+https://index.example/x\n",
            [
                "a==1 @wandb/run-20240101_000000-x/files/requirements.txt:1",
                "b==2+cu118 @wandb/run-20240101_000000-x/files/requirements.txt:2",
            ],
        ),
        ("setup.py", "setup(install_requires=['a', 'b>1'])", ["a @setup.py:1", "b>1 @setup.py:1"]),
        (
            "setup.py",
            "R = ['a']\nsetup(install_requires=R + ['b'])",
            ["a @setup.py:1", "b @setup.py:2"],
        ),
        (
            "setup.py",
            "import setuptools\nK = dict(install_requires='a')\nsetuptools.setup(**K)",
            ["a @setup.py:2"],
        ),
        ("setup.py", "setup(name='x')", []),
    ],
)
def test_every_kind_of_manifest_is_read(path: str, text: str, expected: list[str]) -> None:
    """What is asked for, each with its file and line."""
    assert asked(path, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "setup(install_requires=open('r.txt').read().splitlines())",
        "with open('./r.txt') as f:\n    lines = f.readlines()\nsetup(install_requires=lines)",
        "def f(name='r.txt'):\n    return [l for l in open(name)]\nsetup(install_requires=f())",
        "setup(install_requires=parse(os.path.join(HERE, 'r.txt')))",
    ],
)
def test_a_setup_that_reads_a_file_is_followed(text: str) -> None:
    """The file is read instead of running the code, and that is said."""
    manifest = read_manifest(Several({"setup.py": text, "r.txt": "# c\na>1\n"}), "setup.py")
    assert [f"{line.text} @{line.where}" for line in manifest.lines] == ["a>1 @r.txt:2"]
    assert [f.kind for f in manifest.findings] == ["environment.setup"]
    assert asked("setup.cfg", "[options]\ninstall_requires = file: r.txt", r_txt="a") == [
        "a @r.txt:1"
    ]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("setup.py", "x = f()\nsetup(install_requires=x)", "setup.py:2: install_requires is comp"),
        ("setup.py", "setup(install_requires=open('r.txt'))", "setup.py:1: needs `r.txt`"),
        ("setup.py", "print 'x'", "setup.py is not Python 3"),
        ("a.py", "import x", "is not a requirement"),
        (
            "Pipfile",
            "[packages]\nx = {svn = 'https://index.example/x'}",
            "Pipfile:2: `x` comes from",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\nx = {path = '../x'}",
            "pyproject.toml:2: `../x` is not in the repository",
        ),
        (
            "pyproject.toml",
            "[dependency-groups]\na=[{include-group='b'}]\nb=[{include-group='a'}]",
            "include each other: a → b → a",
        ),
    ],
)
def test_what_cannot_be_read_statically_is_refused(path: str, text: str, message: str) -> None:
    """With the line, and with what to do."""
    with pytest.raises(InvalidError) as raised:
        read_manifest(Several({path: text}), path)
    assert message in raised.value.what and raised.value.hint


@pytest.mark.parametrize(
    ("line", "expected", "kind"),
    [
        ("sklearn", "scikit-learn", "environment.name-mapped"),
        ("sklearn==0.0", "scikit-learn", "environment.name-mapped"),
        ("sklearn==0.0.post1", "scikit-learn", "environment.name-mapped"),
        ("pytorch>=1.5", "torch>=1.5", "environment.name-mapped"),
        ("PIL==1.1.7", "pillow", "environment.name-mapped"),
        (
            "cv2; python_version>'3'",
            "opencv-python-headless; python_version>'3'",
            "environment.name-mapped",
        ),
        ("argparse", None, "environment.left-out"),
        ("pkg-resources==0.0.0", None, "environment.left-out"),
        ("pywin32==228", None, "environment.left-out"),
        ("python==3.6.12", None, "environment.left-out"),
        ("msgpack-python==1.0.2", "msgpack==1.0.2", "environment.name-mapped"),
        ("docx==0.2.4", "python-docx", "environment.name-mapped"),
        ("torch", "torch", None),
    ],
)
def test_names_that_never_were_right_are_mapped(
    line: str, expected: str | None, kind: str | None
) -> None:
    """What the author meant is resolved, and said with the line."""
    manifest = read(f"six\n{line}\n", "requirements.txt")
    assert [item.text for item in manifest.lines[1:]] == ([expected] if expected else [])
    assert [(f.kind, str(f.where)) for f in manifest.findings] == (
        [(kind, "requirements.txt:2")] if kind else []
    )


def test_tables_of_the_wrong_kind_are_nothing() -> None:
    """A foreign file may hold anything."""
    assert read("tool = 3\n[project]\ndynamic = 1\ndependencies = 2").lines == ()
