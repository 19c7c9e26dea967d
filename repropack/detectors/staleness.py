"""Locks that no longer are what their manifest asks for, by the tools' own rules.

Owns: the content hashes of Poetry, Pipenv and PDM, and uv's comparison of requirements.
Does not own: what follows (`inspection`): every one of these tools refuses such a lock.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from repropack.detectors.pins import normalise
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where

STALE: Final = "dependencies.stale"
_POETRY_KEYS: Final = ("dependencies", "source", "extras", "dev-dependencies")
_FOREIGN: Final = frozenset(("git", "url", "path", "directory", "editable", "virtual"))
_PROJECT_KEYS: Final = ("requires-python", "dependencies", "optional-dependencies")


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return a problem for each lock in the root that was made from another manifest."""
    return tuple(
        _finding(reading, check)
        for check in _CHECKS
        if reading.has(check.lock) and reading.has(check.manifest) and check.is_stale(reading)
    )


@dataclass(frozen=True, slots=True)
class _Check:
    """A tool's lock: its manifest, the command that makes it, and what it compares, by its key."""

    lock: str
    manifest: str
    command: str
    key: str
    is_stale: Callable[[Reading], bool]


def _finding(reading: Reading, check: _Check) -> Finding:
    lock, manifest = check.lock, check.manifest
    text = reading.text(lock) or ""
    start = text.find(check.key)
    absent = sorted(_asked(reading.toml(manifest)) - _locked(text))
    what = f" ({', '.join(absent[:3])} {'is' if len(absent) == 1 else 'are'} not in it)"
    return Finding(
        kind=STALE,
        value=lock,
        because=f"{manifest} was changed after {lock} was made{what if absent else ''}: run "
        f"`{check.command}` and commit the result, or write `environment: {{lock: {lock}}}` into "
        "repropack.yaml to use it as it is",
        where=Where(path=lock, line=text.count("\n", 0, start) + 1 if start >= 0 else None),
        severity=Severity.PROBLEM,
    )


def _asked(manifest: Mapping[str, Any]) -> set[str]:
    """What a manifest asks for at least, in whichever table."""
    lines = map(_requirement, _texts(_table(manifest, "project").get("dependencies")))
    keys = (*_table(manifest, "tool", "poetry", "dependencies"), *_table(manifest, "packages"))
    return {*(line[0] for line in lines if line), *map(normalise, keys)} - {"python"}


def _locked(text: str) -> set[str]:
    """The names in a lock: `name = "x"` of TOML, `"x": {` of JSON."""
    found = re.findall(r'\bname = "([\w.-]+)"|^\s*"([\w.-]+)": \{', text, re.M)
    return {normalise("".join(names)) for names in found}


def _table(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _digest(value: Any, **options: Any) -> str | None:
    """The hash that the tools make; None where the manifest holds what JSON cannot."""
    try:
        return hashlib.sha256(json.dumps(value, sort_keys=True, **options).encode()).hexdigest()
    except (TypeError, ValueError):
        return None


def _poetry_is_stale(reading: Reading) -> bool:
    said = _table(reading.toml("poetry.lock"), "metadata").get("content-hash")
    pyproject = reading.toml("pyproject.toml")
    if not said or not pyproject:
        return False
    made = {_digest(content) for content in _poetry_contents(pyproject)}
    return None not in made and said not in made


def _poetry_contents(pyproject: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What each generation of Poetry hashes."""
    poetry = _table(pyproject, "tool", "poetry")
    legacy = {key: poetry.get(key) for key in _POETRY_KEYS}
    group = {"group": poetry["group"]} if poetry.get("group") is not None else {}
    yield legacy  # 1.0, 1.1
    yield legacy | group  # 1.2 to 1.8, and later ones without [project]
    project = {
        key: value
        for key in _PROJECT_KEYS
        if (value := _table(pyproject, "project").get(key)) is not None
    }
    groups = _table(pyproject, "dependency-groups")
    stated = {key: value for key, value in (legacy | group).items() if value is not None}
    for more in ({"dependency-groups": groups} if groups else {}, {}):
        if project or more:
            start = {"project": project} if project else {}
            yield {**start, **more, "tool": {"poetry": stated}}


def _pdm_is_stale(reading: Reading) -> bool:
    lock, pyproject = reading.toml("pdm.lock"), reading.toml("pyproject.toml")
    said = _table(lock, "metadata").get("content_hash")
    if not isinstance(said, str) or not said.startswith("sha256:") or not pyproject:
        return False
    made = {_digest(content) for content in _pdm_contents(pyproject)}
    return None not in made and said.removeprefix("sha256:") not in made


def _pdm_contents(pyproject: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What each generation of PDM hashes."""
    project, settings = _table(pyproject, "project"), _table(pyproject, "tool", "pdm")
    dev = _table(settings, "dev-dependencies")
    groups: dict[str, Any] = {
        normalise(name): list(group)
        for name, group in _table(pyproject, "dependency-groups").items()
        if isinstance(group, list)
    }
    for name, group in dev.items():
        groups[normalise(name)] = [*groups.get(normalise(name), []), *group]
    resolution = _table(settings, "resolution")
    content = {
        "sources": settings.get("source", []),
        "dependencies": project.get("dependencies", []),
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
    }
    overrides = {**_table(settings, "overrides"), **_table(resolution, "overrides")}
    for groups_of_dev in (dev, groups):
        yield {**content, "dev-dependencies": groups_of_dev, "overrides": overrides}
        yield {**content, "dev-dependencies": groups_of_dev, "resolution": resolution}


def _pipfile_is_stale(reading: Reading) -> bool:
    try:
        lock = json.loads((reading.text("Pipfile.lock") or "").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False
    said = _table(lock, "_meta", "hash").get("sha256")
    pipfile = reading.toml("Pipfile")
    if not said or not pipfile:
        return False
    made = {_digest(c, separators=(",", ":")) for c in _pipfile_contents(pipfile)}
    return None not in made and said not in made


def _pipfile_contents(pipfile: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What Pipenv hashes: names as they are written, and since 2023 normalised."""
    own = {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv"}
    meta = {"sources": pipfile.get("source", {}), "requires": pipfile.get("requires", {})}
    for spell in (str, normalise):
        sections = {"default": "packages", "develop": "dev-packages"}
        sections |= {key: key for key in pipfile if key not in own | set(sections)}
        yield {
            "_meta": meta,
            **{
                section: {spell(name): value for name, value in _table(pipfile, key).items()}
                for section, key in sections.items()
            },
        }


def _uv_is_stale(reading: Reading) -> bool:
    project = _table(reading.toml("pyproject.toml"), "project")
    root = _uv_root(reading.toml("uv.lock"))
    dynamic = project.get("dynamic")
    unknown = {"dependencies", "optional-dependencies"} & set(_texts(dynamic))
    if root is None or not project or unknown:
        return False
    locked = _table(root, "metadata").get("requires-dist", [])
    if not isinstance(locked, list) or ("metadata" not in root and project.get("dependencies")):
        return False
    entries = [entry for entry in locked if isinstance(entry, dict)]
    free = {normalise(str(e.get("name"))) for e in entries if _FOREIGN & set(e)}
    free.add(normalise(str(project.get("name", ""))))  # `all = ["itself[a,b]"]`
    made = {_uv_locked(entry) for entry in entries}
    asked = _uv_asked(project)
    return asked is not None and _only_names(asked, free) != _only_names(made, free)


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _only_names(pairs: set[tuple[str, str]], free: set[str]) -> set[tuple[str, str]]:
    """Without the versions of what comes from no index: uv does not keep these."""
    return {(name, "" if name in free else version) for name, version in pairs if name}


def _uv_root(lock: Mapping[str, Any]) -> dict[str, Any] | None:
    packages = lock.get("package")
    for package in packages if isinstance(packages, list) else ():
        if "." in _table(package, "source").values():
            return dict(package)
    return None


def _uv_locked(entry: Mapping[str, Any]) -> tuple[str, str]:
    return normalise(str(entry.get("name"))), _ordered(str(entry.get("specifier", "")))


def _uv_asked(project: Mapping[str, Any]) -> set[tuple[str, str]] | None:
    """Names and versions that the project asks for; None when they cannot be read."""
    texts = _texts(project.get("dependencies"))
    for group in _table(project, "optional-dependencies").values():
        texts += _texts(group)
    found = [_requirement(text) for text in texts]
    return None if None in found else {pair for pair in found if pair}


def _requirement(text: str) -> tuple[str, str] | None:
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;@)]*)", text)
    return (normalise(match[1]), _ordered(match[2])) if match else None


def _ordered(specifier: str) -> str:
    """A specifier in one spelling."""
    parts = (re.sub(r"\s", "", part) for part in specifier.split(","))
    return ",".join(sorted(_plain(part) for part in parts if part))


def _plain(part: str) -> str:
    """One comparison with its version as PEP 440 writes it: `>=1.0-rc1` is `>=1.0rc1`."""
    from packaging.version import InvalidVersion, Version

    operator = re.match(r"[<>=!~]*", part)
    start = operator.end() if operator else 0
    try:
        return part[:start] + str(Version(part[start:]))
    except InvalidVersion:
        return part


_CHECKS: Final = (
    _Check("poetry.lock", "pyproject.toml", "poetry lock", "content-hash", _poetry_is_stale),
    _Check("uv.lock", "pyproject.toml", "uv lock", "requires-dist", _uv_is_stale),
    _Check("pdm.lock", "pyproject.toml", "pdm lock", "content_hash", _pdm_is_stale),
    _Check("Pipfile.lock", "Pipfile", "pipenv lock", '"hash"', _pipfile_is_stale),
)
