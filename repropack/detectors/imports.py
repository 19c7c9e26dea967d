"""What the code imports and no manifest declares.

Owns: imports, what of them is the project's own or Python's, and which distribution brings the
rest. Does not own: what is done about it (`locking`, when asked to infer).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from repropack.condafile import included_files
from repropack.detectors.dependencies import KIND_PREFIX
from repropack.detectors.installs import installed
from repropack.detectors.pins import asked_names, normalise, pins
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format
from repropack.tables import (
    distribution_in_conda,
    distribution_of,
    mistaken_names,
    standard_modules,
)

MISSING: Final = "dependencies.missing"
# Import names that several distributions bring: any of these counts as declared.
_FAMILIES: Final = (
    ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    ("opencv-contrib-python-headless", "opencv-python-headless"),
    ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly"),
    ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12"),
    ("psycopg2", "psycopg2-binary"),
    ("onnxruntime", "onnxruntime-gpu"),
    ("pillow", "pillow-simd"),
    ("nvidia-ml-py", "pynvml", "nvidia-ml-py3"),
    ("pycryptodome", "pycrypto"),
    ("keras", "tensorflow"),
    ("lightning", "pytorch-lightning"),
    ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"),
    ("umap-learn", "umap"),
    ("progressbar2", "progressbar33", "progressbar"),
    ("clip", "openai-clip"),
)
MAX_NOTEBOOKS: Final = 10
MAX_NOTEBOOK_BYTES: Final = 2_000_000  # larger ones hold pictures, and take long to parse
_NOTEBOOK: Final = re.compile(r"(?:[^/.][^/]*/)?[^/]+\.ipynb")
_IMPORT: Final = re.compile(
    r"^(?:import[ \t]+([A-Za-z_][\w., \t]*)|from[ \t]+([A-Za-z_][\w.]*)[ \t]+import)", re.M
)
_QUOTED: Final = re.compile(r"""["']\s*([A-Za-z0-9][A-Za-z0-9._-]*)""")
_KEYS: Final = re.compile(r"^\s*[\"']?([A-Za-z0-9][A-Za-z0-9._-]*)[\"']?\s*=", re.M)
_CONDA: Final = re.compile(r"^\s*-\s*[\"']?(?:[\w.-]+::)?([A-Za-z0-9][\w.-]*)", re.M)
# In conda's locks: files in addresses, `name: x` of conda-lock and pixi, `x=1.0=0` of a list.
_CONDA_LOCKED: Final = re.compile(
    r"/([A-Za-z0-9_][\w.-]*?)-[^-/\s]+-[^-/\s]+\.(?:conda|tar\.bz2)"
    r"|^\s*(?:- )?name: (\S+)|^([A-Za-z0-9_][\w.-]*)=",
    re.M,
)
_FILE: Final = re.compile(r"[\w./-]+\.(?:txt|in)\b")
_INCLUDE: Final = re.compile(r"^\s*(?:-r|--requirement)[ =]?(\S+)", re.M)


def undeclared(reading: Reading, manifests: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return a warning for each requirement that a README installs and no manifest declares."""
    found = tuple(manifests)
    return installed(reading, lambda: _with_families(_declared(reading, found)) | own(reading))


def missing(reading: Reading, manifests: Iterable[Finding], python: str) -> tuple[Finding, ...]:
    """Return a warning for each import that nothing declares, sorted by its name.

    `python` is the minor version whose standard library is there.
    """
    declared = _with_families(_declared(reading, tuple(manifests)))
    ignored = own(reading) | standard_modules(python) | {"__main__"}
    found: dict[str, Finding] = {}
    for name, where in (*_in_code(reading), *_in_notebooks(reading)):
        distribution = normalise(distribution_of(name))
        if name in ignored or name in found or {distribution, normalise(name)} & declared:
            continue
        found[name] = _finding(name, where, bool(declared))
    return tuple(found[name] for name in sorted(found))


def _in_code(reading: Reading) -> Iterator[tuple[str, Where]]:
    for code in reading.code:
        for name, line in code.imports.items():
            if name not in code.optional:
                yield name, Where(path=code.path, line=line)


def _in_notebooks(reading: Reading) -> Iterator[tuple[str, Where]]:
    """The imports at the beginnings of lines in the cells of notebooks near the root."""
    near = sorted(path for path in reading.sizes if _NOTEBOOK.fullmatch(path))
    small = [path for path in near if reading.sizes[path] <= MAX_NOTEBOOK_BYTES]
    for path in small[:MAX_NOTEBOOKS]:
        for source in _cells(reading.text(path) or ""):
            for names, origin in _IMPORT.findall(source):
                for name in (names or origin).split(","):
                    root = name.split()[0].partition(".")[0] if name.strip() else ""
                    if root:
                        yield root, Where(path=path)


def _cells(text: str) -> list[str]:
    """The sources of a notebook's code cells; nothing of what is no notebook."""
    try:
        cells = json.loads(text).get("cells", [])
        code = [cell for cell in cells if cell.get("cell_type") == "code"]
        return ["".join(cell.get("source", "")) for cell in code]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return []


def _finding(name: str, where: Where, some: bool) -> Finding:
    distribution = distribution_of(name)
    what = "imported, but no manifest declares it" if some else "imported, but no file says what"
    what += "" if some else " to install"
    return Finding(
        kind=MISSING,
        value=name,
        because=f"{what}; list {distribution} in requirements.txt",
        where=where,
        severity=Severity.WARNING,
    )


def own(reading: Reading) -> frozenset[str]:
    """Modules of the project: files, and directories that hold Python."""
    names = set()
    for path in reading.sizes:
        if path.endswith((".py", ".pyx", ".so", ".ipynb")):
            *directories, file = path.split("/")
            names |= {*directories, file.partition(".")[0]}
    return frozenset(names)


def _with_families(names: frozenset[str]) -> frozenset[str]:
    found = set(names)
    for family in _FAMILIES:
        if not found.isdisjoint(family):
            found.update(family)
    return frozenset(found)


def _declared(reading: Reading, manifests: tuple[Finding, ...]) -> frozenset[str]:
    """Every name that any manifest has; too many is better than a false alarm."""
    formats = {KIND_PREFIX + format.name.lower(): format for format in Format}
    names: set[str] = set()
    for found in manifests:
        if found.kind in formats:
            names |= set(_names(reading, found.value, formats[found.kind], set()))
    right = {normalise(mistaken_names().get(name, name)) for name in names}
    return frozenset(names | right)


def _names(reading: Reading, path: str, format: Format, seen: set[str]) -> Iterator[str]:
    seen.add(path)
    text = reading.text(path) or ""
    if format.is_lock:
        yield from pins(reading, path, format)
    if format in (Format.REQUIREMENTS, Format.HASHED, Format.WANDB, Format.SETUP_CFG):
        yield from asked_names(text)
        yield from _included(reading, path, text, seen)
    elif format in (Format.PYPROJECT, Format.SETUP_PY, Format.SCRIPT, Format.PIPFILE):
        yield from map(normalise, (*_QUOTED.findall(text), *_KEYS.findall(text)))
    elif format.is_conda or format is Format.CONDA_PIP:
        yield from _in_conda(text)
        yield from _beside(reading, path, included_files(text, ""), seen)
    if format in (Format.PYPROJECT, Format.SETUP_PY, Format.SETUP_CFG):
        yield from _beside(reading, path, _FILE.findall(text), seen)


def _in_conda(text: str) -> Iterator[str]:
    """The names in one of conda's files, as conda spells them and as an index does."""
    locked = ("".join(words) for words in _CONDA_LOCKED.findall(text))
    for name in (*_CONDA.findall(text), *locked):
        yield from (normalise(name), normalise(distribution_in_conda(name)))


def _included(reading: Reading, path: str, text: str, seen: set[str]) -> Iterator[str]:
    yield from _beside(reading, path, _INCLUDE.findall(text), seen)


def _beside(reading: Reading, path: str, names: Iterable[str], seen: set[str]) -> Iterator[str]:
    """The names in requirements files that another file mentions."""
    for name in names:
        directory = path.rpartition("/")[0]
        inner = f"{directory}/{name}".lstrip("/")
        if inner not in seen and reading.has(inner):
            yield from _names(reading, inner, Format.REQUIREMENTS, seen)
