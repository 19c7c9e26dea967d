"""Files that the code opens and the source does not have, and outputs that DVC keeps elsewhere."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath
from typing import Final

from repropack.detectors.code import Call, Code
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where

OPENED: Final = "data.opened"
DVC: Final = "data.dvc"
_DVC_END = ".dvc"
_READERS = re.compile(
    r"open|io\.open|gzip\.open|h5py\.File|PIL\.Image\.open|cv2\.imread|torch\.load"
    r"|(?:pandas|polars)\.read_\w+|pandas\.HDFStore"
    r"|numpy\.(?:load|loadtxt|genfromtxt|fromfile|memmap)"
    r"|scipy\.io\.loadmat|torchvision\.datasets\.(?:ImageFolder|DatasetFolder)|datasets\.load_from_disk"
)
_WRITERS = re.compile(r"(?:^|\.)(?:save\w*|dump|to_[a-z]+|imwrite|write\w*|tofile)$")
_FIRST = ("file", "filepath_or_buffer", "path", "root", "fname", "filename", "name", "f", "io")
_PLAIN_PATH = re.compile(r"[^\0-\x1f*?{}$<>|]{1,300}")


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return the data that the code reads and the source lacks, each path once."""
    there = set(reading.sizes)
    above = {str(parent) for path in there for parent in PurePosixPath(path).parents}
    found: dict[str, Finding] = {}
    for path in sorted(there):
        if path.endswith(_DVC_END) and not path.endswith("/" + _DVC_END) and path != _DVC_END:
            found[path] = _dvc(path)
    there |= above.union(*(_written(code) for code in reading.code))
    for code in reading.code:
        for call in code.calls:
            wanted = _wanted(call, code)
            if wanted and wanted not in there:
                found.setdefault(wanted, _missing(wanted, Where(path=code.path, line=call.line)))
    return tuple(found.values())


def _dvc(path: str) -> Finding:
    return Finding(
        kind=DVC,
        value=path.removesuffix(_DVC_END),
        because=f"kept by DVC; `repropack data check` takes {path} as its footprint",
        where=Where(path=path),
    )


def _missing(path: str, where: Where) -> Finding:
    return Finding(
        kind=OPENED,
        value=path,
        because="is read here and is not in the source: `datasets:` in repropack.yaml gives it a "
        "footprint, and mounts it",
        where=where,
        severity=Severity.WARNING,
    )


def _wanted(call: Call, code: Code) -> str | None:
    """The path that a call reads, where it stands in the code as it is."""
    if not _READERS.fullmatch(call.name) or _writes(call, code):
        return None
    given = call.argument(0)
    if given is None:
        given = next((call.argument(99, name) for name in _FIRST if call.argument(99, name)), None)
    text = _text(given, code)
    if text is None or "://" in text or not _PLAIN_PATH.fullmatch(text):
        return None
    parts = PurePosixPath(text).parts
    if not parts or parts[0] in ("/dev", "/proc", "/tmp") or text.startswith(("/dev/", "/proc/")):
        return None
    return str(PurePosixPath(text)) if ".." not in parts else None


def _written(code: Code) -> set[str]:
    """The paths that the code itself writes: what it reads there later is no data."""
    texts = [
        _text(argument, code)
        for call in code.calls
        if _WRITERS.search(call.name) or (_READERS.fullmatch(call.name) and _writes(call, code))
        for argument in (*call.node.args, *(keyword.value for keyword in call.node.keywords))
    ]
    return {str(PurePosixPath(text)) for text in texts if text}


def _writes(call: Call, code: Code) -> bool:
    """Whether a mode says, or may say, that the file is written."""
    mode = call.argument(1, "mode")
    if mode is None or not call.name.endswith(("open", "File", "HDFStore")):
        return False
    text = _text(mode, code)
    return text is None or not text.startswith("r") or "+" in text


def _text(node: ast.expr | None, code: Code) -> str | None:
    value = code.value_of(node)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return None
