"""What the code imports and no manifest declares.

Owns: imports, what of them is the project's own or Python's, and which distribution brings the
rest. Does not own: what is done about it (`locking`, when asked to infer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from repropack.condafile import included_files
from repropack.detectors.code import module_of
from repropack.detectors.dependencies import KIND_PREFIX
from repropack.detectors.installs import installed
from repropack.detectors.listing import place_to_list
from repropack.detectors.pins import asked_names, normalise, pins
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format
from repropack.tables import (
    distribution_in_conda,
    distribution_of,
    mistaken_names,
    nowhere_to_install,
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
_NAMES: Final = r"[A-Za-z_][\w.]*(?:[ \t]+as[ \t]+\w+)?"
_IMPORT: Final = re.compile(
    rf"^(?:import[ \t]+({_NAMES}(?:[ \t]*,[ \t]*{_NAMES})*)|from[ \t]+([A-Za-z_][\w.]*)[ \t]+import"
    rf"[ \t]+\(?[ \t]*({_NAMES}|\*|\\|$)(?:[ \t]*,.*)?\)?)[ \t]*(?:[;#\\].*)?$",
    re.M,
)
# The name of a project, and the modules that it compiles.
_BUILT: Final = re.compile(
    r"(?:Extension\(\s*(?:name\s*=\s*)?|^\s*(?:setuptools\.)?(?:setup\(\s*)?name\s*=\s*)"
    r"[\"']([A-Za-z_][\w.-]*)[\"']",
    re.M,
)
MAX_SETUPS: Final = 10
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
    place = place_to_list(found, reading.has)
    return installed(
        reading, lambda: _with_families(_declared(reading, found)) | own(reading), place
    )


def missing(reading: Reading, manifests: Iterable[Finding], python: str) -> tuple[Finding, ...]:
    """Return a warning for each import that nothing declares, sorted by its name.

    `python` is the minor version whose standard library is there.
    """
    known = tuple(manifests)
    declared = _with_families(_declared(reading, known))
    ignored = own(reading) | standard_modules(python) | {"__main__"}
    place = place_to_list(known, reading.has)
    found: dict[str, Finding] = {}
    for name, where in (*_in_code(reading), *_in_texts(reading)):
        distribution = normalise(distribution_of(name))
        if name in ignored or name in found or {distribution, normalise(name)} & declared:
            continue
        found[name] = _finding(name, where, place, bool(declared))
    return tuple(found[name] for name in sorted(found))


def _in_code(reading: Reading) -> Iterator[tuple[str, Where]]:
    for code in reading.code:
        for name, line in code.imports.items():
            if name not in code.optional:
                yield name, Where(path=code.path, line=line)


def _in_texts(reading: Reading) -> Iterator[tuple[str, Where]]:
    """The imports at the beginnings of lines: in code that is not parsed, and in notebooks."""
    for path, text in reading.unparsed:
        for name, position in imported(text):
            yield name, Where(path=path, line=text.count("\n", 0, position) + 1)
    for path, cells in reading.notebooks:
        for name, _ in (found for cell in cells for found in imported(cell)):
            yield name, Where(path=path)


def imported(text: str) -> Iterator[tuple[str, int]]:
    """The modules that lines import, each with its position; none of an indented line."""
    for match in _IMPORT.finditer(text):
        names, origin, first = match.groups()
        dotted = [f"{origin}.{first}"] if origin else [n.split()[0] for n in names.split(",")]
        yield from ((module_of(name), match.start()) for name in dotted)


def _finding(name: str, where: Where, place: str, some: bool) -> Finding:
    what = "imported, but no manifest declares it" if some else "imported, but no file says what"
    what += "" if some else " to install"
    return Finding(
        kind=MISSING,
        value=name,
        because=f"{what}; {nowhere_to_install(name) or place.format(distribution_of(name))}",
        where=where,
        severity=Severity.WARNING,
    )


def own(reading: Reading) -> frozenset[str]:
    """Modules of the project: files, directories that hold Python, and what its setup.py builds."""
    scripts = [path for path in reading.sizes if path.rpartition("/")[2] == "setup.py"]
    texts = (reading.text(path) or "" for path in scripts[:MAX_SETUPS])
    names = {name.partition(".")[0] for text in texts for name in _BUILT.findall(text)}
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
