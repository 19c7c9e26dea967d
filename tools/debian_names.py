"""Check repropack/data's debian.json and headers.json, and their names against Debian's indexes.

    python tools/debian_names.py                     schema, order, doubles
    python tools/debian_names.py --format            also write them again in their one form
    python tools/debian_names.py --against-index     also ask the package indexes of all suites

The last one runs apt with lists of its own in a temporary directory and the first package source of
this machine (or REPROPACK_DEBIAN_MIRROR), so it needs Debian's apt and keyring. It names packages
that a suite does not have, with what it may call them, entries of `names` that nothing needs, and
headers that neither the package of the table has in a suite, nor one that it depends on.
Exit code 0: nothing wrong. To add a distribution: write its row, run `--format`, then
`--against-index`, which says what must go into `names`; set `date`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack.debian import table
from repropack.environment import normalise
from repropack.tables import SUITES

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
ROW = {"match", "run", "build", "why", "from", "below", "unless", "hint"}
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
HEADERS = table.FILE.with_name("headers.json")
#: How apt is told to fetch the list of every package's files, checked like its other indexes.
CONTENTS = {
    "MetaKey": "$(COMPONENT)/Contents-$(ARCHITECTURE)",
    "ShortDescription": "Contents-$(ARCHITECTURE)",
    "Description": "Contents-$(ARCHITECTURE)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A suite: its packages' names, and for what is asked for, who has a header, who needs whom."""

    names: frozenset[str]
    having: dict[str, frozenset[str]]
    needing: dict[str, frozenset[str]]


def check() -> tuple[str, ...]:
    """Everything that is wrong with the table by itself, as lines; () when nothing is."""
    data = table.content()
    return (*head(data), *rows(data), *names(data), *headers())


def headers() -> Iterator[str]:
    """headers.json: source, date, names of packages, its one form."""
    data = json.loads(HEADERS.read_text("utf-8"))
    if not data.get("source") or not re.fullmatch(r"\d{4}-\d\d-\d\d", data.get("date", "")):
        yield "headers.json needs source and date (YYYY-MM-DD)"
    if HEADERS.read_text("utf-8") != rendered_headers(data):
        yield "headers.json is not in its one form; run tools/debian_names.py --format"
    for header, package in data["headers"].items():
        if not re.fullmatch(r"[\w./+-]+\.h(pp)?", header):
            yield f"headers.json: {header!r} is no header"
        if not NAME.fullmatch(package):
            yield f"headers.json: {package!r} is no package's name"


def rendered_headers(data: dict[str, Any]) -> str:
    """That table as text, in the order of its headers."""
    ordered = dict(sorted(data["headers"].items(), key=lambda row: (row[0].lower(), row[0])))
    return json.dumps({**data, "headers": ordered}, indent=2, ensure_ascii=False) + "\n"


def head(data: dict[str, Any]) -> Iterator[str]:
    """Schema, source, date, and the one form."""
    if data.get("schema") != "repropack.debian/1":
        yield f"schema is {data.get('schema')!r}"
    if not data.get("source") or not re.fullmatch(r"\d{4}-\d\d-\d\d", data.get("date", "")):
        yield "needs source and date (YYYY-MM-DD)"
    if table.FILE.read_text("utf-8") != rendered(data):
        yield "not in its one form; run tools/debian_names.py --format"


def rows(data: dict[str, Any]) -> Iterator[str]:
    """Known keys, names as PEP 503 writes them, something that is needed, sorted packages."""
    for row in data["packages"]:
        who = ", ".join(row["match"])
        yield from (f"{who}: no key {key!r} is known" for key in sorted(set(row) - ROW))
        yield from (f"{n}: PEP 503 has {normalise(n)}" for n in row["match"] if n != normalise(n))
        if not row.get("run") and not row.get("build"):
            yield f"{who}: needs nothing"
        for key in ("run", "build"):
            packages = row.get(key, [])
            yield from (
                f"{who}: {p!r} is no package's name" for p in packages if not NAME.fullmatch(p)
            )
            if packages != sorted(set(packages)):
                yield f"{who}: {key} is not sorted, or has doubles"


def names(data: dict[str, Any]) -> Iterator[str]:
    """Only suites that are in use."""
    for name, entry in data["names"].items():
        unknown = sorted(set(entry) - set(SUITES.values()))
        yield from (f"names: {name}: no suite {suite!r}" for suite in unknown)


def against_index(have: dict[str, Archive]) -> Iterator[str]:
    """Names that a suite does not have, renamings without need, headers that are elsewhere."""
    used = {p for row in table.rows() for p in (*row.run, *row.build)} | {*table.compilers()}
    for suite, archive in have.items():
        packages = archive.names
        yield from wrong_headers(suite, archive)
        for package in sorted(used):
            name = table.name_in(suite, package)
            if name is not None and name not in packages:
                yield f"{suite} has no {name}; perhaps {', '.join(near(package, packages))}"
        for package, entry in table.content()["names"].items():
            if suite in entry and package in packages:
                yield f"names: {suite} has {package} itself"
            if entry.get(suite) and entry[suite] not in packages:
                yield f"names: {suite} has no {entry[suite]}"


def wrong_headers(suite: str, archive: Archive) -> Iterator[str]:
    """Headers that the package of the table does not bring in a suite."""
    for header, named in json.loads(HEADERS.read_text("utf-8"))["headers"].items():
        package = table.name_in(suite, named) or named
        if package not in archive.names:
            yield f"headers.json: {suite} has no {package}, which is to have {header}"
            continue
        found = archive.having.get(header, frozenset())
        if not found & (archive.needing[package] | {package}):
            there = ", ".join(sorted(found)[:5]) or "no package"
            yield f"headers.json: {suite} has {header} in {there}, and not in {package}"


def near(package: str, packages: frozenset[str]) -> list[str]:
    """What a suite may call a package: the same stem with other numbers, or with t64."""
    stem = re.match(r"[a-z+]*[a-z+-]*", package)
    same = sorted(p for p in packages if p.startswith(stem.group() if stem else package))
    return [f"{package}t64"] if f"{package}t64" in packages else same[:5] or ["nothing"]


def index_of(suite: str, directory: Path) -> Archive:
    """What a suite's main archive has, by apt itself."""
    (directory / "lists" / "partial").mkdir(parents=True)
    (directory / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": directory / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": directory / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": directory,
        "Acquire::Languages": "none",
        "Acquire::GzipIndexes": "false",
        **{f"Acquire::IndexTargets::deb::Contents::{key}": v for key, v in CONTENTS.items()},
    }
    given = [f"--option={name}={value}" for name, value in options.items()]
    subprocess.run(["apt-get", *given, "-qq", "update"], check=True)
    found = subprocess.run(["apt-cache", *given, "pkgnames"], check=True, capture_output=True)
    names = frozenset(found.stdout.decode().split())
    wanted = json.loads(HEADERS.read_text("utf-8"))["headers"]
    return Archive(
        names=names,
        having=packages_with(frozenset(wanted), directory / "lists"),
        needing={p: needed_by(p, given) for p in in_suite(suite, wanted.values()) if p in names},
    )


def in_suite(suite: str, packages: Iterable[str]) -> set[str]:
    """What these packages are called in a suite."""
    return {table.name_in(suite, package) or package for package in packages}


def packages_with(wanted: frozenset[str], lists: Path) -> dict[str, frozenset[str]]:
    """Which packages have each of these headers below some directory of headers."""
    found: dict[str, set[str]] = {}
    for contents in lists.glob("*Contents*"):
        for line in contents.read_text("utf-8", "replace").splitlines():
            path, _, packages = line.rstrip().rpartition(" ")
            below = path.strip().partition("include/")[2].split("/")
            for start in range(len(below)):
                header = "/".join(below[start:])
                if header in wanted:
                    found.setdefault(header, set()).update(
                        each.rpartition("/")[2] for each in packages.split(",")
                    )
    return {header: frozenset(packages) for header, packages in found.items()}


def needed_by(package: str, options: list[str]) -> frozenset[str]:
    """Every package that installing one brings, by what it depends on."""
    command = ["apt-cache", *options, "depends", "--recurse", "--important", package]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return frozenset(line for line in done.stdout.splitlines() if NAME.fullmatch(line))


def mirror() -> str:
    """Where packages come from on this machine."""
    own = os.environ.get("REPROPACK_DEBIAN_MIRROR")
    found = re.search(r"^URIs: *(\S+)", SOURCES.read_text(), re.MULTILINE) if not own else None
    if not own and not found:
        sys.exit(f"{SOURCES} names no package source; set REPROPACK_DEBIAN_MIRROR")
    return own or (found.group(1) if found else "")


def indexes() -> dict[str, Archive]:
    """What every suite that is in use has."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="debian-names-") as directory:
        Path(directory).chmod(0o755)
        for suite in SUITES.values():
            found[suite] = index_of(suite, Path(directory) / suite)
    return found


def rendered(data: dict[str, Any]) -> str:
    """The table as text: a row on a line."""
    parts = []
    for name, value in data.items():
        flat = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and len(flat) > 90:
            flat = "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
        elif isinstance(value, dict):
            rows = (f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in value.items())
            flat = "{\n" + ",\n".join(rows) + "\n }"
        parts.append(f" {json.dumps(name)}: {flat}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def sorted_table(data: dict[str, Any]) -> dict[str, Any]:
    """The table with its package lists and names in order."""
    for row in data["packages"]:
        for key in ("run", "build"):
            if key in row:
                row[key] = sorted(set(row[key]))
    return {**data, "names": dict(sorted(data["names"].items()))}


def main() -> int:
    """Do what was asked; print what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--format", action="store_true", help="write the table in its one form")
    parser.add_argument("--against-index", action="store_true", help="ask the package indexes")
    arguments = parser.parse_args()
    if arguments.format:
        table.FILE.write_text(rendered(sorted_table(table.content())), "utf-8")
        HEADERS.write_text(rendered_headers(json.loads(HEADERS.read_text("utf-8"))), "utf-8")
    wrong = [*check()]
    if arguments.against_index:
        wrong += against_index(indexes())
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
