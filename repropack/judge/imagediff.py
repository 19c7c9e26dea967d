"""Two images by their lists of files: what differs, in which way, and why that may be.

Owns: the list as a file that travels with a bundle, the comparison, and its words. Does not own:
reading an image (`imagefiles`).
"""

import gzip
import hashlib
import json
import re
import zlib
from typing import BinaryIO, Generator, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from repropack.judge.imagefiles import File, Listing
from repropack.judge.imagelayers import ImageError

SHOWN = 20
_LINE_BYTES = 1 << 16
_HEAD = "repropack.image-files/1"
_FIELDS = ("kind", "mode", "owner", "size", "content", "attributes")
_WORDS = {
    "kind": "type", "mode": "mode", "owner": "owner", "size": "content", "content": "content",
    "attributes": "extended attributes",
}  # fmt: skip
#: What is known to differ, the first that fits: (path, what differs, why).
_CAUSES = tuple(
    (re.compile(path), what, why)
    for path, what, why in (
        (r".*\.pyc", "content", "bytecode holds the time of its source"),
        (r"etc/ld\.so\.cache|var/cache/ldconfig/.*", "content", "the linker's cache"),
        (r"var/lib/dpkg/.*|usr/share/repropack/debs\.tsv", "", "the base has other packages"),
        (r"(var/log|var/cache|tmp|run)/.*", "", "a log or cache that a step of the build left"),
        (
            r".*\.dist-info/(RECORD|direct_url\.json|uv_cache\.json)",
            "content",
            "an installer's note",
        ),
        (r"etc/(passwd|group|shadow)-?", "content", "the base has other users"),
        (r".*\.(so(\.[0-9.]+)?|a|o)", "content", "a library that was compiled or linked again"),
        (r"", "time", "made by a step of the build, whose time this builder keeps"),
    )
)


class Difference(NamedTuple):
    """A path and what differs there; `why` is the cause, if it is a known one."""

    path: str
    what: Tuple[str, ...]
    why: str = ""

    def text(self) -> str:
        """One line."""
        why = " (%s)" % self.why if self.why else ""
        return "%s: %s%s" % (self.path, ", ".join(self.what), why)


class Comparison(NamedTuple):
    """Two images. `differing` counts the paths that differ in more than their time, `timed` those
    that differ in it alone; of each kind the first 20 are named. `settings` are the names of
    settings that differ."""

    files: int
    differing: int
    timed: int
    named: Tuple[Difference, ...]
    settings: Tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the contents are the same: every path, byte, owner and mode, and the settings."""
        return not self.differing and not self.settings


def compare(first: Listing, second: Listing) -> Comparison:
    """Hold the files of two images against each other; `second` is what is told about."""
    files = differing = timed = 0
    named: List[Difference] = []
    only_timed: List[Difference] = []
    for one, other in _pairs(first.files(), second.files()):
        files += 1
        what = _what(one, other)
        if what == ("time",):
            timed += 1
            only_timed = _with(only_timed, one or other, what)
        elif what:
            differing += 1
            named = _with(named, one or other, what)
    changed = sorted(
        name
        for name in set(first.settings) | set(second.settings)
        if first.settings.get(name) != second.settings.get(name)
    )
    return Comparison(files, differing, timed, tuple(named or only_timed), tuple(changed))


def _with(named: List[Difference], file: Optional[File], what: Tuple[str, ...]) -> List[Difference]:
    if len(named) == SHOWN or file is None:
        return named
    return [*named, Difference(file.path, what, _why(file.path, what))]


def _why(path: str, what: Tuple[str, ...]) -> str:
    for pattern, kind, why in _CAUSES:
        if pattern.pattern == "" and what == (kind,):
            return why
        if pattern.pattern and pattern.fullmatch(path) and (not kind or kind in what):
            return why
    return ""


def _what(one: Optional[File], other: Optional[File]) -> Tuple[str, ...]:
    if one is None:
        return ("added",)
    if other is None:
        return ("missing",)
    found = [_WORDS[name] for name in _FIELDS if getattr(one, name) != getattr(other, name)]
    if "type" in found:
        return ("type",)
    if one.time and other.time and one.time != other.time:
        found.append("time")
    return tuple(sorted(set(found), key=found.index))


def _pairs(
    first: Iterator[File], second: Iterator[File]
) -> Iterator[Tuple[Optional[File], Optional[File]]]:
    """The files of both lists by their paths, which both have in the same order."""
    one, other = next(first, None), next(second, None)
    while one is not None or other is not None:
        if other is None or (one is not None and _order(one) < _order(other)):
            yield one, None
            one = next(first, None)
        elif one is None or _order(other) < _order(one):
            yield None, other
            other = next(second, None)
        else:
            yield one, other
            one, other = next(first, None), next(second, None)


def _order(file: File) -> List[bytes]:
    return file.path.encode("utf-8", "surrogateescape").split(b"/")


def save(listing: Listing, stream: BinaryIO) -> str:
    """Write a list compressed, without times; the SHA-256 of what it says."""
    digest = hashlib.sha256()
    settings = json.dumps(listing.settings, sort_keys=True)
    with gzip.GzipFile("", "wb", 9, stream, mtime=0) as packed:
        for text in _chain("%s\t%s\n" % (_HEAD, settings), listing.files()):
            data = text.encode("utf-8", "surrogateescape")
            digest.update(data)
            packed.write(data)
    return digest.hexdigest()


def _chain(first: str, files: Iterable[File]) -> Iterator[str]:
    yield first
    for file in files:
        yield file.line()


def load(stream: BinaryIO) -> Listing:
    """A list that was saved; its files can be had once.

    Raises `ImageError` for anything else, when it comes to it.
    """
    lines = _lines(stream)
    head, _, settings = next(lines, "").partition("\t")
    try:
        found = json.loads(settings) if head == _HEAD else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ImageError("this is not a list of an image's files")
    return Listing(found, (), lambda: (_parsed(line) for line in lines), lines.close)


def _lines(stream: BinaryIO) -> Generator[str, None, None]:
    try:
        with gzip.GzipFile(fileobj=stream) as packed:
            while True:
                line = packed.readline(_LINE_BYTES)
                if not line:
                    return
                if not line.endswith(b"\n"):
                    raise ImageError("a line of it has no end")
                yield line[:-1].decode("utf-8", "surrogateescape")
    except (OSError, EOFError, zlib.error) as error:
        raise ImageError("the list of the image's files cannot be read: %s" % error) from error


def _parsed(line: str) -> File:
    fields = line.split("\t")
    if len(fields) != len(_FIELDS) + 1 or not all(map(str.isprintable, fields)):
        raise ImageError("this is not a line of a list of files: %r" % line[:80])
    return File(fields[-1], *fields[:-1])


def told(found: Comparison, whose: str) -> List[str]:
    """The comparison in lines: what it comes to, then the first of what differs."""
    if found.same:
        lines = ["same contents as %s: %d files, every byte, owner and mode" % (whose, found.files)]
        if found.timed:
            lines.append("%d files differ in the time of their last change alone" % found.timed)
        return lines
    lines = []
    if found.differing:
        lines.append("%d of %d files differ from %s:" % (found.differing, found.files, whose))
        lines += ["  %s" % each.text() for each in found.named]
        if found.differing > len(found.named):
            lines.append("  … and %d more" % (found.differing - len(found.named)))
    if found.settings:
        lines.append("settings differ from %s: %s" % (whose, ", ".join(found.settings)))
    return lines
