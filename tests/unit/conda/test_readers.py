"""Locks of conda-lock, of pixi and of conda itself: what of them is for Linux."""

from __future__ import annotations

import pytest

from repropack.conda.locks import environment_of
from repropack.conda.readers import (
    one_environment,
    read_conda_lock,
    read_explicit_lock,
    read_pixi,
)
from repropack.conda.writing import conda_lock_text, explicit_text
from repropack.environment import Target
from repropack.environment.condamodel import CondaFile, is_local, public_address
from repropack.environment.parts import Selection
from repropack.errors import InvalidError

TARGET = Target(python="3.11")
MD5, SHA = "ab" * 16, "cd" * 32
PACKAGE = """
- name: {name}
  version: {version}
  manager: {manager}
  platform: {platform}
  dependencies: {{python: '>=3.8'}}
  url: {url}
  hash: {{md5: {md5}, sha256: {sha}}}
  category: {category}
  optional: {optional}
"""


def entry(
    name: str, *, manager: str = "conda", platform: str = "linux-64", category: str = "main"
) -> str:
    """One package of a unified conda-lock.yml."""
    url = f"https://c.example/main/{platform}/{name}-3.9.18-h1_0.conda"
    if manager == "pip":
        url = f"https://index.example/{name}-3.9.18-py3-none-any.whl"
    return PACKAGE.format(
        name=name,
        version="3.9.18",
        manager=manager,
        platform=platform,
        url=url,
        md5=MD5,
        sha=SHA,
        category=category,
        optional=str(category != "main").lower(),
    )


def unified(*packages: str, platforms: str = "[linux-64, osx-arm64]") -> str:
    """A conda-lock.yml of version 1."""
    return (
        "version: 1\nmetadata:\n  content_hash: {linux-64: a, osx-arm64: b}\n"
        "  channels: [{url: main, used_env_vars: []}]\n"
        f"  platforms: {platforms}\n  sources: [environment.yml]\npackage:{''.join(packages)}"
    )


def test_a_unified_lock_gives_linux_and_the_main_group() -> None:
    """Other platforms and groups are left out, pip's packages kept apart, each with its line."""
    text = unified(
        entry("python"),
        entry("python", platform="osx-arm64"),
        entry("numpy"),
        entry("numpy", category="dev"),
        entry("pytest", category="dev"),
        entry("rich", manager="pip"),
    )
    read = read_conda_lock(text, "conda-lock.yml")
    assert sorted((p.name, p.build, p.hashes) for p in read.packages) == [
        ("numpy", "h1_0", (f"sha256:{SHA}", f"md5:{MD5}")),
        ("python", "h1_0", (f"sha256:{SHA}", f"md5:{MD5}")),
    ]
    environment = environment_of(read.packages, "conda-lock.yml")
    assert (environment.python, environment.minor) == ("3.9.18", "3.9")
    assert str(environment.packages[-1].where).startswith("conda-lock.yml:")
    (pip,) = read.requirements(environment, TARGET)
    assert (str(pip), pip.hashes) == ("rich==3.9.18", (f"sha256:{SHA}",))
    assert read.findings[0].because.endswith("for a run: main; not installed: dev")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (unified(entry("a", platform="osx-arm64")), "locks osx-arm64, and not linux-64"),
        ("version: 9\n", "unknown version 9"),
        ("", "is not a lock that conda-lock reads"),
        ("version: 1\npackage: 3\n", "is not a lock that conda-lock reads"),
    ],
)
def test_a_lock_that_cannot_be_used_says_why(text: str, reason: str) -> None:
    """Another platform's lock and a broken one are refused."""
    with pytest.raises(InvalidError, match=reason):
        read_conda_lock(text, "conda-lock.yml")


def test_what_is_written_is_read_again() -> None:
    """The bundle's conda-lock.yml is one that conda-lock reads, with public addresses alone."""
    url = "https://c.example/t/secret/main/linux-64/python-3.9.18-h1_0.conda"
    file = CondaFile(
        name="python",
        version="3.9.18",
        build="h1_0",
        url=public_address(url),
        filename="python-3.9.18-h1_0.conda",
        size_bytes=1,
        sha256=SHA,
        md5=MD5,
        depends=("libgcc >=13", "_openmp_mutex"),
    )
    text = conda_lock_text((file,))
    assert "secret" not in text
    (package,) = read_conda_lock(text, "conda-lock.yml").packages
    assert (package.url, package.depends) == (file.url, ("_openmp_mutex", "libgcc >=13"))
    (again,) = read_explicit_lock(explicit_text((file,)), "list.txt").packages
    assert (again.url, again.hashes, str(again)) == (
        file.url,
        (f"sha256:{SHA}",),
        "python=3.9.18=h1_0",
    )


def test_an_explicit_list_without_hashes_is_told() -> None:
    """What nothing pins is fetched once, with a warning; another platform's list is refused."""
    line = "https://c.example/main/linux-64/a-b-1.0-0.tar.bz2"
    read = read_explicit_lock(f"@EXPLICIT\n{line}\n{line}#{MD5}\n", "spec.txt")
    assert [(p.name, p.hashes) for p in read.packages] == [("a-b", ()), ("a-b", (f"md5:{MD5}",))]
    (finding,) = read.findings
    assert (finding.kind, str(finding.where)) == ("conda.unhashed", "spec.txt:2")
    with pytest.raises(InvalidError, match=r"spec.txt:2: the list is for osx-64"):
        read_explicit_lock("@EXPLICIT\nhttps://c.example/m/osx-64/a-1-0.conda\n", "spec.txt")


PIXI = """version: {version}
environments:
  default:
    channels:
    - url: https://c.example/main/
    indexes:
    - https://index.example/simple
    packages:
      linux-64:
      - conda: https://c.example/main/linux-64/python-3.12.1-h1_0_cpython.conda
      - pypi: https://index.example/rich-13.0.0-py3-none-any.whl
      osx-64:
      - conda: https://c.example/main/osx-64/python-3.12.1-h2_0_cpython.conda
  docs:
    channels:
    - url: https://c.example/main/
    packages:
      linux-64:
      - conda: https://c.example/main/linux-64/python-3.12.1-h1_0_cpython.conda
packages:
{packages}"""
PIXI_6 = f"""- conda: https://c.example/main/linux-64/python-3.12.1-h1_0_cpython.conda
  sha256: {SHA}
  md5: {MD5}
  depends:
  - libgcc >=13
  size: 5
- conda: https://c.example/main/osx-64/python-3.12.1-h2_0_cpython.conda
  sha256: {SHA}
  md5: {MD5}
- pypi: https://index.example/rich-13.0.0-py3-none-any.whl
  name: rich
  version: 13.0.0
  sha256: {SHA}
"""
PIXI_4 = f"""- kind: conda
  name: python
  version: 3.12.1
  build: h1_0_cpython
  subdir: linux-64
  url: https://c.example/main/linux-64/python-3.12.1-h1_0_cpython.conda
  sha256: {SHA}
  md5: {MD5}
  depends:
  - libgcc >=13
  size: 5
- kind: conda
  name: python
  version: 3.12.1
  build: h2_0_cpython
  subdir: osx-64
  url: https://c.example/main/osx-64/python-3.12.1-h2_0_cpython.conda
  sha256: {SHA}
  md5: {MD5}
- kind: pypi
  name: rich
  version: 13.0.0
  url: https://index.example/rich-13.0.0-py3-none-any.whl
  sha256: {SHA}
"""


@pytest.mark.parametrize(("version", "packages"), [(4, PIXI_4), (5, PIXI_4), (6, PIXI_6)])
def test_pixis_lock_gives_the_default_environment(version: int, packages: str) -> None:
    """Versions 4 to 6: conda's packages and an index's, each with its hash and its line."""
    text = PIXI.format(version=version, packages=packages)
    read = read_pixi(text, "pixi.lock")
    (python,) = read.packages
    assert (str(python), python.hashes) == (
        "python=3.12.1=h1_0_cpython",
        (f"sha256:{SHA}", f"md5:{MD5}"),
    )
    assert (python.depends, python.size_bytes) == (("libgcc >=13",), 5)
    assert str(python.where) == "pixi.lock:10"
    environment = environment_of(read.packages, "pixi.lock")
    (pip,) = read.requirements(environment, TARGET)
    assert (str(pip), pip.hashes) == ("rich==13.0.0", (f"sha256:{SHA}",))
    assert read.findings[0].because.endswith("for a run: default; not installed: docs")


def test_an_environment_of_pixis_is_chosen_by_its_name() -> None:
    """pixi installs one environment at a time, so that two names are refused."""
    text = PIXI.format(version=6, packages=PIXI_6)
    read = read_pixi(text, "pixi.lock", Selection(groups=("docs",)))
    assert [str(package) for package in read.packages] == ["python=3.12.1=h1_0_cpython"]
    assert read.pip == ()  # the default environment has some
    assert read.findings[0].because.endswith("for a run: docs; not installed: default")
    with pytest.raises(InvalidError, match=r"pixi\.lock has no such group"):
        read_pixi(text, "pixi.lock", Selection(groups=("cuda",)))
    with pytest.raises(InvalidError, match="one is installed at a time"):
        one_environment(("default", "x", "y"), "default", "pixi.lock", Selection(groups=("x", "y")))


def test_a_category_of_conda_lock_is_a_group() -> None:
    """Its packages are installed besides the main ones, pip's with their group."""
    text = unified(
        entry("python"), entry("rich", manager="pip", category="viz"), entry("x", category="viz")
    )
    read = read_conda_lock(text, "conda-lock.yml", Selection(groups=("viz",)))
    assert {package.name for package in read.packages} == {"python", "x"}
    (pip,) = read.requirements(environment_of(read.packages, "conda-lock.yml"), TARGET)
    assert pip.groups == ("viz",)
    with pytest.raises(InvalidError, match=r"conda-lock\.yml has no such extra"):
        read_conda_lock(text, "conda-lock.yml", Selection(extras=("viz",)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a lock that rattler reads"),
        ("version: 6\nenvironments: {}\npackages: []\n", "locks no environment"),
    ],
)
def test_a_pixi_lock_that_cannot_be_used_says_why(text: str, reason: str) -> None:
    """An empty lock and a broken one are refused."""
    with pytest.raises(InvalidError, match=reason):
        read_pixi(text, "pixi.lock")


@pytest.mark.parametrize(
    ("filename", "reason"),
    [("numpy-1.0-0.conda", "locks no Python"), ("python-3.6.9-h1_0.conda", "CPython 3.7 or newer")],
)
def test_an_environment_needs_a_python_that_starts_experiments(filename: str, reason: str) -> None:
    """No Python, or one that the runner does not support, is refused before anything is fetched."""
    text = f"@EXPLICIT\nhttps://c.example/main/linux-64/{filename}#{MD5}\n"
    packages = read_explicit_lock(text, "spec.txt").packages
    with pytest.raises(InvalidError, match=reason):
        environment_of(packages, "spec.txt")


@pytest.mark.parametrize(
    ("url", "public", "local"),
    [
        ("https://c.example/t/aa-b/m/a/a.conda", "https://c.example/m/a/a.conda", False),
        ("https://u:p@c.example:8/m/a.conda?x=1#y", "https://c.example:8/m/a.conda", False),
        ("http://localhost:8/m/a.conda", "http://localhost:8/m/a.conda", True),
        ("file:///home/me/a.conda", "file:///home/me/a.conda", True),
    ],
)  # fmt: skip
def test_addresses(url: str, public: str, local: bool) -> None:
    """No token, user or password is left; an address of one machine alone is known as such."""
    assert (public_address(url), is_local(url)) == (public, local)
