"""Text from the bytes that users' files have.

Owns: encodings, line ends, and saying why something is not readable.
Does not own: where the bytes come from (`source`).
"""

from __future__ import annotations

import codecs

from repropack.errors import SourceError

# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Unreadable(SourceError):
    """One file cannot be read; callers turn this into a finding, never into "absent"."""


def decode_text(content: bytes) -> str:
    r"""`content` as text with `\n` line ends: by its mark, else UTF-8, else Latin-1.

    Raises ValueError, saying why, for what is not text.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _unix_lines(content.decode(encoding))
    if b"\0" in content:
        raise ValueError("it is not text: it has NUL bytes")
    try:
        return _unix_lines(content.decode("utf-8"))
    except UnicodeDecodeError:
        return _unix_lines(content.decode("latin-1"))


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
