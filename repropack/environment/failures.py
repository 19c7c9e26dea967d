"""What pip's and uv's words mean: which error it is, of which requirement, and what to do.

Owns: the classification. Does not own: running them (`downloading`, `resolving`). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from repropack.environment.model import Requirement, Target, normalise
from repropack.errors import (
    BuildError,
    IntegrityError,
    InvalidError,
    RepropackError,
    TemporaryError,
)
from repropack.tables import mistaken_names

NETWORK = re.compile(
    r"connection error|connection broken|ConnectionError|NewConnectionError|ProxyError"
    r"|SSLError|confirming the ssl certificate|certificate verify failed|invalid peer certificate"
    r"|Read ?[Tt]ime(?:d )?-?[Oo]ut|timed out|IncompleteRead|Connection reset|Max retries|dns error"
    r"|name resolution|Network is unreachable|error sending request|Connection refused"
    r"|HTTP error 5\d\d|50\d (?:Server|Bad|Service|Gateway|Internal)"
    r"|(?:401|403|407|429) (?:Client Error|Unauthorized|Forbidden|Proxy|Too Many)"
    r"|ResponseError|incomplete-download|Request failed after|request or response body error"
)
TLS = re.compile(r"ssl|certificate", re.IGNORECASE)
PROXY = re.compile(r"proxy", re.IGNORECASE)
REFUSED = re.compile(r"\b40[13] (?:Client Error|Unauthorized|Forbidden)")
NO_ROOM = re.compile(r"No space left on device|\[Errno 28\]|os error 28")
NO_MATCH = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")
VERSIONS = re.compile(r"Could not find a version .* \(from versions: (.*)\)")
MISMATCH = re.compile(r"^\s+([A-Za-z0-9][A-Za-z0-9._-]*)\S*\s.*:$|^\s+([A-Za-z0-9._-]+)==\S+")
OBTAINED = re.compile(r"^\s+Got\s+([0-9a-f]+)")
OTHER_PYTHON = re.compile(r"Package '([^']+)' requires a different Python: \S+ not in '([^']*)'")
NEEDS_PYTHON = re.compile(r"Link requires a different Python \(\S+ not in: '([^']*)'\): (\S+)")
NOT_COMPATIBLE = re.compile(r"Skipping link: none of the wheel's tags .*?: (\S+)")
NO_SOURCES = re.compile(r"Skipping link: No sources permitted for [^:]*: (\S+)")
NO_FILE = "lock a version that has a wheel for Linux, or a source distribution"


class SourcesOnlyError(InvalidError):
    """There is no wheel of a requirement, but a source distribution that one can be built from."""

    def __init__(self, requirement: Requirement, what: str) -> None:
        super().__init__(what, hint="repropack build")
        self.requirement = requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error, and the requirement that it is about, if it is about one.

    `open` says that pip's ordinary words do not tell why: ask again with more words.
    """

    error: RepropackError
    requirement: Requirement | None = None
    open: bool = False


def classify(lines: Iterable[str], requirements: Iterable[Requirement], target: Target) -> Failure:
    """What a failed `pip download` means. `lines` may be ordinary or of `-vv`."""
    said = tuple(lines)
    named = {requirement.name: requirement for requirement in requirements}
    text = "\n".join(said)
    if NO_ROOM.search(text):
        return Failure(error=no_room())
    if "DO NOT MATCH THE HASHES" in text:
        return mismatch(said, named)
    missing = NO_MATCH.search(text)
    if NETWORK.search(text):
        return Failure(error=unreachable(said))
    if missing and normalise(missing.group(1)) in named:
        return not_found(said, named[normalise(missing.group(1))], target)
    other = OTHER_PYTHON.search(text)
    if other and normalise(other.group(1)) in named:
        requirement = named[normalise(other.group(1))]
        return Failure(
            error=needs_python(requirement, other.group(2), target), requirement=requirement
        )
    if "No module named pip" in text:
        return Failure(
            error=BuildError("pip is missing beside repropack", hint="python -m ensurepip")
        )
    return Failure(error=unknown(said))


def no_room() -> BuildError:
    """The disk is full."""
    return BuildError(
        "no space left on the device while fetching wheels",
        hint="make room, or set a cache directory on another disk",
    )


def unreachable(lines: Iterable[str]) -> TemporaryError:
    """The network, a proxy, a certificate or the index itself."""
    line = next((line for line in reversed(tuple(lines)) if NETWORK.search(line)), "")
    hint = "check the network and run the same command again"
    if REFUSED.search(line):
        hint = "the index refuses access: check its credentials in `pip config list`"
    elif TLS.search(line):
        hint = "trust the index's certificate: pip config set global.cert FILE (or PIP_CERT=FILE)"
    elif PROXY.search(line):
        hint = "check HTTPS_PROXY, or: pip config set global.proxy http://HOST:PORT"
    return TemporaryError(f"a package index cannot be reached: {essence(line)}", hint=hint)


def mismatch(lines: tuple[str, ...], named: dict[str, Requirement]) -> Failure:
    """A wheel whose hash is none of the lock's."""
    start = next(i for i, line in enumerate(lines) if "DO NOT MATCH THE HASHES" in line)
    requirement, obtained = None, "?"
    for line in lines[start + 1 :]:
        for word in re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)[:1]:
            requirement = requirement or named.get(normalise(re.split("==|-", word)[0]))
            requirement = requirement or named.get(normalise(word))
        got = OBTAINED.match(line)
        if got:
            obtained = got.group(1)
            break
    if requirement is None:
        return Failure(error=IntegrityError("a wheel differs from its hash in the lock"))
    return Failure(error=differs(requirement, obtained), requirement=requirement)


def differs(requirement: Requirement, obtained: str) -> IntegrityError:
    """The error that names the package, what was expected, and what came."""
    expected = requirement.hashes[0]
    if len(requirement.hashes) > 1:
        expected = f"one of {len(requirement.hashes)} hashes such as {expected}"
    return IntegrityError(
        f"{requirement.where}: {requirement} differs from the lock: "
        f"expected {expected}, obtained sha256:{obtained}",
        hint="the lock is for another platform or another index, or the file was tampered with: "
        "lock again on Linux, and compare",
    )


def not_found(lines: tuple[str, ...], requirement: Requirement, target: Target) -> Failure:
    """No file fits: the package, the version, the Python or the platform."""
    where = requirement.where
    others = files_of(requirement, lines)
    if others.python:
        error = needs_python(requirement, others.python, target)
    elif others.sources:
        error = SourcesOnlyError(
            requirement,
            f"{where}: no wheel for {requirement} on {target} (there is a source distribution)",
        )
    elif others.wheels:
        error = InvalidError(
            f"{where}: no wheel for {requirement} on {target} (there are wheels for other "
            "platforms only)",
            hint=NO_FILE,
        )
    else:
        return Failure(error=no_version(lines, requirement), requirement=requirement, open=True)
    return Failure(error=error, requirement=requirement)


def needs_python(requirement: Requirement, python: str, target: Target) -> InvalidError:
    """The package is for another Python."""
    return InvalidError(
        f"{requirement.where}: {requirement} needs Python {python}, the target is {target}",
        hint="set environment.python in repropack.yaml, or lock for this Python",
    )


def no_version(lines: tuple[str, ...], requirement: Requirement) -> InvalidError:
    """The index knows nothing of this version, or of this name."""
    found = next((match for line in lines if (match := VERSIONS.search(line))), None)
    versions = [] if found is None or found.group(1) == "none" else found.group(1).split(", ")
    where, name = requirement.where, requirement.name
    if versions:
        newest = ", ".join(versions[-3:])
        return InvalidError(
            f"{where}: {name} has no version {requirement.version} that can be installed; "
            f"the last ones are {newest}",
            hint="correct the version in the lock, or ask for other indexes with `pip config list`",
        )
    return InvalidError(f"{where}: no index has a package named {name}", hint=name_hint(name))


def name_hint(name: str) -> str:
    """What to write instead of a name that does not exist."""
    right = mistaken_names().get(name)
    if right:
        return f"write {right}: {name} is the name of its module, not of the package"
    return "correct the name, or add the index that has it: pip config set global.extra-index-url …"


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Files of the wanted version that do not fit: another Python, platform, or no wheel."""

    python: str
    wheels: bool
    sources: bool


def files_of(requirement: Requirement, lines: Iterable[str]) -> Others:
    """What `pip -vv` skipped of exactly this version."""
    python, wheels, sources = "", False, False
    for line in lines:
        if match := NEEDS_PYTHON.search(line):
            python = match.group(1) if is_of(match.group(2), requirement) else python
        elif match := NOT_COMPATIBLE.search(line):
            wheels = wheels or is_of(match.group(1), requirement)
        elif match := NO_SOURCES.search(line):
            sources = sources or is_of(match.group(1), requirement)
    return Others(python=python, wheels=wheels, sources=sources)


def is_of(address: str, requirement: Requirement) -> bool:
    """Whether a file's address is of the requirement's version."""
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )
    from packaging.version import InvalidVersion, Version

    filename = address.partition("#")[0].rpartition("/")[2].replace("%2B", "+")
    try:
        if filename.endswith(".whl"):
            version = parse_wheel_filename(filename)[1]
        else:
            version = parse_sdist_filename(filename)[1]
        return version == Version(requirement.version)
    except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
        return False


def unknown(lines: tuple[str, ...]) -> BuildError:
    """Something else; pip's own last word is the best there is."""
    errors = [line for line in lines if line.startswith(("ERROR:", "error:"))]
    last = (errors or [line for line in lines if line.strip()] or ["no output"])[-1]
    return BuildError(
        f"wheels could not be fetched: {essence(last)}", hint="check `pip config list`"
    )


def essence(line: str, most: int = 300) -> str:
    """One line without pip's prefixes, addresses' secrets and control characters."""
    clean = re.sub(r"^\s*(?:ERROR|WARNING|error|warning):\s*", "", line).strip()
    clean = re.sub(r"://[^/@\s]*@", "://", clean)
    clean = "".join(c if c.isprintable() else " " for c in clean)
    return clean if len(clean) <= most else clean[: most - 1] + "…"
