"""`repropack.footprint/2`: JSON that can be read a line at a time, and checks itself.

One entry a line, so that a million of them fit into no more memory than one; files that another
program has laid out anew are read as a whole. A name that is not UTF-8 has its bytes in `path_hex`
(a link's goal in `link_hex`); `path` then shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from repropack.errors import IntegrityError, InvalidError
from repropack.footprint.model import SCHEMA, UNKNOWN, Algorithm, Entry, Run, Summary
from repropack.footprint.packing import reading
from repropack.footprint.rooting import Root

_ENTRIES = b'"files":[\n'
_DIRECTORIES = b'],"dirs":[\n'
_END = b"]}\n"
_BATCH = 2000
_PLAIN = re.compile(rb"[ !#-\[\]-~]*")
_HEAD = ("algo", "root_hash", "n_files", "n_bytes", "max_mtime_ns")


def line(entry: Entry) -> bytes:
    """An entry as JSON, without a line's end."""
    path, size_bytes, mtime_ns, content, link = entry
    if link is not None:
        return b"{" + _named("path", path) + b"," + _named("link", link) + b"}"
    times = b',"mtime_ns":%d' % mtime_ns if mtime_ns != UNKNOWN else b""
    sizes = b',"size_bytes":%d' % size_bytes if size_bytes != UNKNOWN else b""
    told = content.hex().encode()
    return b'{%s%s%s,"hash":"%s"}' % (_named("path", path), sizes, times, told)


def are_plain(run: Run) -> bool:
    """Whether each of these names stands in JSON as it is."""
    return bool(_PLAIN.fullmatch(run.directory + b"".join(run.names)))


def file_line(path: bytes, size_bytes: int, mtime_ns: int, told: bytes) -> bytes:
    """A file with a plain name; its hash is in hexadecimal digits."""
    return b'{"path":"%s","size_bytes":%d,"mtime_ns":%d,"hash":"%s"}' % (
        path,
        size_bytes,
        mtime_ns,
        told,
    )


def end(directories: list[bytes]) -> bytes:
    """What stands behind the last entry."""
    told = b",\n".join(b"{" + _named("path", path) + b"}" for path in directories)
    return _DIRECTORIES + told + (b"\n" if told else b"") + _END


def at_entries(file: IO[bytes]) -> bool:
    """Go to the first entry of a footprint that is laid out as it was written."""
    return file.readline(4096).startswith(b'{"schema"') and file.readline(64) == _ENTRIES


def _named(key: str, value: bytes) -> bytes:
    if _PLAIN.fullmatch(value):
        return b'"%s":"%s"' % (key.encode(), value)
    try:
        return b'"%s":%s' % (key.encode(), json.dumps(value.decode("utf-8")).encode())
    except UnicodeDecodeError:
        seen = json.dumps(value.decode("utf-8", "replace")).encode()
        return b'"%s":%s,"%s_hex":"%s"' % (key.encode(), seen, key.encode(), value.hex().encode())


class Writer:
    """Takes entries in their order, into a spool; then writes the footprint with its head."""

    def __init__(self, spool: IO[bytes], algorithm: Algorithm) -> None:
        self._spool = spool
        self._lines: list[bytes] = []
        self._root = Root(algorithm)

    def add(self, entry: Entry) -> None:
        """A file or a link."""
        self._root.add(entry)
        self._lines.append(line(entry))
        if len(self._lines) == _BATCH:
            self._flush()

    def add_part(self, lines: bytes, root: bytes, **sums: int) -> None:
        """Several of them, written down elsewhere; each line ends in a comma."""
        self._flush()
        self._spool.write(lines)
        self._root.add_part(root, **sums)

    def _flush(self) -> None:
        if self._lines:
            self._spool.write(b",\n".join(self._lines) + b",\n")
            self._lines = []

    def finish(self, target: IO[bytes], directories: list[bytes]) -> Summary:
        """Write the whole footprint; gives its head."""
        self._flush()
        for path in directories:
            self._root.add_directory(path)
        summary = self._root.summary()
        head = json.dumps(summary.as_dict(), separators=(",", ":"))
        target.write(head[:-1].encode() + b",\n" + _ENTRIES)
        self._copy(target)
        target.write(end(directories))
        return summary

    def _copy(self, target: IO[bytes]) -> None:
        """The spool without the comma behind its last line."""
        left = self._spool.tell() - 2
        self._spool.seek(0)
        while left > 0:
            piece = self._spool.read(min(left, 1 << 20))
            target.write(piece)
            left -= len(piece)
        target.write(b"\n" if self._root.n_files else b"")


class Reader:
    """A footprint's head, and then its entries, one after the other.

    What is read is added up again; a footprint that does not agree with its own head raises
    `IntegrityError` at its end. Both methods are to be used up in this order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directories: list[bytes] = []
        self._whole: dict[str, Any] | None = None
        self.summary = self._read_head()

    def _read_head(self) -> Summary:
        with reading(self.path) as file:
            first = file.readline(4096)
            if first.startswith(b'{"schema"') and first.endswith(b",\n"):
                given = self._parsed(first[:-2] + b"}")
                if file.readline(64) == _ENTRIES:
                    return self._summary(given)
            whole = self._parsed(first + file.read())
            self._whole = whole
        return self._summary(whole)

    def _parsed(self, text: bytes) -> dict[str, Any]:
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"it is cut short or no JSON ({error})") from error
        if not isinstance(given, dict):
            raise self._damaged("it is no JSON object")
        return given

    def _summary(self, given: dict[str, Any]) -> Summary:
        refuse_other_schema(given, self.path)
        if not all(key in given for key in _HEAD):
            raise self._damaged(f"it does not say {', '.join(set(_HEAD) - given.keys())}")
        try:
            return Summary(
                algorithm=Algorithm(given["algo"]),
                root_hash=str(given["root_hash"]),
                n_files=_number(given, "n_files"),
                n_bytes=_number(given, "n_bytes"),
                max_mtime_ns=_number(given, "max_mtime_ns"),
            )
        except (TypeError, ValueError) as error:
            raise self._damaged(str(error)) from error

    def entries(self) -> Iterator[Entry]:
        """The files and links in their order; `directories` is filled at the end."""
        root = Root(self.summary.algorithm)
        last: bytes | None = None
        for given in self._given():
            entry = self._entry(given)
            if last is not None and entry.path <= last:
                raise self._damaged("its files are not in their order")
            last = entry.path
            root.add(entry)
            yield entry
        for path in self.directories:
            root.add_directory(path)
        if root.summary() != self.summary:
            raise self._damaged("what it lists does not have the root hash or the totals it states")

    def _given(self) -> Iterator[Any]:
        if self._whole is not None:
            files, directories = self._whole.get("files"), self._whole.get("dirs")
            if not isinstance(files, list) or not isinstance(directories, list):
                raise self._damaged("it has no list of files, or none of directories")
            yield from files
        else:
            with reading(self.path) as file:
                file.readline(), file.readline()
                yield from self._lines(file)
                directories = self._rest(file)
        self.directories = [self._name(given, "path") for given in directories]

    def _lines(self, file: IO[bytes]) -> Iterator[Any]:
        while True:
            batch = list(islice(file, _BATCH))
            end = batch.index(_DIRECTORIES) if _DIRECTORIES in batch else len(batch)
            yield from self._list(batch[:end])
            if end < len(batch):
                self._pending = batch[end + 1 :]
                return
            if not batch:
                raise self._damaged("it is cut short")

    def _rest(self, file: IO[bytes]) -> list[Any]:
        lines = self._pending + list(file)
        if not lines or lines[-1] != _END:
            raise self._damaged("it is cut short")
        return self._list(lines[:-1])

    def _list(self, lines: list[bytes]) -> list[Any]:
        try:
            given: list[Any] = json.loads(b"[" + b"".join(lines).rstrip(b",\n") + b"]")
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"it is cut short or no JSON ({error})") from error
        return given

    def _entry(self, given: Any) -> Entry:
        try:
            if "link" in given:
                return Entry(self._name(given, "path"), link=self._name(given, "link"))
            size_bytes, mtime_ns = given["size_bytes"], given.get("mtime_ns", UNKNOWN)
            content = bytes.fromhex(given["hash"])
            if type(size_bytes) is not int or type(mtime_ns) is not int:
                raise ValueError("a size or a time is no number")
            if len(content) != self.summary.algorithm.length:
                raise ValueError("a hash has another length than its algorithm's")
            return Entry(self._name(given, "path"), size_bytes, mtime_ns, content)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"an entry is not one of a file ({error!r})") from error

    def _name(self, given: Any, key: str) -> bytes:
        try:
            told = given.get(f"{key}_hex")
            return bytes.fromhex(told) if told is not None else given[key].encode("utf-8")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"an entry has no {key} ({error!r})") from error

    def _damaged(self, why: str) -> IntegrityError:
        return IntegrityError(
            f"{self.path} is not as it was written: {why}",
            hint="get the footprint again from where the data's authors published it",
        )


def _number(given: dict[str, Any], key: str) -> int:
    if type(given[key]) is not int:
        raise ValueError(f"{key} is no whole number")
    return int(given[key])


def refuse_other_schema(given: dict[str, Any], path: Path) -> None:
    """Raises `InvalidError` for what a newer repropack wrote, or no footprint at all."""
    schema = given.get("schema")
    if schema == SCHEMA:
        return
    if str(schema).startswith("repropack.footprint/"):
        raise InvalidError(
            f"{path} is {schema}, and this repropack reads {SCHEMA}",
            hint="a newer repropack reads it: pip install --upgrade repropack",
        )
    raise InvalidError(f"{path} is no footprint: its schema is {schema!r}")
