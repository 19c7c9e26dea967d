"""Check the table in repropack/data/debian.json, and its names against Debian's package indexes.

    python tools/debian_names.py                     schema, order, doubles
    python tools/debian_names.py --format            also write it again in its one form
    python tools/debian_names.py --against-index     also ask the package indexes of all suites

The last one runs apt with lists of its own in a temporary directory and the first package source of
this machine (or REPROPACK_DEBIAN_MIRROR), so it needs Debian's apt and keyring. It names packages
that a suite does not have, with what it may call them, and entries of `names` that nothing needs.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repropack.debian import table
from repropack.environment import normalise
from repropack.tables import SUITES

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
ROW = {"match", "run", "build", "why", "from", "below", "unless", "hint"}
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")


def check() -> tuple[str, ...]:
    """Everything that is wrong with the table by itself, as lines; () when nothing is."""
    data = table.content()
    return (*head(data), *rows(data), *names(data))


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


def against_index(have: dict[str, frozenset[str]]) -> Iterator[str]:
    """Names that a suite does not have, and renamings that are not needed."""
    used = {p for row in table.rows() for p in (*row.run, *row.build)} | {*table.compilers()}
    for suite, packages in have.items():
        for package in sorted(used):
            name = table.name_in(suite, package)
            if name is not None and name not in packages:
                yield f"{suite} has no {name}; perhaps {', '.join(near(package, packages))}"
        for package, entry in table.content()["names"].items():
            if suite in entry and package in packages:
                yield f"names: {suite} has {package} itself"
            if entry.get(suite) and entry[suite] not in packages:
                yield f"names: {suite} has no {entry[suite]}"


def near(package: str, packages: frozenset[str]) -> list[str]:
    """What a suite may call a package: the same stem with other numbers, or with t64."""
    stem = re.match(r"[a-z+]*[a-z+-]*", package)
    same = sorted(p for p in packages if p.startswith(stem.group() if stem else package))
    return [f"{package}t64"] if f"{package}t64" in packages else same[:5] or ["nothing"]


def index_of(suite: str, directory: Path) -> frozenset[str]:
    """The names of all packages of a suite's main archive, by apt itself."""
    (directory / "lists" / "partial").mkdir(parents=True)
    (directory / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": directory / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": directory / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": directory,
        "Acquire::Languages": "none",
    }
    given = [f"--option={name}={value}" for name, value in options.items()]
    subprocess.run(["apt-get", *given, "-qq", "update"], check=True)
    found = subprocess.run(["apt-cache", *given, "pkgnames"], check=True, capture_output=True)
    return frozenset(found.stdout.decode().split())


def mirror() -> str:
    """Where packages come from on this machine."""
    own = os.environ.get("REPROPACK_DEBIAN_MIRROR")
    found = re.search(r"^URIs: *(\S+)", SOURCES.read_text(), re.MULTILINE) if not own else None
    if not own and not found:
        sys.exit(f"{SOURCES} names no package source; set REPROPACK_DEBIAN_MIRROR")
    return own or (found.group(1) if found else "")


def indexes() -> dict[str, frozenset[str]]:
    """The package names of every suite that is in use."""
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
    wrong = [*check()]
    if arguments.against_index:
        wrong += against_index(indexes())
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
