"""Packages that are no wheels of an index: what an author's words say about where they come from.

Owns: reading addresses of repositories, of archives and of local paths, from any format.
Does not own: building them (`building`), finding out the commit of a branch (`gitcommits`).
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import parse_qs, unquote, urlsplit

from repropack.environment.lines import shown
from repropack.environment.model import Kind, Origin, Requirement, normalise
from repropack.errors import InvalidError
from repropack.findings import Where
from repropack.source.remote import without_credentials

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
ARCHIVES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
FILES = (".whl", *ARCHIVES)
HOSTED = re.compile(
    r"(?P<url>https?://[^/]+/[^/]+/[^/]+?)(?:\.git)?/(?:archive|zipball|tarball)/"
    r"(?:refs/(?:heads|tags)/)?(?P<ref>[^?#]+?)(?:\.zip|\.tar\.gz)?"
)
GIT_SCHEMES = ("git+", "git://", "git@")
UNSAFE_REF = re.compile(r"^-|\.\.|[\s~^:?*\[\\\x00-\x1f]")


def git_origin(
    url: str, where: Where, *, commit: str = "", ref: str = "", path: str = "", local: bool = False
) -> Origin:
    """A directory of a repository. Raises `InvalidError` for an address that is none.

    `local` allows a repository on this machine, for tests.
    """
    clean = without_credentials(url) or (url if url.startswith("file:///") else None)
    commit = commit.lower()
    if clean is None or clean.startswith("-"):
        raise InvalidError(
            f"{where}: {shown(url)} is not the address of a repository that others can reach",
            hint="write it as https://HOST/OWNER/NAME.git",
        )
    if COMMIT.fullmatch(ref.lower()) and not commit:
        commit, ref = ref.lower(), ""
    if commit and not COMMIT.fullmatch(commit):
        raise InvalidError(f"{where}: {shown(commit)} is not the whole id of a commit")
    if UNSAFE_REF.search(ref):
        raise InvalidError(f"{where}: {shown(ref)} is not the name of a branch or tag")
    inside = below(path, where) if path else ""
    return Origin(
        kind=Kind.GIT, url=clean, commit=commit, ref=ref, path="" if inside == "." else inside
    )


def git_of(text: str, where: Where) -> Origin:
    """A repository as pip writes it: `git+https://HOST/PATH.git@REF#subdirectory=DIR`."""
    address, _, fragment = text.partition("#")
    address = address.removeprefix("git+")
    head, at, ref = address.rpartition("@")
    if not at or "/" not in head.removeprefix("ssh://").split("://")[-1] or "://" in ref:
        head, ref = address, ""  # the @ belongs to user@host
    if re.match(r"[^/@]+@[^/:]+:", head) and "://" not in head:
        head = "ssh://" + head.replace(":", "/", 1)
    path = parse_qs(fragment).get("subdirectory", [""])[0]
    return git_origin(head, where, ref=unquote(ref), path=path)


def address_origin(text: str, where: Where) -> Origin | None:
    """What an address leads to that is no wheel: a repository, or an archive of sources."""
    if text.startswith(GIT_SCHEMES):
        return git_of(text, where)
    address, _, fragment = text.partition("#")
    hosted = HOSTED.fullmatch(address)
    if hosted:
        path = parse_qs(fragment).get("subdirectory", [""])[0]
        return git_origin(hosted["url"], where, ref=unquote(hosted["ref"]), path=path)
    if re.match(r"https?://", address) and address.lower().endswith(ARCHIVES):
        return Origin(kind=Kind.SDIST, url=safe(address, where))
    return None


def safe(address: str, where: Where) -> str:
    """An address without credentials: they belong into the machine's settings."""
    if "@" in urlsplit(address).netloc:
        raise InvalidError(
            f"{where}: the address holds a user name or a password",
            hint="put it into ~/.netrc, and take it out of the file",
        )
    return address


def local_origin(path: str, where: Where, *, base: str | None = None) -> Origin:
    """A file or directory of the source; `path` is relative to the file that names it."""
    start = posixpath.dirname(where.path) if base is None else base
    text = path.removeprefix("file://") if path.startswith("file://.") else path
    text = text.removeprefix("file:") if re.match(r"file:[^/]", text) else text
    inside = below(posixpath.join(start, text.replace("\\", "/")), where)
    kind = Kind.FILE if inside.lower().endswith(FILES) else Kind.DIRECTORY
    return Origin(kind=kind, path=inside)


def below(path: str, where: Where) -> str:
    """A path inside the tree, normalised; "." is its root. Raises `InvalidError` for others."""
    inside = posixpath.normpath(path)
    if inside.startswith(("../", "/", "~", "file:")) or inside == ".." or "\n" in inside:
        raise InvalidError(
            f"{where}: {shown(path)} is not in the repository, so nobody else has it",
            hint="copy the package into the repository, or add it as a submodule",
        )
    return inside


def other_system(name: str, system: str, where: Where) -> InvalidError:
    """The error for a repository that is not git's."""
    return InvalidError(
        f"{where}: {shown(name)} comes from a repository of {system}; only git's can be packed",
        hint="lock a released version of it, or copy its code into the repository",
    )


def unbuilt(
    name: str,
    version: str,
    origin: Origin,
    where: Where,
    *,
    hashes: tuple[str, ...] = (),
    marker: str | None = None,
) -> Requirement:
    """The requirement for a package that is built; a URL without a hash is refused."""
    if origin.kind is Kind.SDIST and not hashes:
        raise InvalidError(
            f"{where}: {shown(origin.url or name)} has no hash, so it may be another file tomorrow",
            hint="name a released version, or a git repository with a commit",
        )
    return Requirement(
        name=normalise(name),
        version=version,
        hashes=hashes,
        where=where,
        marker=marker,
        url=origin.url if origin.kind is Kind.SDIST and origin.url else None,
        origin=origin,
    )
