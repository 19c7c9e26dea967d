"""Files that are compressed where their names say so, and written whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from repropack.errors import IntegrityError, UsageError
from repropack.zstd import library

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_LEVEL = 5
_ZSTD_LEVEL = 3
_BUFFER = 1 << 18


def open_packed(path: Path) -> IO[bytes]:
    """A file's content, unpacked where it is packed. Raises `UsageError`."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        file.close()
        return cast("IO[bytes]", io.BufferedReader(gzip.open(path, "rb"), _BUFFER))
    if start == _ZSTD:
        file.close()
        return cast("IO[bytes]", io.BufferedReader(library().ZstdFile(path), _BUFFER))
    return file


@contextlib.contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """The same, closed at the end; what turns out to be damaged is an `IntegrityError`."""
    with open_packed(path) as file:
        try:
            yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise IntegrityError(f"{path} is cut short or damaged: {error}") from error
        except Exception as error:
            if not isinstance(error, library().ZstdError):  # loaded where it is needed
                raise
            raise IntegrityError(f"{path} is cut short or damaged: {error}") from error


@contextlib.contextmanager
def spool(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target for what comes before it is known what stands first."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=target.parent))
        except OSError as error:
            raise UsageError(f"cannot write {target}: {error.strerror}") from error
        yield cast("IO[bytes]", file)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[IO[bytes]]:
    """The target's new content: there when all of it was written, packed if it ends in `.gz` or
    `.zst`.

    Packed files name no time, so that the same content gives the same bytes.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if target.suffix == ".gz":
                with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            elif target.suffix == ".zst":
                with library().ZstdFile(file, "wb", options=_zstd_options()) as packed:
                    yield packed
            else:
                yield cast("IO[bytes]", file)
        temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _zstd_options() -> dict[int, int]:
    """With a checksum: what is damaged is told as such."""
    parameter = library().CompressionParameter
    return {parameter.compression_level: _ZSTD_LEVEL, parameter.checksum_flag: 1}
