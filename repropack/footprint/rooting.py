"""One hash for a whole dataset: a function of its paths and contents, and of nothing else.

It is the hash of a line with the schema's name and then, for each file and link in the order of
their paths' bytes, and for each empty directory: the letter `f`, `l` or `d`, the length of the
path, the path, the length of what follows, and the content's hash or where the link leads (nothing
for a directory). Lengths are 8 bytes, big-endian.
"""

from __future__ import annotations

from repropack.footprint.model import SCHEMA, Algorithm, Entry, Summary
from repropack.footprint.reading import new_hasher

_ENOUGH = 2000
_LENGTHS = tuple(n.to_bytes(8, "big") for n in range(256))


def part(letter: bytes, path: bytes, content: bytes) -> bytes:
    """What the root hash is of, for one file, link or directory."""
    return b"%b%b%b%b%b" % (letter, _length(path), path, _length(content), content)


def _length(text: bytes) -> bytes:
    size = len(text)
    return _LENGTHS[size] if size < 256 else size.to_bytes(8, "big")


class Root:
    """Takes entries in their order; gives the root hash and the totals."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.n_files = 0
        self.n_bytes = 0
        self.max_mtime_ns = 0
        self._algorithm = algorithm
        self._hasher = new_hasher(algorithm)
        self._parts = [SCHEMA.encode() + b"\n"]

    def add(self, entry: Entry) -> None:
        """A file or a link."""
        path, size_bytes, mtime_ns, content, link = entry
        letter = b"f"
        if link is not None:
            letter, content = b"l", link
        else:
            self.n_bytes += size_bytes
            if mtime_ns > self.max_mtime_ns:
                self.max_mtime_ns = mtime_ns
        self.n_files += 1
        self._put(letter, path, content)

    def add_directory(self, path: bytes) -> None:
        """A directory with nothing in it, without a `/` at its end."""
        self._put(b"d", path, b"")

    def add_part(self, text: bytes, *, n_files: int, n_bytes: int, max_mtime_ns: int) -> None:
        """Several files and links, as `part` told each of them."""
        self.n_files += n_files
        self.n_bytes += n_bytes
        self.max_mtime_ns = max(self.max_mtime_ns, max_mtime_ns)
        self._parts.append(text)
        self._flush()

    def _put(self, letter: bytes, path: bytes, content: bytes) -> None:
        self._parts.append(part(letter, path, content))
        if len(self._parts) > _ENOUGH:
            self._flush()

    def _flush(self) -> None:
        self._hasher.update(b"".join(self._parts))
        self._parts = []

    def summary(self) -> Summary:
        """The head of a footprint with what was added."""
        return Summary(
            algorithm=self._algorithm,
            root_hash=self.hexdigest(),
            n_files=self.n_files,
            n_bytes=self.n_bytes,
            max_mtime_ns=self.max_mtime_ns,
        )

    def hexdigest(self) -> str:
        """The root hash of what was added."""
        self._flush()
        return self._hasher.digest().hex()
