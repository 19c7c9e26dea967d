"""Lines that say where a package is: repositories, archives, directories of the source, `-e`.

Owns: reading such a line. Does not own: addresses and paths (`origins`), ordinary lines
(`requirements`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repropack.environment.lines import shown
from repropack.environment.model import Kind, Origin, normalise
from repropack.environment.origins import address_origin, git_origin, local_origin
from repropack.environment.tomlfile import text_of
from repropack.errors import InvalidError
from repropack.findings import Where

URL = re.compile(
    r"(?:^|@)\s*(?:[a-z]+\+)?(?:https?|file|ssh|git|ftp|s3|svn|hg|bzr)\s*:|^git\+|@\s*git\+",
    re.IGNORECASE,
)
LOCAL = re.compile(
    r"^(?:\.|/|~|[A-Za-z]:[\\/])|\.(?:whl|zip|tar\.gz|tar\.bz2|tgz)\s*(?:[;\[]|$)|^[\w.-]+/"
)
NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*@\s*(?=\S)")
MARKER = re.compile(r"\s+;\s*|;\s+")
EGG = re.compile(r"[#&]egg=([^&\[]+)(\[[^\]]*\])?")
EXTRAS = re.compile(r"(\[[^\]\[/]*\])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """A package by its place. `name` may be "" until the place was looked at.

    `extras` are in brackets or "". `origin` is None for a wheel, which has its address in `url`.
    """

    name: str
    extras: str
    marker: str
    origin: Origin | None
    url: str = ""


def is_direct(head: str) -> bool:
    """Whether a line names a place rather than a version."""
    text = MARKER.split(head)[0]
    return bool(URL.search(text) or LOCAL.search(text))


def read_direct(head: str, where: Where) -> Direct:
    """Such a line, without its options. Raises `InvalidError` for a place that cannot be packed."""
    text, *rest = MARKER.split(head.strip(), maxsplit=1)
    marker = rest[0].strip() if rest else ""
    named = None if text.startswith(("git+", "git@")) else NAMED.match(text)
    name, extras = (named[1], named[2] or "") if named else ("", "")
    place = text[named.end() :].strip() if named else text
    egg = EGG.search(place)
    if egg:
        name, extras = name or egg[1], extras or egg[2] or ""
    elif "://" not in place and (found := EXTRAS.search(place)):
        extras, place = extras or found[1], place[: found.start()]
    refuse_built_elsewhere(name, place, where)
    if not re.match(r"[a-z+]+://|git\+|git@", place, re.IGNORECASE):
        origin = local_origin(place.partition("#")[0], where)
        return Direct(name=name or file_name(origin), extras=extras, marker=marker, origin=origin)
    origin_ = address_origin(place, where)
    url = place.partition("#")[0]
    if origin_ is None and not url.endswith(".whl"):
        raise InvalidError(
            f"{where}: {shown(head)} is not a place that a package can be had from",
            hint="write it as NAME==VERSION, or as git+https://HOST/OWNER/NAME.git@COMMIT",
        )
    name = name or (normalise(posixpath.basename(url).split("-")[0]) if origin_ is None else "")
    return Direct(name=name, extras=extras, marker=marker, origin=origin_, url=url)


def refuse_built_elsewhere(name: str, place: str, where: Where) -> None:
    """`pip freeze` in a conda environment tells where a package was built, and not its version."""
    if name and place.startswith("file:///"):
        raise InvalidError(
            f"{where}: {name} is said to come from {shown(place)}, where conda built it: "
            "that is no version",
            hint="write the file again: pip list --format=freeze > requirements.txt",
        )


def direct_of(
    name: str, entry: Mapping[str, Any], where: Where, *, extras: str = "", marker: str = ""
) -> Direct | None:
    """An entry of a table of Poetry's, Pipenv's or uv's, if it says a place.

    Raises `InvalidError`.
    """
    path = text_of(entry, "subdirectory")
    url = text_of(entry, "url")
    local = text_of(entry, "path") or text_of(entry, "file")
    origin = None
    if "git" in entry:
        keys = ("rev", "ref", "tag", "branch")
        ref = next((text_of(entry, key) for key in keys if text_of(entry, key)), "")
        origin = git_origin(text_of(entry, "git"), where, ref=ref, path=path)
    elif local and "://" not in local:
        origin = local_origin(local, where)
    elif url or local:
        url = url or local
        return read_direct(f"{name}{extras} @ {url}{' ; ' + marker if marker else ''}", where)
    if origin is None:
        return None
    return Direct(name=name, extras=extras, marker=marker, origin=origin)


def file_name(origin: Origin) -> str:
    """The distribution's name in the name of a wheel or of a source distribution, or ""."""
    if origin.kind is not Kind.FILE:
        return ""
    return normalise(re.split(r"-(?=\d)", posixpath.basename(origin.path))[0])


def provisional_name(origin: Origin) -> str:
    """A name for what says none: it is replaced by the built wheel's own."""
    last = posixpath.basename(origin.path.rstrip("/")) or posixpath.basename(origin.url)
    last = re.sub(r"\.git$|[^A-Za-z0-9._-]", "", last).strip("._-")
    return normalise(last) if last else "project"
