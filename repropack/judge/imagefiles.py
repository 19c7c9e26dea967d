"""What an image holds: a line for each file, as a container sees it, from a saved image.

Owns: the archive that `docker save` and `podman save` write, and its layers laid over each other.
It is read once, from a stream. Does not own: one layer (`imagelayers`), comparing two images
(`imagediff`).
"""

import functools
import heapq
import io
import itertools
import json
import os
import posixpath
import tarfile
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

from repropack.judge.imagelayers import (
    CHUNK_BYTES,
    END,
    OPAQUE,
    SEPARATOR,
    WHITEOUT,
    ImageError,
    Layer,
    is_layer,
)

_JSON_BYTES = 16 << 20
_FOREIGN = (
    *(tarfile.TarError, EOFError, LookupError, TypeError, ValueError, AttributeError),
    RecursionError,
)
#: What engines put into containers, and therefore some builders into images.
ENGINES_OWN = frozenset(
    os.fsencode(path)
    for path in (
        *(".dockerenv", "run/.containerenv", "dev", "proc", "sys"),
        *("etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"),
    )
)
#: What an image says of its containers and not of its builder.
_SETTINGS = (
    *("Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "Shell"),
    *("StopSignal", "User", "Volumes", "WorkingDir"),
)
_BUILDERS_LABELS = frozenset(["io.buildah.version"])


class File(NamedTuple):
    """A file of an image. `content` is the SHA-256 of a file, or where a link points to."""

    path: str
    kind: str
    mode: str
    owner: str
    size: str
    content: str
    attributes: str
    time: str = ""

    def line(self) -> str:
        """Without its time, which not every builder can fix."""
        words = (self.kind, self.mode, self.owner, self.size, self.content, self.attributes)
        return "\t".join((*words, self.path)) + "\n"


class Listing:
    """An image: its settings, its layers from the lowest (SHA-256), and its files in order.

    To be closed: its lines may lie in temporary files.
    """

    def __init__(
        self,
        settings: Dict[str, Any],
        layers: Tuple[str, ...],
        files: Callable[[], Iterator[File]],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.layers = layers
        self.files = files
        self._close = close

    def __enter__(self) -> "Listing":
        return self

    def __exit__(self, *caught: Any) -> None:
        self._close()


def read_image(stream: Any, scratch: Optional[str] = None) -> Listing:
    """The list of a saved image. `scratch` is where temporary files go.

    Raises `ImageError`, and `OSError` if the disk refuses.
    """
    layers: Dict[str, Layer] = {}
    texts: Dict[str, bytes] = {}
    links: Dict[str, str] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK_BYTES) as archive:
            for member in archive:
                name = posixpath.normpath(member.name)
                if member.issym() or member.islnk():
                    above = posixpath.dirname(name) if member.issym() else ""
                    links[name] = posixpath.normpath(posixpath.join(above, member.linkname))
                elif member.isreg():
                    _take(archive, member, name, layers, texts, scratch)
        return _listing(layers, texts, links)
    except BaseException as error:
        _close(layers)
        if not isinstance(error, _FOREIGN):
            raise
        raise ImageError("this is not a saved image: %s" % error) from None


def _take(
    archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, layers: Dict[str, Layer],
    texts: Dict[str, bytes], scratch: Optional[str],
) -> None:  # fmt: skip
    content = archive.extractfile(member)
    if content is None:
        return
    head = content.read(tarfile.BLOCKSIZE)
    packed = head[:2] == b"\x1f\x8b" or is_layer(head)
    if packed or (head and not head.strip(b"\0")):
        layers[name] = Layer(_Joined(head, content), scratch)
    elif member.size <= _JSON_BYTES:
        texts[name] = head + content.read()


def _listing(layers: Dict[str, Layer], texts: Dict[str, bytes], links: Dict[str, str]) -> Listing:
    manifests = json.loads(texts["manifest.json"].decode("utf-8"))
    if len(manifests) != 1:
        raise ImageError("there are %d images in it" % len(manifests))
    names = [posixpath.normpath(each) for each in manifests[0]["Layers"]]
    stack = [layers[links.get(name, name)] for name in names]
    config = json.loads(texts[posixpath.normpath(manifests[0]["Config"])].decode("utf-8"))
    return Listing(
        settings=_settings(config.get("config") or {}),
        layers=tuple(str(each) for each in config["rootfs"]["diff_ids"]),
        files=functools.partial(_flattened, stack),
        close=functools.partial(_close, layers),
    )


def _close(layers: Dict[str, Layer]) -> None:
    for layer in layers.values():
        layer.close()


def _settings(config: Dict[str, Any]) -> Dict[str, Any]:
    labels = dict(config.get("Labels") or {})
    kept = {name: value for name, value in labels.items() if name not in _BUILDERS_LABELS}
    found = {**config, "Labels": kept, "Env": sorted(config.get("Env") or ())}
    return {name: found[name] for name in _SETTINGS if found.get(name)}


class _Joined(io.RawIOBase):
    """What was read of a stream, and the rest of it."""

    def __init__(self, head: bytes, rest: Any) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :] if self._head else b""
        buffer[: len(data)] = data
        return len(data)


def _flattened(layers: List[Layer]) -> Iterator[File]:
    """What is left to see of layers that lie over each other, the lowest first."""
    tagged = (_tagged(layer, number) for number, layer in enumerate(layers, start=1))
    covers: List[Tuple[bytes, int]] = []  # below such a path, lower layers are hidden
    for key, group in itertools.groupby(heapq.merge(*tagged), key=lambda each: each[0]):
        while covers and not key.startswith(covers[-1][0]):
            covers.pop()
        covered = covers[-1][1] if covers else 0
        best, below = _topmost(group, covered)
        if below > covered:
            covers.append((key + SEPARATOR, below))
        path = key.replace(SEPARATOR, b"/")
        if best is not None and path not in ENGINES_OWN:
            yield File(os.fsdecode(path), *(os.fsdecode(field) for field in best))


def _tagged(layer: Layer, number: int) -> Iterator[Tuple[bytes, int, bytes, bytes]]:
    """The lines of a layer as (key, the higher layers first, the later lines first, fields)."""
    for line in layer.lines():
        key, order, fields = line.split(END, 2)
        yield key, -number, order, fields


def _topmost(
    group: Iterable[Tuple[bytes, int, bytes, bytes]], covered: int
) -> Tuple[Optional[List[bytes]], int]:
    """What is at a path, and up to which layer what lies below it is hidden."""
    best: Optional[List[bytes]] = None
    least, below = covered, covered
    for _, negative, _, line in group:
        layer, fields = -negative, line.rstrip(b"\n").split(b"\t")
        if layer < least:
            continue
        if fields[0] != b"d":
            below = max(below, layer)
        if fields[0] == WHITEOUT:
            least = max(least, layer)
        elif fields[0] != OPAQUE and best is None:
            best = fields
    return best, below
