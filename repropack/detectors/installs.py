"""`pip install …` in a README or a notebook: what the author installs and no manifest says.

Owns: reading such lines. Does not own: which names are declared (`imports`), what is done about the
others (`locking`, when asked to infer).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from repropack.detectors.dependencies import table
from repropack.detectors.pins import normalise
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.tables import mistaken_names

INSTALLED: Final = "dependencies.readme"
READMES: Final = ("README.md", "README.rst", "README.txt", "README", "readme.md", "Readme.md")
MOST: Final = 50
_LINE: Final = re.compile(
    r"(?:^|[`$>!%]|&&|;)\s*(?:sudo\s+)?(?:python3?\s+-m\s+)?pip3?\s+install\s+([^`\n]+)", re.M
)
_NAMED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:[\[=~!<>].*)?")
_WITH_VALUE: Final = re.compile(
    r"-[iftrce]|--(?:index-url|extra-index-url|find-links|requirement|constraint|editable|target"
    r"|trusted-host|timeout|proxy|prefix|root)"
)
_END: Final = re.compile(r"&&|\|\||[;|]")
# What makes environments, and what an experiment never needs.
_TOOLS: Final = frozenset(
    (
        *("pip", "setuptools", "wheel", "build", "uv", "pip-tools", "pipenv", "virtualenv"),
        *("poetry", "pdm", "hatch", "flit", "conda", "conda-lock", "pre-commit", "tox", "nox"),
        *("twine", "repropack"),
    )
)


def installed(
    reading: Reading, known: Callable[[], Iterable[str]], place: str
) -> tuple[Finding, ...]:
    """Return a warning for each requirement that is installed so and that no manifest declares.

    `known` gives the names that are declared, and those of the project itself: its directories and
    files. It is asked only where something is installed. `place` says where a name is to be listed.
    """
    asked = list(_requirements(reading))
    if not asked:
        return ()
    declared = {*map(normalise, known()), *_project_names(reading), *_TOOLS}
    found: dict[str, Finding] = {}
    for text, where in asked:
        name = normalise(re.split(r"[\[=~!<>]", text)[0])
        right = normalise(mistaken_names().get(name, name))
        if {name, right} & declared or name in found or len(found) >= MOST:
            continue
        because = f"`pip install` in {where} names it, but no manifest declares it"
        found[name] = Finding(
            kind=INSTALLED,
            value=text,
            because=f"{because}; {place.format(name)}",
            where=where,
            severity=Severity.WARNING,
        )
    return tuple(found[name] for name in sorted(found))


def _project_names(reading: Reading) -> Iterator[str]:
    data = reading.toml("pyproject.toml")
    for project in (data.get("project"), table(data, "tool").get("poetry")):
        name = project.get("name") if isinstance(project, dict) else None
        if isinstance(name, str):
            yield normalise(name)


def _requirements(reading: Reading) -> Iterator[tuple[str, Where]]:
    for path in READMES:
        text = reading.text(path) if path in reading.root_files else None
        for word, line in _installed_in(text or ""):
            yield word, Where(path=path, line=line)
    for path, cells in reading.notebooks:
        for word, _ in (found for cell in cells for found in _installed_in(cell)):
            yield word, Where(path=path)


def _installed_in(text: str) -> Iterator[tuple[str, int]]:
    """The requirements in a text's `pip install` lines, each with its line."""
    joined = re.sub(r"\\\n", "  ", text)
    for match in _LINE.finditer(joined):
        line = text.count("\n", 0, match.start(1)) + 1
        yield from ((word, line) for word in _words(match[1]))


def _words(text: str) -> Iterator[str]:
    """The requirements in what stands behind `pip install`; what is no name ends nothing."""
    try:
        words = shlex.split(_END.split(text)[0] if '"' not in text else text, comments=True)
    except ValueError:
        return
    skip = False
    for word in words:
        if _END.fullmatch(word):
            return
        if not skip and not word.endswith((".txt", ".whl")) and _is_requirement(word):
            yield word
        skip = _WITH_VALUE.fullmatch(word) is not None


def _is_requirement(word: str) -> bool:
    """Whether a word is a name, perhaps with extras and versions."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return bool(_NAMED.fullmatch(word)) and not Requirement(word).url
    except InvalidRequirement:
        return False
