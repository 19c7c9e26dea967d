"""SHA256SUMS: written for every file of a bundle, and checked before anything else is read.

The format is that of `sha256sum`, so that a reviewer can check a bundle with nothing but coreutils
or busybox: a backslash in front of the line, and an escaped name, when the name holds a line break.
busybox does not know that form, so a name with no more than a backslash in it stands as it is.
Links are listed by target in LINKS, which is itself a file of the bundle. reproduce.sh checks the
same in shell. A file that was added matters below `source/` alone, which is copied as a whole;
elsewhere it is what fetching, running or the reviewer left, and nothing reads it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from repropack.errors import IntegrityError

SUMS = "SHA256SUMS"
LINKS = "LINKS"
#: What is said about a whole bundle, and of its image: signatures stand beside what they sign.
ATTESTED = frozenset(
    {"provenance.json", "provenance.json.sig", f"{SUMS}.sig", "image-files.tsv.gz"}
)
#: What fetching and running put beside the bundle's files. Of `wheels` those that no index has are
#: the bundle's own, and listed.
UNLISTED = frozenset({SUMS, "reproduction", ".repropack"}) | ATTESTED
#: The image of the bundle, where it brings one: made from everything else, which its label names.
IMAGE_RECORD = "image.json"
IMAGE_ARCHIVE = "image.tar.zst"
_OF_THE_IMAGE = re.compile(rb"^[0-9a-f]{64}  image\.(?:json|tar\.zst)\n", re.MULTILINE)
FETCHED = "wheels/"
SOURCE = "source/"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def walk(directory: Path, *, skip: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Every file and link below a directory, in the order of their path's bytes."""
    found: list[Path] = []
    for parent, directories, files in os.walk(directory, followlinks=False):
        here = Path(parent)
        if here == directory:
            directories[:] = [name for name in directories if name not in skip]
            files = [name for name in files if name not in skip]
        links = [name for name in directories if (here / name).is_symlink()]
        found += [here / name for name in (*files, *links)]
    return iter(sorted(found, key=lambda path: os.fsencode(path.relative_to(directory).as_posix())))


def escape(name: str) -> tuple[str, str]:
    """The mark in front of the line, and the name as it then has to stand, for `sha256sum`."""
    if "\n" not in name and "\r" not in name:
        return "", name
    return "\\", name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def unescape(name: str) -> str:
    """The name behind an escaped one."""
    table = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
    return re.sub(r"\\[\\nr]", lambda match: table[match.group()], name)


def sums_text(directory: Path) -> str:
    """The text of SHA256SUMS for a bundle's directory."""
    lines = []
    for path in walk(directory, skip=UNLISTED):
        if path.is_symlink() or is_fetched(directory, path):
            continue
        mark, name = escape(path.relative_to(directory).as_posix())
        lines.append(f"{mark}{sha256_of(path)}  {name}\n")
    return "".join(lines)


def is_fetched(directory: Path, path: Path) -> bool:
    """Whether a file is one that fetching put there: of what `fetch.txt` names."""
    name = path.relative_to(directory).as_posix()
    return name.startswith(FETCHED) and sha256_of(path) in fetched_sums(directory)


def fetched_sums(directory: Path) -> frozenset[str]:
    """The hashes of the wheels that are fetched."""
    try:
        text = (directory / "fetch.txt").read_text("utf-8")
    except OSError:
        return frozenset()
    return frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def links_text(directory: Path) -> str:
    """The text of LINKS: `source/a -> b` for each symbolic link; its lines sorted as by `sort`."""
    rows = [
        # Not Path.readlink, which would make `a/b` of `./a//b`.
        f"{path.relative_to(directory).as_posix()} -> {os.readlink(path)}"  # noqa: PTH115
        for path in walk(directory / SOURCE)
        if path.is_symlink()
    ]
    lines = sorted("\n".join(rows).split("\n"), key=os.fsencode) if rows else []
    return "".join(f"{line}\n" for line in lines)


def parse_sums(text: str) -> dict[str, str]:
    """Name → SHA-256. Raises `IntegrityError` for any other line, and for a name that escapes."""
    sums: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        match = re.fullmatch(r"(\\?)([0-9a-f]{64})  (.+)", line)
        if match is None:
            raise IntegrityError(f"{SUMS}:{number} is not a line of checksums")
        name = unescape(match[3]) if match[1] else match[3]
        if name.startswith("/") or ".." in name.split("/") or name in sums:
            raise IntegrityError(f"{SUMS}:{number} names {name!r}, which no bundle may")
        sums[name] = match[2]
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A bundle whose files are those that SHA256SUMS lists, and the SHA-256 of that.

    `digest` is of what an image is built from: it identifies the bundle. `listed` is the SHA-256 of
    each file by its name.
    """

    digest: str
    sums_sha256: str
    listed: Mapping[str, str]


def digest_of(raw: bytes) -> str:
    """What identifies a bundle, with its image or without: the SHA-256 of the other lines."""
    return hashlib.sha256(_OF_THE_IMAGE.sub(b"", raw)).hexdigest()


def with_image(text: str, sums: dict[str, str]) -> str:
    """The text of SHA256SUMS with the files of the image, in its order."""
    lines = [f"{digest}  {name}" for name, digest in sums.items()]
    lines += text.splitlines()
    ordered = sorted(lines, key=lambda line: os.fsencode(_name_in(line)))
    return "".join(f"{line}\n" for line in ordered)


def _name_in(line: str) -> str:
    return unescape(line[67:]) if line.startswith("\\") else line[66:]


def check(directory: Path) -> Checked:
    """Check every file of a bundle.

    Raises `IntegrityError` (exit code 7) naming every file that is missing, changed or added.
    """
    sums_path = directory / SUMS
    try:
        raw = sums_path.read_bytes()
    except OSError as error:
        raise IntegrityError(
            f"{directory} has no readable {SUMS}: it is not a bundle, or not a whole one",
            hint="name a directory that `repropack build` wrote, or a repository",
        ) from error
    sums = parse_sums(raw.decode("utf-8", "surrogateescape"))
    problems = differences(directory, sums)
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:20])
        more = f"\n  … and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise IntegrityError(
            f"{directory} is not the bundle that was built:\n{shown}{more}",
            hint="get the bundle again from where it was published",
        )
    return Checked(
        digest=digest_of(raw),
        sums_sha256=hashlib.sha256(raw).hexdigest(),
        listed=sums,
    )


def differences(directory: Path, sums: dict[str, str]) -> list[str]:
    """What differs from the checksums, a line each; empty when nothing does."""
    present = {
        path.relative_to(directory).as_posix(): path for path in walk(directory, skip=UNLISTED)
    }
    present = {n: p for n, p in present.items() if n in sums or not n.startswith(FETCHED)}
    regular = {n: path for n, path in present.items() if path.is_file() and not path.is_symlink()}
    problems = [f"missing: {name}" for name in sums if name not in regular]
    added = (name for name in regular if name not in sums and name.startswith(SOURCE))
    problems += [f"added: {name}" for name in added]
    devices = (n for n, path in present.items() if not (path.is_file() or path.is_symlink()))
    problems += [f"neither a file nor a link: {name}" for name in devices]
    problems += [
        f"changed: {name}"
        for name, path in regular.items()
        if name in sums and sha256_of(path) != sums[name]
    ]
    links = directory / LINKS
    recorded = links.read_text("utf-8", "surrogateescape") if links.is_file() else ""
    if recorded != links_text(directory):
        problems.append(f"changed: the symbolic links are not those of {LINKS}")
    return problems
