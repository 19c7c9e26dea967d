"""What uv's words mean when it cannot resolve: the essence of its explanation, and what to do.

Owns: the classification of `uv pip compile`'s failures. Does not own: running it. Pure.
"""

from __future__ import annotations

import re

from repropack.environment.failures import (
    NETWORK,
    NO_ROOM,
    essence,
    name_hint,
    no_room,
    unreachable,
)
from repropack.environment.manifest import Manifest
from repropack.environment.model import normalise
from repropack.errors import (
    BuildError,
    InvalidError,
    OtherPythonError,
    RepropackError,
    TemporaryError,
    UnknownNameError,
)

UNKNOWN_NAME = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*) was not found in the (package registry|provided)"
)
NO_ACCESS = re.compile(r"lack of valid authentication credentials")
OFFLINE = re.compile(r"was not found in the cache|network was disabled")
REQUIRED = re.compile(r"you require ([A-Za-z0-9][A-Za-z0-9._-]*)")
NO_DATES = r"`([^`]+)` is missing an upload date"
TOO_OLD = re.compile(r"filtered by `exclude-newer`")
NO_WHEELS = re.compile(r"no usable wheels|building from source is disabled")
NO_SUCH_VERSION = re.compile(r"there is no version of \S+==")
# What one requirement says against another, whatever there is on an index and since when.
CONTRADICTION = re.compile(r"depends on ([\w.-]+?)[=<>!~][^ ]* and you require \1(?![\w-])")
NEWER = r"`([\w.-]+)` was filtered by `exclude-newer`.*?is v(\S+), published at ([0-9-]{10})"
LOOSEN = "loosen the requirements that contradict each other, or lock what you used, with hashes"
NOW = "resolve with today's packages: --as-of now"
OTHER_PYTHON = re.compile(r"requires? Python|Python version|no wheels with a matching Python")


def explain_unresolvable(output: str, manifest: Manifest, date: str | None) -> RepropackError:
    """The error that a failed resolution is, with the line that asked where it is known."""
    if NO_ROOM.search(output):
        return no_room()
    if NO_ACCESS.search(output):
        return unreachable(output.splitlines())
    said = flat(output)
    if "No solution found" not in said:
        if NETWORK.search(output):
            return unreachable(output.splitlines())
        return BuildError(
            f"uv could not resolve {manifest.path}: {essence(first_error(output))}",
            hint="lock the environment yourself, with hashes",
        )
    if OFFLINE.search(said):
        return TemporaryError(
            f"uv may not use the network, and its cache does not have all of {manifest.path}",
            hint="unset UV_OFFLINE and run the same command again",
        )
    unknown = UNKNOWN_NAME.search(said)
    if unknown:
        name = normalise(unknown.group(1))
        where = manifest.where(name)
        what = f"{where}: no index has a package named {name}"
        return UnknownNameError(what, name=name, hint=name_hint(name))
    required = REQUIRED.search(said)
    where = manifest.where(normalise(required.group(1)) if required else "")
    until = f" as of {date}" if date else ""
    others = OTHER_PYTHON.search(said) or NO_WHEELS.search(said)
    kind = OtherPythonError if others else InvalidError
    return kind(
        f"{where}: nothing satisfies the requirements{until}: {reason(output)}",
        hint=hint(output, date),
    )


def hint(output: str, date: str | None) -> str:
    """The next thing to do."""
    said = flat(output)
    wheels = "ask for a version that has a wheel, or lock what you used, with hashes"
    if NO_WHEELS.search(reason(output)):
        return wheels
    if CONTRADICTION.search(reason(output)):
        return LOOSEN
    later = came_later(output)
    if later or (date and TOO_OLD.search(said) and not undated(output)):
        what = later or f"they ask for something newer than {date}"
        return f"{what}: {NOW}; or lock what you used, with hashes"
    if date and NO_SUCH_VERSION.search(reason(output)):
        return f"correct the version, which no index had by {date}; if it came out later, {NOW}"
    if date and undated(output):
        return (
            "the index does not say when files were uploaded, so it cannot answer for a past date: "
            f"use one that does (pip config set global.index-url …), or {NOW}"
        )
    if NO_WHEELS.search(said):
        return wheels
    if OTHER_PYTHON.search(said):
        return "set environment.python in repropack.yaml to the Python that you used"
    return LOOSEN


def undated(output: str) -> bool:
    """Whether a file of a package that is missing has no date; other indexes' files do no harm."""
    words = {normalise(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*", reason(output))}
    files = re.findall(NO_DATES, flat(output))
    return any(normalise(file.split("-")[0]) in words for file in files)


def came_later(output: str) -> str:
    """What came out after the date, as uv says: the name, its newest version, that one's day."""
    found = re.findall(NEWER, flat(output))
    named = dict.fromkeys(
        f"{name} {version} came out later, on {day}" for name, version, day in found
    )
    return "; ".join(list(named)[:3])


def reason(output: str) -> str:
    """uv's explanation in one line: what follows `Because`, without its drawing."""
    start = output.find("Because ")
    if start < 0:
        return essence(first_error(output))
    text = re.split(r"\n\s*\n", output[start:])[0]
    words = flat(text).removesuffix(", we can conclude that your requirements are unsatisfiable.")
    words = re.sub(r"(, we can conclude[^,]+)?\. And because you require [^ ,]+$", "", words)
    return essence(words.removeprefix("Because "), most=500)


def flat(output: str) -> str:
    """uv's words in one line: it wraps them, and draws beside them."""
    return re.sub(r"[\s│╰─▶]+", " ", output).strip()


def first_error(output: str) -> str:
    """The line with which uv begins to complain."""
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lstrip().startswith(("error:", "×"))]
    return (errors or lines or ["no output"])[0]
