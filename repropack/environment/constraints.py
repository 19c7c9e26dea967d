"""Poetry's language of versions: `^1.2`, `~1.2`, `1.*`, `>=1 <2 || >=3`.

Owns: turning it into standard specifiers. Does not own: what is asked for (`poetry`).
"""

from __future__ import annotations

import re
from functools import lru_cache

OPERATOR = re.compile(r"(\^|~=|~|===|==|!=|<=|>=|<|>|=)?\s*([vV]?[^\s,^~=!<>|]+)")


def alternatives(constraint: str) -> tuple[str, ...]:
    """The alternatives of a constraint, each a PEP 440 specifier ("" allows everything).

    Raises `ValueError` for what is no constraint.
    """
    return tuple(_all_of(part) for part in re.split(r"\s*\|\|?\s*", constraint.strip()))


def _all_of(text: str) -> str:
    rest = OPERATOR.sub("", text).strip(" ,")
    if rest:
        raise ValueError(f"{text!r} is not a version constraint")
    parts = [_one(match[1] or "", match[2]) for match in OPERATOR.finditer(text)]
    return ",".join(part for part in parts if part)


def _one(operator: str, version: str) -> str:
    version = version.lstrip("vV")
    if version in ("*", "x") or version.startswith("*"):
        return ""
    if operator == "^":
        return f">={version},<{_next(version, _caret_place(version))}"
    if operator == "~":
        return f">={version},<{_next(version, min(1, len(_numbers(version)) - 1))}"
    if operator in (">", ">=", "<", "<=") and version.endswith(".*"):
        version = version[:-2]
    return f"{'==' if operator in ('', '=') else operator}{version}"


def _numbers(version: str) -> list[int]:
    release = re.match(r"\d+(?:\.\d+)*", version)
    if release is None:
        raise ValueError(f"{version!r} is not a version")
    return [int(number) for number in release[0].split(".")]


def _caret_place(version: str) -> int:
    """The first number that is not zero; the last of all zeros."""
    numbers = _numbers(version)
    return next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)


def _next(version: str, place: int) -> str:
    """The release after all that share the numbers up to `place`: `0.2.3`, 1 → `0.3`."""
    numbers = _numbers(version)
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))


@lru_cache(maxsize=4096)
def allows(constraint: str, version: str) -> bool:
    """Whether a version satisfies a constraint; one that is not understood allows everything."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        parts = [SpecifierSet(part) for part in alternatives(constraint)]
    except (ValueError, InvalidSpecifier):
        return True
    return any(part.contains(version, prereleases=True) for part in parts)


def python_marker(constraint: str) -> str:
    """The marker that a constraint on Python is; "" where it allows everything."""
    parts = [_marker_of(part) for part in alternatives(constraint)]
    return "" if "" in parts else " or ".join(parts)


def _marker_of(specifier: str) -> str:
    found = re.findall(r"(===|==|~=|!=|<=|>=|<|>)([^,]+)", specifier)
    return " and ".join(f'{_variable(op, v)} {op} "{v}"' for op, v in found)


def _variable(operator: str, version: str) -> str:
    short = len(_numbers(version)) <= 2 and operator in ("==", "!=", "<", ">=")
    return "python_version" if short and not version.endswith(".*") else "python_full_version"
