"""Check the tables in repropack/data/cuda, and torch's against what the package index says.

    python tools/cuda_tables.py                      schema, order, references between the tables
    python tools/cuda_tables.py --format             also write them again in their one form
    python tools/cuda_tables.py --against-index [torch version]...
                                                     also resolve torch with this machine's index
                                                     settings (metadata only) and compare the CUDA

Exit code 0: nothing wrong. How to add a release: run `--against-index 2.16.0`, which prints what
the index says, write the row into torch.json by hand with what RELEASE.md says of its GPUs, set
`date`, run again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack.cuda import cuda_of, tables
from repropack.cuda.version import cuda_of_tag, key, minor, release

SAMPLE = ("1.13.1", "2.1.2", "2.4.1", "2.6.0", "2.8.0", "2.12.1", "2.14.1")
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*$")
CAPABILITY = re.compile(r"[0-9]{1,2}\.[0-9]$")
NO_PACKAGES = "no nvidia-* packages"
STATUSES = ("pypi-default", "stable", "experimental", "legacy", "extra", "lts", "unconfirmed")
FLAVOUR = re.compile(r"base|(cudnn[0-9]?-)?(runtime|devel)$")
# Targets of nvcc that no GPU of gpus.json has; 10.1 is what 11.0 was called before CUDA 13.
NAMELESS = {"3.2", "8.8", "10.1"}
KEYS = {
    "conda": ("builds", "versions", "sm"),
    "drivers": ("compatible", "branches", "minors"),
    "gpus": ("architectures", "names", "datacenter"),
    "images": ("repository", "systems", "images"),
    "jax": ("newest", "oldest", "local", "builds"),
    "packages": ("packages", "gcc", "nvcc", "cpu", "variables"),
    "tensorflow": ("first_extra", "tested", "and_cuda", "oldest"),
    "torch": ("releases",),
}


def check() -> tuple[str, ...]:
    """Everything that is wrong with the tables, as lines; () when nothing is."""
    checks = (heads, drivers, torch, images, tensorflow, jax, gpus, conda, packages)
    return tuple(f"{part.__name__}: {line}" for part in checks for line in part())


def heads() -> Iterator[str]:
    """Each file has its schema, source, date and keys, and is written in the one form."""
    for name, keys in KEYS.items():
        data = tables.table(name)
        if data.get("schema") != f"repropack.cuda.{name}/1":
            yield f"{name}.json: schema is {data.get('schema')!r}"
        if not data.get("source") or not re.fullmatch(r"\d{4}-\d\d-\d\d", data.get("date", "")):
            yield f"{name}.json: needs source and date (YYYY-MM-DD)"
        yield from (f"{name}.json: no key {wanted!r}" for wanted in keys if wanted not in data)
        if (tables.DIRECTORY / f"{name}.json").read_text("utf-8") != rendered(data):
            yield f"{name}.json: not in its one form; run tools/cuda_tables.py --format"
    unknown = {path.stem for path in tables.DIRECTORY.glob("*.json")} - set(KEYS)
    yield from (f"{name}.json is not a table that is known" for name in sorted(unknown))


def rendered(data: dict[str, Any]) -> str:
    """A table as text: a row on a line."""
    rows = (f" {json.dumps(name)}: {rendered_value(value)}" for name, value in data.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def rendered_value(value: Any) -> str:
    """A value on one line if it is short, else one row on each line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) <= 90 or not isinstance(value, dict | list):
        return flat
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
        return "{\n  " + ",\n  ".join(pairs) + "\n }"
    return "[\n  " + ",\n  ".join(json.dumps(v, ensure_ascii=False) for v in value) + "\n ]"


def ascending(name: str, values: list[str]) -> Iterator[str]:
    """Versions in strictly ascending order."""
    for before, after in itertools.pairwise(values):
        if key(before) >= key(after):
            yield f"{name}: {after} stands behind {before}"


def capabilities(name: str, text: str) -> Iterator[str]:
    """A list of compute capabilities, ascending, each of a known architecture."""
    known = {cc for row in tables.table("gpus")["architectures"] for cc in row["cc"].split()}
    known |= NAMELESS
    values = text.split()
    yield from ascending(name, values)
    for value in values:
        if not CAPABILITY.match(value):
            yield f"{name}: {value!r} is not a compute capability"
        elif key(value) >= key("3.0") and value not in known:
            yield f"{name}: no architecture has {value}"


def drivers() -> Iterator[str]:
    """Newer CUDA needs newer drivers; each minor's branch supports it."""
    data = tables.table("drivers")
    minors = data["minors"]
    yield from ascending("minors", list(minors))
    yield from ascending("branches", list(data["branches"]))
    yield from ascending("CUDA by branch", list(data["branches"].values()))
    yield from ascending("compatible", list(data["compatible"].values()))
    yield from ascending("drivers", [r["driver"] for r in minors.values() if "driver" in r])
    for name, row in minors.items():
        yield from capabilities(f"CUDA {name}", row["sm"])
        yield from ascending(f"toolkits of {name}", list(row["toolkits"]))
        if data["branches"].get(str(row["branch"])) != name:
            yield f"branch {row['branch']} of CUDA {name} supports another CUDA"
        for toolkit, driver in row["toolkits"].items():
            if minor(toolkit) != name:
                yield f"toolkit {toolkit} stands under {name}"
            if driver is not None and release(driver)[0] > row["branch"] + 8:
                yield f"toolkit {toolkit}: driver {driver} is not of branch {row['branch']}"


def torch() -> Iterator[str]:
    """Every release has its default build; every build a CUDA whose nvcc has its targets."""
    releases = tables.table("torch")["releases"]
    yield from ascending("releases", list(releases))
    for version, row in releases.items():
        default = row.get("default")
        if default is not None and default not in row["builds"]:
            yield f"{version}: no build {default}"
        if default is None and version != "1.8.2":
            yield f"{version}: no default build"
        if default and (said := row.get("runtime")) and minor(said) != cuda_of_tag(default):
            yield f"{version}: runtime {said} is not of {default}"
        for tag, build in row["builds"].items():
            yield from (f"{version}+{tag}: {line}" for line in torch_build(tag, build))


def torch_build(tag: str, build: dict[str, Any]) -> Iterator[str]:
    """One build of torch."""
    cuda = cuda_of_tag(tag)
    toolkit = tables.toolkit(cuda or "")
    if toolkit is None:
        yield f"drivers.json has no CUDA {cuda}"
        return
    if build["status"] not in STATUSES:
        yield f"status {build['status']!r}"
    if "toolkit" in build and minor(build["toolkit"]) != cuda:
        yield f"toolkit {build['toolkit']}"
    for what in ("sm", "ptx"):
        yield from capabilities(what, build.get(what, ""))
        for value in build.get(what, "").split():
            if value not in toolkit.sm:
                yield f"nvcc {cuda} has no target {value}"
    if "sm" not in build and build["status"] != "unconfirmed" and not build.get("unread"):
        yield "no sm"


def images() -> Iterator[str]:
    """Each tag family: a known Ubuntu, known flavours; one live patch of a minor, the newest."""
    data = tables.table("images")
    rows = data["images"]
    yield from ascending("images", list(rows))
    for cuda, row in rows.items():
        if minor(cuda) != row["minor"] or row["status"] not in ("live", "eol", "deleted"):
            yield f"{cuda}: minor {row['minor']}, status {row['status']}"
        if (row["status"] == "deleted") == bool(row.get("os")):
            yield f"{cuda}: {row['status']} with os {sorted(row.get('os', ()))}"
        if tables.toolkit(cuda) is None:
            yield f"drivers.json has no CUDA {cuda}"
        for system, part in row.get("os", {}).items():
            if system not in data["systems"]:
                yield f"{cuda}: {system} is not in systems"
            for flavour in part["flavours"].split():
                if not FLAVOUR.match(flavour):
                    yield f"{cuda}-{flavour}-{system} is not a tag"
    for name in {row["minor"] for row in rows.values()}:
        live = [c for c, r in rows.items() if r["minor"] == name and r["status"] == "live"]
        if len(live) > 1 or any(key(live[0]) < key(c) for c in rows if live and minor(c) == name):
            yield f"CUDA {name}: live is {live}, which is not its newest patch alone"


def tensorflow() -> Iterator[str]:
    """Tested configurations name a known CUDA; the extras are of the same CUDA."""
    data = tables.table("tensorflow")
    yield from ascending("tested", list(reversed(data["tested"])))
    yield from ascending("oldest", [row["from"] for row in data["oldest"]])
    for name, row in data["tested"].items():
        if tables.toolkit(row["cuda"]) is None:
            yield f"{name}: drivers.json has no CUDA {row['cuda']}"
        if any(minor(version) != name for version in row["versions"].split()):
            yield f"{name}: versions {row['versions']}"
    for version, row in data["and_cuda"].items():
        tested = data["tested"].get(minor(version), {}).get("cuda", "")
        runtime = re.search(r"[0-9.]+(?=,|$)", row["runtime"].partition("=")[2])
        if runtime is None or minor(runtime.group()) != tested:
            yield f"{version}: the extra has {row['runtime']}, tested is {tested}"


def jax() -> Iterator[str]:
    """Rows of one plugin follow each other; images of local versions exist."""
    data = tables.table("jax")
    for plugin in {row["plugin"] for row in data["builds"]}:
        rows = [row for row in data["builds"] if row["plugin"] == plugin]
        bounds = [(row["first"], row["last"]) for row in rows]
        yield from ascending(plugin, [first for first, _ in bounds])
        yield from (f"{plugin}: {f} to {t}" for f, t in bounds if key(f) > key(t))
        for row in rows:
            yield from capabilities(f"{plugin} {row['first']}", row["sm"])
            yield from capabilities(f"{plugin} {row['first']}", row["ptx"])
            if "cuda" in row and tables.toolkit(row["cuda"]) is None:
                yield f"{plugin}: drivers.json has no CUDA {row['cuda']}"
    for name, row in data["local"].items():
        if "image" in row:
            yield from image_exists(f"local version {name}", row["image"])
        elif "cuda" not in row:
            yield f"local version {name} has neither cuda nor image"


def image_exists(who: str, cuda: str) -> Iterator[str]:
    """An image of this minor is there."""
    if not any(row.minor == cuda for row in tables.images()):
        yield f"{who}: images.json has no CUDA {cuda}"


def gpus() -> Iterator[str]:
    """A name stands once, under a compute capability of an architecture."""
    data = tables.table("gpus")
    known = {cc for row in data["architectures"] for cc in row["cc"].split()}
    names = [name for row in data["names"].values() for name in row]
    yield from (f"no architecture has {cc}" for cc in data["names"] if cc not in known)
    yield from (f"{name} stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
    yield from (
        f"data-center {name} is no name" for name in data["datacenter"] if name not in names
    )
    branches = tables.table("drivers")["branches"]
    for row in data["architectures"]:
        last = row.get("last_branch")
        if last is not None and str(last) not in branches:
            yield f"{row['name']}: drivers.json has no branch {last}"


def conda() -> Iterator[str]:
    """Patterns are regular expressions that yield something."""
    for row in tables.table("conda")["builds"]:
        groups = set(re.compile(row["build"]).groupindex)
        if not groups & {"cuda", "cu", "cpu", "variant"}:
            yield f"{row['build']} yields nothing"
    for row in tables.table("conda")["sm"]:
        yield from capabilities(f"torch {row['first']}, CUDA {row['cuda']}", row["sm"])


def packages() -> Iterator[str]:
    """Known words only; variables have their reasons; images of versions exist."""
    data = tables.table("packages")
    for row in data["packages"]:
        name = row["match"]
        if row.get("build") not in (None, "nvcc"):
            yield f"{name}: build {row['build']}"
        if row.get("run") not in (None, "nvcc", "cudnn", "runtime"):
            yield f"{name}: run {row['run']}"
        for variable in row.get("variables", ()):
            if variable not in data["variables"]:
                yield f"{name}: no reason for {variable}"
        for part in row.get("cuda", ()):
            yield from image_exists(name, part.get("image", part["cuda"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the index says of one torch, and what the table says."""

    version: str
    index: str
    table: str
    in_wheel: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both name the same CUDA; wheels that carry it require nothing."""
        return self.index == (NO_PACKAGES if self.in_wheel else self.table)


def ask_index(version: str) -> Answer:
    """Resolve torch with this machine's settings, from metadata, and read the answer's CUDA."""
    from repropack.environment import AsOf, Target, resolve
    from repropack.errors import RepropackError

    row = tables.torch_release(version)
    known = (cuda_of_tag(row.default or "") if row else None) or "not in the table"
    target = Target(python=row.pythons[1] if row else "3.12", glibc=(2, 36))
    with tempfile.TemporaryDirectory() as directory:
        source = OneFile(f"torch=={version}\n")
        try:
            lock = resolve(
                source,
                "requirements.txt",
                target=target,
                as_of=AsOf(time=None, because="for the tables"),
                cache=Path(directory),
            )
        except RepropackError as error:
            return Answer(version=version, index=f"no answer: {error.what}", table=known)
    pins = [sign.cuda for sign in cuda_of(lock).evidence if sign.strength == 1]
    return Answer(
        version=version,
        index=pins[0] if pins else NO_PACKAGES,
        table=known,
        in_wheel=row is not None and row.in_wheel,
    )


@dataclass(frozen=True, slots=True)
class OneFile:
    """A source with one requirements file."""

    text: str

    def read_text(self, path: str) -> str:
        """The file, whatever it is called."""
        return self.text

    def files(self) -> tuple[str, ...]:
        """Its name."""
        return ("requirements.txt",)


def say(line: str) -> None:
    """One line of output."""
    sys.stdout.write(f"{line}\n")


def main(arguments: list[str]) -> int:
    """Do what the arguments say; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--format", action="store_true", help="write the tables in their one form")
    parser.add_argument("--against-index", action="store_true", help="compare torch with the index")
    parser.add_argument("versions", nargs="*", help=f"of torch; default: {' '.join(SAMPLE)}")
    given = parser.parse_args(arguments)
    if given.format:
        for name in KEYS:
            path = tables.DIRECTORY / f"{name}.json"
            path.write_text(rendered(json.loads(path.read_text("utf-8"))), "utf-8")
    wrong = check()
    say("\n".join(wrong) or f"{len(KEYS)} tables are in order")
    if given.against_index:
        answers = [ask_index(version) for version in (given.versions or SAMPLE)]
        for answer in answers:
            mark = "ok" if answer.agrees else "NO"
            say(f"{mark}  torch {answer.version}: index {answer.index}, table {answer.table}")
        return int(bool(wrong) or not all(answer.agrees for answer in answers))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
