"""Packages that are no wheels: an extension in C, a repository and the project itself, for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import commit_all, git
from tests.integration.reviewer_probe import docker, repropack
from tests.unit.bundle.made import reproduce
from tests.unit.environment.wheelhouse import sha256

pytestmark = [pytest.mark.engine, pytest.mark.network]

NAME = "built-packages"
SETUPTOOLS = "[build-system]\nrequires=['setuptools']\nbuild-backend='setuptools.build_meta'\n"
EXTENSION = """
#include <Python.h>
{include}
static PyObject *seven(PyObject *self, PyObject *none) {{ return PyLong_FromLong(7); }}
static PyMethodDef methods[] = {{{{"seven", seven, METH_NOARGS, ""}}, {{NULL}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "quick", "", -1, methods}};
PyMODINIT_FUNC PyInit_quick(void) {{ return PyModule_Create(&module); }}
"""
SETUP = """
from setuptools import Extension, setup
setup(name="quick", version="1.0", ext_modules=[Extension("quick", ["quick.c"])])
"""
CONFIG = f"""
name: {NAME}
environment: {{python: "3.11"}}
experiments:
  e: {{run: own-command, metrics: {{v: {{stdout: 'v=(\\d+)'}}}}}}
claims:
  - {{id: v, metric: e.v, value: "7"}}
"""
OWN = """
import importlib.metadata, quick, remote
def main():
    assert importlib.metadata.version("own") == "0.3"
    assert remote.ADDRESS == "here"
    print(f"v={quick.seven()}")
"""


def write_sdist(directory: Path, *, include: str = "") -> Path:
    """The source distribution of a module in C."""
    tree = directory / "quick-1.0"
    tree.mkdir(parents=True)
    (tree / "setup.py").write_text(SETUP)
    (tree / "quick.c").write_text(EXTENSION.format(include=include))
    (tree / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: quick\nVersion: 1.0\n")
    path = directory / "quick-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tree, "quick-1.0")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A project whose packages are no wheels, its bundle, and a directory that has the sources."""

    project: Path
    bundle: Path
    links: Path
    cache: Path


def build(place: Place, out: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Build the project."""
    given = {"PIP_FIND_LINKS": str(place.links), "REPROPACK_CACHE": str(place.cache)}
    return repropack("build", str(place.project), "-o", str(out), **(given | variables))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The project, built."""
    directory = tmp_path_factory.mktemp("building")
    sdist = write_sdist(directory / "links")
    remote = directory / "remote"
    (remote / "lib").mkdir(parents=True)
    (remote / "lib" / "pyproject.toml").write_text(
        SETUPTOOLS + "[project]\nname='remote'\nversion='2'\n[tool.setuptools]\n"
        "py-modules=['remote']\n"
    )
    (remote / "lib" / "remote.py").write_text("ADDRESS = 'here'\n")
    commit = commit_all(remote)
    project = directory / "project"
    (project / "src" / "own").mkdir(parents=True)
    (project / "src" / "own" / "__init__.py").write_text(OWN)
    (project / "pyproject.toml").write_text(
        SETUPTOOLS + "[project]\nname='own'\nversion='0.3'\n[project.scripts]\n"
        "own-command='own:main'\n[tool.setuptools.packages.find]\nwhere=['src']\n"
    )
    (project / "requirements.txt").write_text(
        f"-e .\nquick==1.0 --hash=sha256:{sha256(sdist)}\n"
        f"remote @ git+file://{remote}@{commit}#subdirectory=lib\n"
    )
    (project / "repropack.yaml").write_text(CONFIG)
    commit_all(project)
    made = Place(
        project=project,
        bundle=directory / "bundle",
        links=directory / "links",
        cache=directory / "cache",
    )
    done = build(made, made.bundle)
    assert done.returncode == 0, done.stderr
    yield made
    images = docker("images", "-q", f"repropack/{NAME}").split()
    subprocess.run(["docker", "rmi", "--no-prune", "-f", *images], capture_output=True)


def test_each_is_built_once_and_carried(place: Place, tmp_path: Path) -> None:
    """The bundle has the wheels, and says from what and in which base they were built."""
    raw = json.loads((place.bundle / "repropack.json").read_text())
    built = {item["filename"].split("-")[0]: item for item in raw["built"]}
    assert sorted(built) == ["quick", "remote"]
    assert built["quick"]["compiler"] is True and built["remote"]["compiler"] is False
    assert built["quick"]["sha256"] == sha256(place.links / "quick-1.0.tar.gz")
    assert "@" in built["remote"]["source"] and built["remote"]["requires"]
    (own,) = raw["editable"]
    assert (own["name"], own["version"], own["directory"]) == ("own", "0.3", ".")
    names = {item["filename"] for item in raw["built"]}
    assert {path.name for path in (place.bundle / "wheels").iterdir()} == names
    sums = (place.bundle / "SHA256SUMS").read_text()
    assert all(f"  wheels/{name}\n" in sums for name in names)
    again = build(place, tmp_path / "again", PIP_NO_INDEX="1", UV_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert not differences(place.bundle, tmp_path / "again")


def test_the_reviewer_builds_with_them(place: Place, tmp_path: Path) -> None:
    """reproduce.sh takes the wheels from the bundle, and fetches what an index has."""
    bundle = Path(shutil.copytree(place.bundle, tmp_path / "bundle", symlinks=True))
    image = docker("images", "-q", f"repropack/{NAME}").split()
    subprocess.run(["docker", "rmi", "-f", *image], capture_output=True)
    settings = {n: v for n, v in os.environ.items() if n.startswith(("PIP_", "SSL_", "HTTP"))}
    done = reproduce(bundle, path=Path(os.environ["PATH"]), environment=settings)
    assert done.returncode == 0, done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout
    (bundle / "wheels" / "remote-2-py3-none-any.whl").write_bytes(b"another")
    changed = reproduce(bundle, path=Path(os.environ["PATH"]), environment=settings)
    assert changed.returncode == 7 and "wheels/remote-2" in changed.stderr


def test_a_change_of_the_code_installs_nothing(place: Place, tmp_path: Path) -> None:
    """The project's own package is its source: its environment stays, its wheel too."""
    file = place.project / "src" / "own" / "__init__.py"
    file.write_text(OWN + "# another\n")
    commit_all(place.project, "another")
    done = build(place, tmp_path / "changed", PIP_NO_INDEX="1", UV_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert "building the environment" not in done.stderr
    same = ("pylock.toml", "wheels.sha256", "local/env/bin/own-command")
    for name in same:
        assert (tmp_path / "changed" / name).read_bytes() == (place.bundle / name).read_bytes()


def differences(one: Path, other: Path) -> list[str]:
    """Files that two bundles do not have in common."""
    found = [
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (one, other)
    ]
    names = sorted({*found[0], *found[1]})
    return [str(name) for name in names if found[0].get(name) != found[1].get(name)]


def test_what_cannot_be_built_says_what_is_missing(place: Place, tmp_path: Path) -> None:
    """A header of a library that is not there: exit code 5 with the Debian package that has it."""
    sdist = write_sdist(tmp_path / "links", include="#include <sndfile.h>")
    project = tmp_path / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "requirements.txt").write_text(f"quick==1.0 --hash=sha256:{sha256(sdist)}\n")
    commit_all(project)
    broken = Place(
        project=project, bundle=place.bundle, links=tmp_path / "links", cache=place.cache
    )
    done = build(broken, tmp_path / "out")
    assert done.returncode == 5, done.stderr
    assert "requirements.txt:1: quick==1.0" in done.stderr and "sndfile.h" in done.stderr
    assert "hint: add libsndfile1-dev" in done.stderr
    assert not (tmp_path / "out").exists()
    assert git(project, "status", "--porcelain") == ""


COMPUTED = """
from setuptools import setup
def read(name):
    return [line.strip() for line in open(name)]
names = [name for part in ("core", "more") for name in read("%s.list" % part)]
setup(name="paper", version="0.1", py_modules=["model"], install_requires=names)
"""


def test_what_a_script_computes_is_learned_in_a_container(tmp_path: Path) -> None:
    """It reads files that only running it names; without a container it is refused."""
    for name, text in {
        "setup.py": COMPUTED,
        "core.list": "six==1.16.0\n",
        "more.list": "attrs==23.2.0\n",
        "model.py": "",
        "repropack.yaml": CONFIG,
    }.items():
        (tmp_path / name).write_text(text)
    commit_all(tmp_path)
    planned = repropack("plan", "--json", str(tmp_path))
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    (found,) = (f for f in plan["findings"] if f["kind"] == "environment.executed")
    assert (
        "it was run, in a container without a network, and said that it needs six"
        in (found["because"])
    )
    assert found["where"] == "setup.py"
    refused = repropack("build", "--engine", "venv", str(tmp_path))
    assert refused.returncode == 3
    assert "install_requires is computed" in refused.stderr
    assert "the venv engine has no container to run it in" in refused.stderr


ROOT = """
[build-system]
requires = ["flit_core>=3.2"]
build-backend = "flit_core.buildapi"
[project]
name = "rooted"
version = "0.3"
description = "x"
requires-python = "==3.11.*"
dependencies = ["six==1.16.0"]
[project.scripts]
own-command = "rooted:main"
[dependency-groups]
ml = ["attrs==23.2.0"]
"""
ROOTED = '''"""A package."""
def main():
    import importlib.metadata, six, attr
    assert importlib.metadata.version("rooted") == "0.3"
    print("v=7")
'''


def test_the_project_itself_and_a_group_are_installed(tmp_path: Path) -> None:
    """Its command runs as after `pip install -e .`, with the group that repropack.yaml names."""
    (tmp_path / "src" / "rooted").mkdir(parents=True)
    (tmp_path / "src" / "rooted" / "__init__.py").write_text(ROOTED)
    (tmp_path / "pyproject.toml").write_text(ROOT)
    config = CONFIG.replace('{python: "3.11"}', "{groups: [ml]}")
    (tmp_path / "repropack.yaml").write_text(config)
    commit_all(tmp_path)
    verified = repropack("verify", str(tmp_path))
    assert verified.returncode == 0, verified.stderr
    (lock,) = (tmp_path / ".repropack" / "bundles").glob("*/pylock.toml")
    assert 'default-groups = ["ml"]' in lock.read_text()


# Wheels, bytecode of the environment, caches, and what makes environments.
LEFTOVERS = """
find / -xdev '(' -name '*.whl' -o -name '*.deb' -o -name '*.pyc' -path '/opt/env/*' ')'
ls -A /root/.cache /var/cache/apt/archives /var/lib/apt/lists 2>/dev/null | grep -v -e : -e '^$'
command -v pip uv gcc cc make; ls /opt/env/lib/python3.*/site-packages | grep -e pip -e setuptools
true
"""


def test_the_package_of_a_setup_py_is_installed_where_scripts_import_it(tmp_path: Path) -> None:
    """Beside a list of requirements too: src/ is found in no other way. No tools stay behind."""
    package, scripts = tmp_path / "src" / "paper", tmp_path / "scripts"
    package.mkdir(parents=True)
    scripts.mkdir()
    (package / "__init__.py").write_text("VALUE = 7\n")
    (scripts / "run.py").write_text("import paper, six\nprint(f'v={paper.VALUE}')\n")
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    (tmp_path / "setup.py").write_text(
        "from setuptools import find_packages, setup\n"
        "setup(name='paper', package_dir={'': 'src'}, packages=find_packages('src'))\n"
    )
    (tmp_path / "repropack.yaml").write_text(CONFIG.replace("own-command", "python scripts/run.py"))
    commit_all(tmp_path)
    verified = repropack("verify", str(tmp_path))
    assert verified.returncode == 0, verified.stderr
    (manifest,) = (tmp_path / ".repropack" / "bundles").glob("*/repropack.json")
    tag = json.loads(manifest.read_text())["image"]["tag"]
    assert docker("run", "--rm", "--user", "0", "--entrypoint", "sh", tag, "-c", LEFTOVERS) == ""
