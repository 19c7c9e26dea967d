"""Looking through a whole bundle for what may tell who its authors are.

Owns: which files are read and how, and the refusal. Text is read by lines; of anything else what is
printable in it, and the members of zip files (wheels, numpy's archives). Compressed parts of a PDF
and pictures of text are seen by nobody here.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from repropack.anonymous import patterns
from repropack.anonymous.terms import Term, pattern_of
from repropack.bundle import checksums
from repropack.config import Waiver
from repropack.errors import AnonymityError

#: Files of a bundle that are not the project's: the judge, pip, conda's and Debian's packages, a
#: Python, images (which `bases` looks through).
FOREIGN = (
    "judge.pyz",
    "tools/",
    "conda/",
    "python.tar.gz",
    "base.sh",
    "Dockerfile.base",
    "LINKS",
    "base/base.tar.gz",
    "base/cuda.tar.gz",
    "debs/",
)
#: Where identities of the project stand; other files are generated, and have its words in them.
OWN = ("source/", "local/", "data/", "author/")
CONFIG = "source/repropack.yaml"
_LARGEST_TEXT = 32 << 20
_LARGEST_MEMBER = 32 << 20
_MOST_MEMBERS = 5000
_PRINTABLE = re.compile(rb"[\x20-\x7e]{4,}")
_LONGEST = 120
#: The source in the bundle, and where it lies in its image.
_OF_SOURCE = re.compile(r"^source/|^image/layer-\d+/work/")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Suspicion:
    """What may tell: `path` is that of the bundle, `line` 0 where there is none."""

    path: str
    line: int
    text: str
    what: str

    def __str__(self) -> str:
        place = f"{self.path.removeprefix('source/')}{f':{self.line}' if self.line else ''}"
        return f"{place}: {self.what}: {self.text}"


def refuse(suspicions: Iterable[Suspicion], waivers: tuple[Waiver, ...]) -> None:
    """Raise `AnonymityError` (exit code 3) with those that are not waived."""
    found = [each for each in suspicions if not is_waived(each, waivers)]
    if found:
        raise AnonymityError(
            f"{len(found)} places of the bundle may tell who its authors are",
            problems=tuple(map(str, found)),
            hint="change them and commit, or waive those that tell nothing: "
            "`anonymous: {waive: [{file: …, text: …, reason: …}]}` in repropack.yaml",
        )


def is_waived(found: Suspicion, waivers: tuple[Waiver, ...]) -> bool:
    """Whether the config says that this is no identity; what a waiver quotes is waived there."""
    path = _OF_SOURCE.sub("", found.path)
    for waiver in waivers:
        here = fnmatchcase(path, waiver.file) or fnmatchcase(found.path, waiver.file)
        quoted = found.path == CONFIG and bool(waiver.text)
        if (here or quoted) and (waiver.text or "").lower() in found.text.lower():
            return True
    return False


def scan(directory: Path, words: tuple[Term, ...]) -> Iterator[Suspicion]:
    """Everything suspicious in a bundle, in the order of its paths and lines."""
    matcher = term_patterns(words)
    own = built_wheels(directory)
    for path in checksums.walk(directory):
        name = path.relative_to(directory).as_posix()
        if name == checksums.SUMS or name.startswith(FOREIGN):
            continue
        if name.startswith("wheels/") and name not in own:
            continue  # an index has it, and the lock names it
        yield from of_name(name, matcher)
        if path.is_symlink():
            target = path.readlink().as_posix()
            yield from of_line(name, 0, target, (*matcher, *patterns.EVERYWHERE))
        else:
            yield from of_content(name, path.read_bytes(), matcher)


def built_wheels(directory: Path) -> frozenset[str]:
    """The wheels of a bundle that were built for it: of its authors' own packages, for all we know.

    Where its manifest does not say, every wheel counts.
    """
    try:
        built = json.loads((directory / "repropack.json").read_bytes())["built"]
        return frozenset(f"wheels/{each['filename']}" for each in built)
    except (OSError, ValueError, LookupError, TypeError):
        return frozenset(
            path.relative_to(directory).as_posix() for path in directory.glob("wheels/*")
        )


def term_patterns(words: tuple[Term, ...]) -> tuple[patterns.Pattern, ...]:
    """The words as patterns: whole words, whatever their case."""
    return tuple((word.what, pattern_of(word)) for word in words)


def of_name(name: str, matcher: tuple[patterns.Pattern, ...]) -> Iterator[Suspicion]:
    """A name that tells, and files that are there to name people."""
    yield from of_line(name, 0, name, matcher)
    if patterns.FILES.search(name):
        yield Suspicion(path=name, line=0, text=name.rpartition("/")[2], what="a file of names")


def of_content(
    name: str, data: bytes, matcher: tuple[patterns.Pattern, ...]
) -> Iterator[Suspicion]:
    """What a file says, as text, as a zip file, or as anything else."""
    if data.startswith(b"PK\x03\x04"):
        yield from of_zip(name, data, matcher)
        return
    text = as_text(data)
    if text is None:
        text = b"\n".join(_PRINTABLE.findall(data)).decode("ascii")
        own = (*matcher, *patterns.EVERYWHERE)
        found = [each for line in text.split("\n") for each in of_line(name, 0, line, own)]
        yield from dict.fromkeys(found)
        return
    own = (*matcher, *(patterns.TEXT if name.startswith(OWN) else patterns.EVERYWHERE))
    for number, line in enumerate(text.split("\n"), start=1):
        yield from of_line(name, number, line, own)


def as_text(data: bytes) -> str | None:
    """The text of a file; None for what is not text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:8192] or len(data) > _LARGEST_TEXT:
        return None
    return data.decode("utf-8", "replace")


def of_zip(name: str, data: bytes, matcher: tuple[patterns.Pattern, ...]) -> Iterator[Suspicion]:
    """The members of a zip file, one level deep. A wheel of somebody else's names its authors."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist()[:_MOST_MEMBERS]:
                member = f"{name}!{info.filename}"
                yield from of_line(member, 0, info.filename, matcher)
                if info.file_size <= _LARGEST_MEMBER and not info.flag_bits & 1:
                    content = archive.read(info)
                    if not content.startswith(b"PK\x03\x04"):
                        yield from of_content(member, content, matcher)
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError, ValueError):
        return


def of_line(
    name: str, number: int, line: str, matcher: Iterable[patterns.Pattern]
) -> Iterator[Suspicion]:
    """What a line says: all of it, because a part may be waived."""
    for what, pattern in matcher:
        for found in pattern.finditer(line):
            shown = "".join(c if c.isprintable() else "\ufffd" for c in found.group().strip())
            yield Suspicion(path=name, line=number, text=shown[:_LONGEST], what=what)
