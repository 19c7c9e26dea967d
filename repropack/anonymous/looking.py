"""The image of an anonymous bundle on its way into it: looked through, and made to tell less.

Owns: what is left out of layers and config (names of users and groups, which an engine looks up on
the machine that saves; times of the build; containers that are gone), and what is found in the
rest, with layer and file. Nothing is kept but finds. Does not own: how bytes are searched
(`searching`), whose files they are (`proving`), the archive (`engines.carried`).
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from repropack.anonymous.proving import LARGEST, Records, is_bases
from repropack.anonymous.scanning import Suspicion, refuse
from repropack.anonymous.searching import Find, Kind, Needle, Search, in_text, needles_of
from repropack.anonymous.terms import Term
from repropack.config import Waiver
from repropack.engines.archive import reader
from repropack.metadata.times import OLDEST_TIME_S, rfc3339

_PIECE = 1 << 20
_MOST_FINDS = 20_000
_SMALL = 1 << 16
_TIME = rfc3339(OLDEST_TIME_S)
#: Of the machine and the containers that built; Docker's legacy builder writes them.
_LEFT_OUT = ("container", "container_config", "docker_version", "author")
_LEFT_OUT_OF_SETTINGS = ("Hostname", "Domainname", "Image")
_ACCOUNTS = re.compile(
    r"(?:.*/)?(?:\.ssh|\.netrc|\.gitconfig|\.git-credentials|\.pypirc|\.(?:bash|python|zsh)_history"
    r"|\.aws|\.docker|\.kube|\.config/(?:pip|uv|git|wandb|gcloud))(?:/|$)"
)
#: User ids between these are of people, and not of the system.
_FIRST_PERSON, _NOBODY = 1000, 65534
_NOBODYS_HOST = re.compile(r"localhost(?:\.localdomain)?|ip6-\w+|debuerreotype|buildkitsandbox|")


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A file in which something was found, until it is known whose it is."""

    path: str
    md5: bytes
    sha256: bytes
    about: tuple[Find, ...]
    inside: tuple[Find, ...]


@dataclass(slots=True)
class _Layer:
    suspects: list[_Suspect] = field(default_factory=list)


class Looker:
    """Looks through one image. `seen` are the SHA-256 of files that were looked through already.

    With `stays`, its name in a bundle, it is not written anew: what else would be left out counts.
    """

    def __init__(
        self,
        words: tuple[Term, ...],
        waivers: tuple[Waiver, ...],
        *,
        seen: frozenset[bytes],
        keeps_times: bool,
        stays: str = "",
    ) -> None:
        self._where, self._stays = stays or "image", bool(stays)
        self._needles: tuple[Needle, ...] = needles_of(words)
        self._waivers = waivers
        self._seen = seen
        self._keeps_times = keeps_times
        self._records = Records()
        self._current: _Layer | None = None
        self._layers: dict[str, _Layer] = {}
        self._count = 0

    @property
    def left_out(self) -> str:
        """What is not in the image as it is written."""
        return "names of owners and times of the build"

    # ---- as it passes

    def layer(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """A layer without names of owners and times of the build."""
        self._current = _Layer()
        with tarfile.open(fileobj=reader(pieces), mode="r|", bufsize=_PIECE) as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # a million would fill memory
                content = archive.extractfile(member) if member.isreg() else None
                attributes = dict(member.pax_headers)
                owners = tuple(owners_of(member)) if self._stays else ()
                settle(member, self._keeps_times)
                yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
                yield from self._member(member, attributes, content, owners)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def was(self, digest: str) -> None:
        """The digest of the layer that was just handed on."""
        if self._current is not None:
            self._layers[digest], self._current = self._current, None

    def config(self, told: dict[str, Any], layers: Sequence[str]) -> bytes:
        """The config of these layers, without times and containers.

        Everything has passed then: raises `AnonymityError` (exit code 3) with what was found.
        """
        config = settled_config(told, layers)
        refuse(self.suspicions(config, layers), self._waivers)
        return json.dumps(config, separators=(",", ":")).encode()

    def suspicions(self, config: dict[str, Any], layers: Sequence[str]) -> Iterator[Suspicion]:
        """What was found in these layers, and what the config says."""
        for number, digest in enumerate(layers, start=1):
            place = f"{self._where}/layer-{number}"
            yield from self._judged(place, self._layers.get(digest, _Layer()))
        for place, text in texts_of(config, f"{self._where}/config"):
            for find in in_text(text, self._needles):
                yield Suspicion(path=place, line=0, text=find.text, what=find.what)

    # ---- what is in it

    def _member(
        self,
        member: tarfile.TarInfo,
        attributes: Mapping[str, str],
        content: IO[bytes] | None,
        owners: tuple[Find, ...],
    ) -> Iterator[bytes]:
        path = posixpath.normpath("/" + member.name).lstrip("/")
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        by_debian = not path.startswith(("opt/", "work/"))
        search, kept = Search(self._needles), bytearray()
        keep = _SMALL if path.startswith("etc/") else 0
        keep = LARGEST if self._records.wants(path) and member.size <= LARGEST else keep
        while content is not None and (piece := content.read(_PIECE)):
            sha256.update(piece)
            md5.update(piece if by_debian else b"")
            search.feed(piece)
            if len(kept) < keep:
                kept += piece
            yield piece
        yield bytes(-member.size % tarfile.BLOCKSIZE) if content is not None else b""
        if self._records.wants(path):
            self._records.read(path, bytes(kept))
        told = (member.linkname, *extended(attributes))
        about = (
            *in_name(path, self._needles),
            *(find for text in told if text for find in in_text(text, self._needles)),
            *owners,
        )
        inside = (*of_machine(path, bytes(kept)), *search.finds)
        if (about or inside) and self._current is not None and self._count < _MOST_FINDS:
            self._count += len(about) + len(inside)
            found = _Suspect(path, md5.digest(), sha256.digest(), about, inside)
            self._current.suspects.append(found)

    def _judged(self, where: str, layer: _Layer) -> Iterator[Suspicion]:
        for each in layer.suspects:
            inside = () if each.sha256 in self._seen else each.inside
            proved = self._records.prove(each.path, each.md5, each.sha256) or is_bases(each.path)
            for find in dict.fromkeys((*each.about, *inside)):
                if find.kind is Kind.NAME or not proved:
                    path = f"{where}/{each.path}"
                    yield Suspicion(path=path, line=find.line, text=find.text, what=find.what)


def settle(member: tarfile.TarInfo, keeps_times: bool) -> None:
    """Leave out what is of the machine that saved it, and the time, unless Python looks at it.

    Bytecode is used while its source has the time that is noted in it; the environment has none,
    but for conda's (`keeps_times`).
    """
    member.uname = member.gname = ""
    own = member.name.lstrip("./").startswith(("opt/", "work/", "repropack/"))
    if not member.name.endswith(".py") or (own and not keeps_times):
        member.mtime = OLDEST_TIME_S
    member.mtime = int(member.mtime)
    if member.issparse():
        member.type = tarfile.REGTYPE
    if not member.isreg():
        member.size = 0
    xattrs = {key: text for key, text in member.pax_headers.items() if "xattr." in key}
    member.pax_headers = xattrs


def settled_config(told: Mapping[str, Any], layers: Sequence[str]) -> dict[str, Any]:
    """A config of these layers without times, containers and names of hosts."""
    config = {key: value for key, value in told.items() if key not in _LEFT_OUT}
    settings = config.get("config") or {}
    config["config"] = {k: v for k, v in settings.items() if k not in _LEFT_OUT_OF_SETTINGS}
    config["created"] = _TIME
    config["history"] = [{**each, "created": _TIME} for each in config.get("history") or ()]
    config["rootfs"] = {"type": "layers", "diff_ids": list(layers)}
    return config


def texts_of(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text of a JSON value, with where it stands; a name of a setting with its value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield f"{place}/{key}", f"{key}={inner}"
            else:
                yield from texts_of(inner, f"{place}/{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            yield from texts_of(inner, f"{place}/{number}")
    elif isinstance(value, str):
        yield place, value


def in_name(path: str, needles: tuple[Needle, ...]) -> Iterator[Find]:
    """What a path tells: every part of it, and whose files lie there."""
    yield from in_text(f"/{path}", needles)
    if _ACCOUNTS.match(path):
        yield Find("file of an account", Kind.SHAPE, 0, path)


def owners_of(member: tarfile.TarInfo) -> Iterator[Find]:
    """The names of accounts of people, which an engine looks up where it saves."""
    for number, name in ((member.uid, member.uname), (member.gid, member.gname)):
        if name and _FIRST_PERSON <= number < _NOBODY:
            yield Find("name of an owner", Kind.NAME, 0, name)


def extended(attributes: Mapping[str, str]) -> Iterator[str]:
    """A file's extended attributes: where a browser got it from, for one."""
    for key, value in attributes.items():
        if "xattr." in key:
            yield f"{key}={value}"


def of_machine(path: str, content: bytes) -> Iterator[Find]:
    """What an image must not have of the network and the host that built it."""
    lines = content.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines if path.startswith("etc/") else (), start=1):
        words = line.partition("#")[0].split()
        if path == "etc/resolv.conf" and words[:1] in (["search"], ["domain"], ["nameserver"]):
            yield Find("network of a machine", Kind.SHAPE, number, " ".join(words)[:120])
        names = words if path == "etc/hostname" else words[1:] if path == "etc/hosts" else ()
        for name in names:
            if not _NOBODYS_HOST.fullmatch(name):
                yield Find("name of a machine", Kind.SHAPE, number, name[:120])
