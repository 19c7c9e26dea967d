"""What comes from no index, in every format: where it is, at which commit, with which hash."""

from __future__ import annotations

import pytest

from repropack.environment import Format, Kind, Lock, Target, read_lock
from repropack.environment.artifacts import is_sdist
from repropack.environment.gitcommits import tagged_version
from repropack.environment.origins import git_of
from repropack.errors import InvalidError, OtherPythonError, SourceError
from repropack.findings import Where

C = "0a" * 20
H = "sha256:" + "b" * 64
URL = "https://index.example/team/x"


def nothing(path: str) -> str:
    """A source with no other file."""
    raise SourceError(f"there is no {path}")


def read(path: str, text: str, format: Format, *, from_sources: bool = False) -> Lock:
    """A lock of a format."""
    target = Target(python="3.11", from_sources=from_sources)
    return read_lock(text, path, format, target=target, read=nothing)


def uv(source: str, more: str = "") -> str:
    """A uv.lock whose project needs `x`."""
    return (
        'version = 1\n[[package]]\nname = "p"\nversion = "1"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "x" }]\n[[package]]\nname = "x"\nversion = "2"\n'
        f"source = {source}\n{more}"
    )


def poetry(source: str, files: str = "[]") -> str:
    """A poetry.lock that has `x`."""
    return (
        f"[[package]]\nname = 'x'\nversion = '2'\nfiles = {files}\ngroups = ['main']\n"
        f"{source}\n[metadata]\nlock-version = '2.1'\n"
    )


def pdm(more: str) -> str:
    """A pdm.lock that has `x`."""
    return (
        "[metadata]\nlock_version = '4.5'\n[[package]]\nname = 'x'\nversion = '2'\n"
        f"groups = ['default']\n{more}\n"
    )


def pylock(more: str) -> str:
    """A pylock.toml that has `x`."""
    return f"lock-version = '1.0'\ncreated-by = 'y'\n[[packages]]\nname = 'x'\n{more}"


GIT = (Kind.GIT, URL, C, "")
INSIDE = (Kind.GIT, URL, C, "lib")
DIRECTORY = (Kind.DIRECTORY, "", "", "libs/x")
SDIST = (Kind.SDIST, "", "", "")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("uv.lock", uv(f'{{ git = "{URL}?rev=main#{C}" }}'), GIT),
        ("uv.lock", uv(f'{{ git = "{URL}?subdirectory=lib&rev=main#{C}" }}'), INSIDE),
        ("uv.lock", uv('{ editable = "libs/x" }'), DIRECTORY),
        ("uv.lock", uv('{ directory = "libs/x" }'), DIRECTORY),
        ("uv.lock", uv('{ path = "x-2.tar.gz" }'), (Kind.FILE, "", "", "x-2.tar.gz")),
        (
            "uv.lock",
            uv('{ registry = "https://index.example/simple" }',
               f'sdist = {{ url = "{URL}-2.tar.gz", hash = "{H}" }}'),
            SDIST,
        ),
        (
            "uv.lock",
            uv(f'{{ url = "{URL}-2.zip" }}', f'sdist = {{ hash = "{H}" }}'),
            (Kind.SDIST, f"{URL}-2.zip", "", ""),
        ),
        (
            "poetry.lock",
            poetry(f"[package.source]\ntype='git'\nurl='{URL}'\nreference='main'\n"
                   f"resolved_reference='{C}'\nsubdirectory='lib'"),
            INSIDE,
        ),
        ("poetry.lock", poetry("[package.source]\ntype='directory'\nurl='libs/x'"), DIRECTORY),
        ("poetry.lock", poetry("", f"[{{file='x-2.tar.gz', hash='{H}'}}]"), SDIST),
        ("pdm.lock", pdm(f"git = '{URL}'\nref = 'main'\nrevision = '{C}'"), GIT),
        ("pdm.lock", pdm("path = './libs/x'\neditable = true"), DIRECTORY),
        ("pdm.lock", pdm(f"files = [{{file='x-2.tar.gz', hash='{H}'}}]"), SDIST),
        (
            "Pipfile.lock",
            f'{{"default": {{"x": {{"git": "{URL}", "ref": "{C}", "editable": true}}}}}}',
            GIT,
        ),
        (
            "Pipfile.lock",
            '{"default": {"x": {"path": "./libs/x", "editable": true}}}',
            DIRECTORY,
        ),
        ("pylock.toml", pylock(f"vcs = {{type='git', url='{URL}', commit-id='{C}'}}"), GIT),
        ("pylock.toml", pylock("directory = {path='libs', subdirectory='x'}"), DIRECTORY),
        (
            "pylock.toml",
            pylock(f"sdist = {{path='a/x-2.tar.gz', hashes={{sha256='{H[7:]}'}}}}"),
            (Kind.FILE, "", "", "a/x-2.tar.gz"),
        ),
        ("r.txt", f"a==1 --hash={H}\nx @ git+{URL}@{C}", GIT),
        ("r.txt", f"a==1 --hash={H}\n-e git+{URL}@{C}#egg=x&subdirectory=lib", INSIDE),
        ("r.txt", f"a==1 --hash={H}\n-e ./libs/x", DIRECTORY),
        ("r.txt", f"a==1 --hash={H}\nlibs/x[dev] ; python_version > '3'", DIRECTORY),
        (
            "r.txt",
            f"x @ {URL}-2.tar.gz --hash={H}",
            (Kind.SDIST, f"{URL}-2.tar.gz", "", ""),
        ),
        ("r.txt", f"a==1 --hash={H}\nx @ {URL}/archive/{C}.zip", GIT),
        ("r.txt", f"./x-2.whl --hash={H}", (Kind.FILE, "", "", "x-2.whl")),
    ],
)  # fmt: skip
def test_every_format_keeps_where_a_package_is(
    path: str, text: str, expected: tuple[Kind, str, str, str]
) -> None:
    """Repositories with their commit, directories, archives with their hash."""
    formats = {"uv.lock": Format.UV, "poetry.lock": Format.POETRY, "pdm.lock": Format.PDM}
    formats |= {"Pipfile.lock": Format.PIPFILE_LOCK, "pylock.toml": Format.PYLOCK}
    lock = read(path, text, formats.get(path, Format.HASHED))
    (item,) = lock.unbuilt
    assert item.origin is not None and item.name == "x"
    found = (item.origin.kind, item.origin.url, item.origin.commit, item.origin.path)
    assert found == expected
    assert item.where.path == path
    assert item.hashes or item.origin.kind is not Kind.SDIST


def test_another_python_is_preferred_to_building() -> None:
    """Where other Pythons have wheels, sources are taken only when no other Python can be."""
    wheel = f"{{file='x-2-cp39-cp39-manylinux2014_x86_64.whl', hash='{H}'}}"
    text = poetry("", f"[{wheel}, {{file='x-2.tar.gz', hash='{H}'}}]")
    with pytest.raises(OtherPythonError):
        read("poetry.lock", text, Format.POETRY)
    assert read("poetry.lock", text, Format.POETRY, from_sources=True).unbuilt


@pytest.mark.parametrize(
    ("text", "url", "ref"),
    [
        (f"git+{URL}.git", f"{URL}.git", ""),
        (f"git+{URL}.git@v1.0", f"{URL}.git", "v1.0"),
        (f"git+{URL}@feature/a", URL, "feature/a"),
        ("git+ssh://git@index.example/team/x@main", "ssh://git@index.example/team/x", "main"),
        ("git+ssh://git@index.example/team/x", "ssh://git@index.example/team/x", ""),
        ("git@index.example:team/x.git@main", "ssh://git@index.example/team/x.git", "main"),
        ("git+https://me:secret@index.example/team/x@main", URL, "main"),
        ("git+https://ghp_0123456789abcdefghij@index.example/team/x", URL, ""),
        ("git://index.example/team/x#egg=x", "git://index.example/team/x", ""),
    ],
)
def test_addresses_of_repositories(text: str, url: str, ref: str) -> None:
    """The address and what it names; a user name, a password and a token are never kept."""
    origin = git_of(text, Where(path="r.txt", line=1))
    assert (origin.url, origin.ref, origin.commit) == (url, ref, "")


@pytest.mark.parametrize("ref", ["--upload-pack=x", "a..b", "a b", "a:b", "a^"])
def test_a_name_that_is_no_branch_is_refused(ref: str) -> None:
    """Nothing that git would take for an option or a range reaches it."""
    with pytest.raises(InvalidError, match="is not the name of a branch or tag"):
        git_of(f"git+{URL}@{ref}", Where(path="r.txt", line=1))


@pytest.mark.parametrize(
    ("filename", "version", "found"),
    [
        ("x-2.tar.gz", "2", True),
        ("x-y-2.0.zip", "2", True),
        ("x_y-2.0.tar.bz2", "2.0", True),
        ("x-1.tar.gz", "2", False),
        ("x-2-py3-none-any.whl", "2", False),
        ("x.tar.gz", "2", False),
    ],
)
def test_source_distributions_by_name(filename: str, version: str, found: bool) -> None:
    """Old locks list the files of several versions, with old kinds of names."""
    assert is_sdist(filename, version) is found


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v1.2.3-0-gabcdef0", "1.2.3"),
        ("1.2-4-gabcdef0", "1.3.dev4+gabcdef0"),
        ("release-0-gabcdef0", ""),
        ("", ""),
    ],
)
def test_the_version_that_tags_tell(said: str, version: str) -> None:
    """What setuptools-scm would make of the same repository."""
    assert tagged_version(said) == version
