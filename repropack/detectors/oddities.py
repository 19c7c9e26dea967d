"""What is odd in a manifest, with its line: encodings, addresses that answer no more, Git.

Owns: telling before anything is built. Does not own: refusing (`environment`), and which manifest
counts (`inspection`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from repropack.detectors.dependencies import KIND_PREFIX, manifests
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format
from repropack.tables import index_kind

ENCODING: Final = "dependencies.encoding"
UNPINNED_GIT: Final = "dependencies.git-unpinned"
RETIRED_INDEX: Final = "dependencies.index-retired"
_MARKS: Final = (
    (codecs.BOM_UTF8, "begins with a byte order mark"),
    (codecs.BOM_UTF16_LE, "is in UTF-16, which pip on Linux reads and most other tools do not"),
    (codecs.BOM_UTF16_BE, "is in UTF-16, which pip on Linux reads and most other tools do not"),
)
_URL: Final = re.compile(r"https?://[^\s\"',;<>]+")
_GIT: Final = re.compile(r"(?:git\+[a-z]+://|git://|\bgit@)[^\s\"',;]+")
_COMMIT: Final = re.compile(r"@[0-9a-f]{7,40}(?:[#&]|$)")
_LINES: Final = (
    *(Format.REQUIREMENTS, Format.HASHED, Format.PYPROJECT, Format.PIPFILE, Format.SETUP_CFG),
    *(Format.SETUP_PY, Format.SCRIPT, Format.PIPFILE_LOCK),
)
_KINDS: Final = frozenset(KIND_PREFIX + format.name.lower() for format in _LINES)


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return what is odd in each manifest, in their order."""
    return tuple(
        finding
        for manifest in manifests(reading)
        for finding in (*_encoding(reading, manifest.value), *_lines(reading, manifest))
    )


def _encoding(reading: Reading, path: str) -> Iterator[Finding]:
    raw = reading.raw(path)
    said = [what for mark, what in _MARKS if raw.startswith(mark)][:1]
    if b"\r\n" in raw[:100_000]:
        said.append("has the line ends of Windows")
    if said:
        because = f"{path} {' and '.join(said)}; it is read as what it says"
        yield Finding(kind=ENCODING, value=path, because=because, where=Where(path=path))


def _lines(reading: Reading, manifest: Finding) -> Iterator[Finding]:
    path = manifest.value
    if manifest.kind not in _KINDS:
        return
    for number, line in enumerate((reading.text(path) or "").splitlines(), 1):
        if ("://" not in line and "git@" not in line) or line.lstrip().startswith("#"):
            continue
        where = Where(path=path, line=number)
        if any(index_kind(url) == "retired" for url in _URL.findall(line)):
            because = f"{where} names an index that was retired years ago: its successor is asked"
            yield _warning(RETIRED_INDEX, path, because, where)
        for address in _GIT.findall(line):
            if not _COMMIT.search(address):
                because = f"{_without_secret(address)} in {where} names no commit: the newest one "
                because += (
                    "of the project's own date is taken; better to name the one that you used"
                )
                yield _warning(UNPINNED_GIT, path, because, where)


def _without_secret(address: str) -> str:
    shown = re.sub(r"://[^/@\s]*@", "://", address)
    return "".join(c if c.isprintable() else "?" for c in shown)[:120]


def _warning(kind: str, value: str, because: str, where: Where) -> Finding:
    return Finding(kind=kind, value=value, because=because, where=where, severity=Severity.WARNING)
