"""What conda's own files say, read without conda: environment.yml, `@EXPLICIT` and `conda list -e`.

Owns: their syntax, with the line of each item, and which packages are another system's alone.
Does not own: which file counts (`inspection`), solving and locking (`conda`). Pure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from repropack import tables

if TYPE_CHECKING:
    import yaml

PLATFORM: Final = "linux-64"  # conda's word for the one platform that images are made for
NAMES: Final = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml")
#: Packages that give a Python and nothing else: with only these an environment is pip's.
BARE: Final = frozenset(("python", "pip", "setuptools", "wheel"))
_EXPLICIT: Final = re.compile(r"^\s*@EXPLICIT\s*$", re.M)
_LIST: Final = re.compile(r"^# (?:This file may be used to create an environment|\$ conda )", re.M)
_NAME: Final = re.compile(r"\s*(?:[^\s:\[]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_URL: Final = re.compile(
    r"(?P<channel>\S+)/(?P<subdir>[a-z0-9-]+)/(?P<filename>[^/\s#]+\.(?:conda|tar\.bz2))"
    r"(?:#(?P<hash>\S+))?"
)
_PYTHON: Final = re.compile(r"python\s*={1,2}\s*([0-9]+\.[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a file: a channel, a match specification, a requirement of pip, an address."""

    text: str
    line: int

    @property
    def name(self) -> str:
        """The conda package that a match specification names."""
        match = _NAME.match(self.text)
        return match[1].lower() if match else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFile:
    """An environment.yml, or what says the same. `variables` are its own, by name."""

    channels: tuple[Item, ...] = ()
    specs: tuple[Item, ...] = ()
    pip: tuple[Item, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def bare(self) -> bool:
        """Whether conda brings nothing but Python: then pip's part is the environment."""
        return bool(self.pip) and all(item.name in BARE for item in self.specs)

    @property
    def pip_text(self) -> str:
        """pip's part as a requirements file in which every line stands where it does here.

        Of several on one line, those behind the first come right after it.
        """
        lines: list[str] = []
        for item in self.pip:
            lines += [""] * (item.line - 1 - len(lines))
            lines.append(item.text.replace("\n", " "))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One package of an `@EXPLICIT` list. `hash` is `sha256:HEX`, `md5:HEX` or ""."""

    channel: str
    subdir: str
    filename: str
    hash: str
    line: int


def is_environment(path: str, text: str) -> bool:
    """Whether a file is an environment.yml, by its name and its key `dependencies`."""
    name = path.rpartition("/")[2].lower()
    if not name.endswith((".yml", ".yaml")):
        return False
    return name in NAMES or re.search(r"^dependencies\s*:", text, re.M) is not None


def is_explicit(text: str) -> bool:
    """Whether a file is what `conda list --explicit` prints."""
    return "@EXPLICIT" in text and _EXPLICIT.search(text) is not None


def is_list(text: str) -> bool:
    """Whether a file is what `conda list --export` prints: `name=version=build` on each line."""
    return "conda" in text and _LIST.search(text) is not None


def is_bare(path: str, text: str) -> bool:
    """Whether an environment.yml has no conda package but Python's own."""
    try:
        return read_environment(text).bare
    except ValueError:
        return False


def read_environment(text: str) -> CondaFile:
    """An environment.yml. Raises `ValueError` that says what is wrong and where.

    Every value is its text: `- 3.10` is no number here. The `name` and the `prefix` say nothing.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{line}{getattr(error, 'problem', None) or 'not YAML'}") from error
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("it is no mapping with the key `dependencies`")
    keys = {str(key.value): value for key, value in root.value}
    specs: list[Item] = []
    pip: list[Item] = []
    for node in _children(keys.get("dependencies")):
        if isinstance(node, yaml.MappingNode):
            pip += [item for key, value in node.value if key.value == "pip" for item in _all(value)]
        else:
            specs += _all(node)
    return CondaFile(
        channels=tuple(_all(keys.get("channels"))),
        specs=tuple(specs),
        pip=tuple(pip),
        variables=tuple(_variables(keys.get("variables"))),
    )


def _children(node: yaml.Node | None) -> list[Any]:
    return list(node.value) if node is not None and isinstance(node.value, list) else []


def _all(node: yaml.Node | None) -> Iterator[Item]:
    """The texts of a list, or the one text that stands where a list is meant."""
    if node is None:
        return
    for each in _children(node) or [node]:
        if isinstance(each.value, str) and each.value.strip():
            text = re.sub(r"\s+#.*", "", each.value.strip())
            yield Item(text=text, line=each.start_mark.line + 1)


def _variables(node: yaml.Node | None) -> Iterator[tuple[str, str]]:
    for pair in _children(node):
        texts = [part.value for part in pair] if isinstance(pair, tuple) else []
        if len(texts) == 2 and all(isinstance(text, str) for text in texts):
            yield texts[0], texts[1]


def read_list(text: str) -> CondaFile:
    """What `conda list --export` prints: pip's packages are those whose build is `pypi_0`."""
    specs, pip = [], []
    for number, raw in enumerate(text.splitlines(), start=1):
        parts = raw.strip().split("=")
        if raw.startswith("#") or len(parts) != 3:
            continue
        name, version, build = parts
        if build.startswith(("pypi", "<pip>")):
            pip.append(Item(text=f"{name}=={version}", line=number))
        else:
            specs.append(Item(text=raw.strip(), line=number))
    return CondaFile(specs=tuple(specs), pip=tuple(pip))


def read_explicit(text: str) -> tuple[Address, ...]:
    """The addresses of an `@EXPLICIT` list. Raises `ValueError` with the line of a bad one."""
    found = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith(("#", "@")):
            continue
        match = _URL.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number}: {line[:80]!r} is not the address of a conda package")
        hash = (match["hash"] or "").lower()
        if hash and ":" not in hash:
            hash = f"{'sha256' if len(hash) == 64 else 'md5'}:{hash}"
        found.append(
            Address(
                channel=match["channel"],
                subdir=match["subdir"],
                filename=match["filename"],
                hash=hash,
                line=number,
            )
        )
    return tuple(found)


def foreign_subdirs(addresses: tuple[Address, ...]) -> dict[str, int]:
    """Platforms of which a list has packages and an image has none, with the first line."""
    found: dict[str, int] = {}
    for address in addresses:
        if address.subdir not in (PLATFORM, "noarch"):
            found.setdefault(address.subdir, address.line)
    return found


def is_foreign(text: str) -> bool:
    """Whether an `@EXPLICIT` list is for another platform."""
    try:
        return bool(foreign_subdirs(read_explicit(text)))
    except ValueError:
        return False


def foreign_specs(file: CondaFile) -> Iterator[tuple[Item, str]]:
    """Specifications that only another system can satisfy, each with that system's name."""
    names = tables.conda_names()["foreign"]
    for item in file.specs:
        for system, patterns in names.items():
            if any(re.fullmatch(pattern, item.name) for pattern in patterns):
                yield item, system


def included_files(text: str, path: str) -> Iterator[str]:
    """The requirements files that pip's part of an environment.yml includes."""
    try:
        pip = read_environment(text).pip
    except ValueError:
        return
    for item in pip:
        match = re.fullmatch(r"(?:-r|--requirement)[\s=]+(\S+)", item.text)
        if match:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1]))


def python_of(file: CondaFile) -> tuple[str, int] | None:
    """The minor version that a specification pins, with its line."""
    for item in file.specs:
        match = _PYTHON.match(item.text)
        if match:
            return match[1], item.line
    return None
