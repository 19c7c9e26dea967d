"""What a locked wheel says of its licence: read from its METADATA, which its hash covers.

`License-Expression` (PEP 639) is SPDX; older metadata has a name, or classifiers. A whole licence
text in `License` is no name, and nothing is guessed from it.
"""

from __future__ import annotations

import email.parser
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 120
_LARGEST = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """An SPDX `expression`, or the `names` that the package gives."""

    expression: str = ""
    names: tuple[str, ...] = ()


UNKNOWN = Licence()


def of_wheel(path: Path) -> Licence:
    """The licence that a wheel states; `UNKNOWN` where it states none, or cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = (n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
            name = next(names, None)
            if name is None or archive.getinfo(name).file_size > _LARGEST:
                return UNKNOWN
            return of_metadata(archive.read(name).decode("utf-8", "replace"))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return UNKNOWN


def of_metadata(text: str) -> Licence:
    """The same from core metadata."""
    fields = email.parser.HeaderParser().parsestr(text)
    expression = one_line(fields.get("License-Expression"))
    if expression:
        return Licence(expression=expression)
    classifiers = [
        each.rpartition("::")[2].strip()
        for each in map(str, fields.get_all("Classifier", []))
        if each.startswith("License ::") and each.strip() != "License :: OSI Approved"
    ]
    written = one_line(fields.get("License"))
    names = classifiers or [written]
    return Licence(names=tuple(dict.fromkeys(n for n in names if n and n.upper() != "UNKNOWN")))


def one_line(value: object) -> str:
    """A short text of one line, or ""."""
    text = str(value or "").strip()
    return text if "\n" not in text and len(text) <= _LONGEST and text.isprintable() else ""
