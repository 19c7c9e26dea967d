"""Which Python the project asks for: exact pins and ranges."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from repropack.detectors.dependencies import BINDERS, manifests, scripts_with_headers
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.formats import SCRIPT_HEADER

PIN: Final = "python.pin"
RANGE: Final = "python.requires"
_VERSION: Final = r"(3\.[0-9]+(?:\.[0-9]+)?)\b"
# In the order in which they count, when several files say something else.
_PIN_FILES: Final = (
    (".python-version", re.compile(rf"^\s*(?:cpython[-@]|python[-@]?)?{_VERSION}", re.M)),
    (".tool-versions", re.compile(rf"^\s*python\s+(?:\S+\s+)*?{_VERSION}", re.M)),
    ("runtime.txt", re.compile(rf"^\s*python-{_VERSION}", re.M)),
    ("Pipfile", re.compile(rf"^\s*python_(?:full_)?version\s*=\s*[\"']{_VERSION}", re.M)),
    ("Pipfile.lock", re.compile(rf"\"requires\":\s*{{[^}}]*version\":\s*\"{_VERSION}", re.M)),
    ("environment.yml", re.compile(rf"^\s*-\s*[\"']?python\s*={{1,2}}\s*{_VERSION}", re.M)),
    ("environment.yaml", re.compile(rf"^\s*-\s*[\"']?python\s*={{1,2}}\s*{_VERSION}", re.M)),
)
# conda writes the Python itself among the packages, and so do those who turn that into a list.
_LISTED: Final = ("requirements.txt", re.compile(rf"^python={{1,2}}{_VERSION}", re.M))
_IN_BINDERS: Final = frozenset(("runtime.txt", "Pipfile", "Pipfile.lock", "environment.yml"))
_RANGE_FILES: Final = (
    ("setup.cfg", re.compile(r"^\s*python_requires\s*=\s*([^\n#]+)", re.M)),
    ("setup.py", re.compile(r"python_requires\s*=\s*[\"']([^\"'\n]+)[\"']")),
    ("environment.yml", re.compile(r"^\s*-\s*[\"']?python\s*([<>!~][^\n#\"']+)", re.M)),
)
# What pip-compile, uv and repropack write at the top of the requirements that they make.
_COMPILED: Final = re.compile(
    rf"^#.*(?:[wW]ith [Pp]ython {_VERSION}|uv pip compile.*--python(?:-version)?[ =]{_VERSION})",
    re.M,
)
_ALL_PYENV: Final = re.compile(rf"^\s*(?:cpython[-@]|python[-@]?)?{_VERSION}", re.M)
_HEADER_REQUIRES: Final = re.compile(r"^#\s*requires-python\s*=\s*[\"']([^\"']+)[\"']", re.M)
CHOICE: Final = "python.several"
OLD: Final = "python.old"


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return pins (`3.11`) and ranges (`>=3.9`), the ones that count more first."""
    inside = tuple(
        (f"{directory}{path}", pattern)
        for directory in BINDERS
        for path, pattern in _PIN_FILES
        if path in _IN_BINDERS
    )
    pins = _matches(reading, PIN, (*inside, *_PIN_FILES, _LISTED))
    pins += _compiled(reading)
    ranges = (*_script_ranges(reading), *_matches(reading, RANGE, _RANGE_FILES))
    old = () if pins else _old(reading)
    return (*pins, *old, *_toml_ranges(reading), *ranges, *_several(reading))


def _old(reading: Reading) -> tuple[Finding, ...]:
    """Python 2 where nothing pins a Python 3: there are no packages to resolve for it any more."""
    files = tuple(
        (path, re.compile(pattern.pattern.replace(_VERSION, r"(2\.[0-9]+)"), re.M))
        for path, pattern in _PIN_FILES
    )
    because = "Python 2 cannot be packed: name a Python 3 that runs the code, "
    because += "`environment: {python: ...}` in repropack.yaml"
    return tuple(
        dataclasses.replace(found, because=because, severity=Severity.PROBLEM)
        for found in _matches(reading, OLD, files)[:1]
    )


def _compiled(reading: Reading) -> list[Finding]:
    """The Python with which the first of the requirements files was compiled."""
    for found in manifests(reading)[:1]:
        text = (reading.text(found.value) or "")[:2000]
        match = _COMPILED.search(text)
        if match:
            version = match[1] or match[2]
            return [_finding(PIN, version, found.value, _line(text, match.start()))]
    return []


def _several(reading: Reading) -> list[Finding]:
    """pyenv allows several versions in one file: the first is the one that `python` starts."""
    text = reading.text(".python-version") or ""
    versions = list(dict.fromkeys(_ALL_PYENV.findall(text)))
    if len(versions) < 2:
        return []
    because = f".python-version lists {', '.join(versions)}; the first counts"
    where = Where(path=".python-version")
    return [Finding(kind=CHOICE, value=versions[0], because=because, where=where)]


def _script_ranges(reading: Reading) -> list[Finding]:
    """`requires-python` in the header of the script that names the dependencies."""
    for path in scripts_with_headers(reading)[:1]:
        text = reading.text(path) or ""
        header = SCRIPT_HEADER.search(text)
        match = _HEADER_REQUIRES.search(header.group()) if header else None
        if header and match:
            return [_finding(RANGE, match[1], path, _line(text, header.start() + match.start()))]
    return []


def _matches(
    reading: Reading, kind: str, files: tuple[tuple[str, re.Pattern[str]], ...]
) -> list[Finding]:
    found = []
    for path, pattern in files:
        text = reading.text(path) if reading.has(path) else None
        match = pattern.search(text) if text else None
        if text and match:
            found.append(_finding(kind, match[1].strip(), path, _line(text, match.start(1))))
    return found


def _toml_ranges(reading: Reading) -> list[Finding]:
    """`requires-python` of pyproject.toml and of the locks that record it."""
    found = []
    locks = [path for path in reading.root_files if re.fullmatch(r"pylock(\.[^.]+)?\.toml", path)]
    for path in ("pyproject.toml", *locks, "uv.lock", "poetry.lock", "pdm.lock"):
        if not reading.has(path):
            continue
        wanted = _requires(reading.toml(path))
        if wanted:
            found.append(_finding(RANGE, wanted, path, _line_of(reading.text(path), wanted)))
    return found


def _requires(data: dict[str, Any]) -> str:
    tool = _table(data, "tool")
    candidates = (
        _table(data, "project").get("requires-python"),
        data.get("requires-python"),
        _table(_table(tool, "poetry"), "dependencies").get("python"),
        _table(data, "metadata").get("python-versions"),
        _table(data, "metadata").get("requires_python"),
        _pdm_target(data),
    )
    return next((_plain(value) for value in candidates if isinstance(value, str)), "")


def _pdm_target(data: dict[str, Any]) -> str:
    targets = _table(data, "metadata").get("targets")
    only = targets[0] if isinstance(targets, list) and len(targets) == 1 else None
    return str(only.get("requires_python", "")) if isinstance(only, dict) else ""


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _plain(specifier: str) -> str:
    """Poetry's `^3.9`, `~3.9` and `~2.7 || ^3.6` as standard specifiers."""
    newest = specifier.split("|")[-1].strip()
    caret = re.fullmatch(r"\^\s*3\.([0-9]+)(\.[0-9]+)?", newest)
    if caret:
        return f">=3.{caret[1]}{caret[2] or ''},<4.0"
    tilde = re.fullmatch(r"~\s*3\.([0-9]+)(?:\.[0-9]+)?", newest)
    if tilde:
        return f"==3.{tilde[1]}.*"
    return "" if newest == "*" else re.sub(r"(?<=[\w*])\s+(?=[<>=!~])", ",", newest)


def _finding(kind: str, value: str, path: str, line: int | None) -> Finding:
    said = "pins Python" if kind == PIN else "allows these versions of Python"
    return Finding(
        kind=kind, value=value, because=f"{path} {said}", where=Where(path=path, line=line)
    )


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _line_of(text: str | None, wanted: str) -> int | None:
    for number, line in enumerate((text or "").splitlines(), start=1):
        if wanted in line:
            return number
    return None
