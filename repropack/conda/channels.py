"""Channels: what a file's names mean, and where this machine asks for them.

Owns: names → addresses, the machine's mirrors, and keeping credentials out of what travels.
Does not own: asking (`solving`, `fetching`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack.conda.condalock import default_channels
from repropack.condafile import Item
from repropack.environment.condamodel import public_address
from repropack.errors import InvalidError, PlanError
from repropack.findings import Finding, Severity, Where

EXTRA_HINT = "pip install 'repropack[conda]'"
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Addresses in the order in which they count, with what is worth telling about them."""

    urls: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def require_extra() -> None:
    """Raises `PlanError` where rattler or conda-lock is not installed."""
    import importlib.util

    missing = [name for name in ("rattler", "conda_lock") if not importlib.util.find_spec(name)]
    if missing:
        raise PlanError(
            "this environment is conda's, and repropack was installed without its conda part",
            hint=EXTRA_HINT,
        )


def channels_of(items: Iterable[Item], path: str) -> Channels:
    """The channels that a file names; without any, those that conda has by default."""
    urls: list[str] = []
    findings: list[Finding] = []
    named = [item for item in items if item.text != "nodefaults"]
    for item in named or [Item(text="defaults", line=1)]:
        where = Where(path=path, line=item.line if named else None)
        urls += addresses(item.text, where)
        if "://" in item.text and public_address(item.text).rstrip("/") != item.text.rstrip("/"):
            findings.append(secret(public_address(item.text), where))
    return Channels(urls=tuple(dict.fromkeys(urls)), findings=tuple(findings))


def addresses(name: str, where: Where) -> tuple[str, ...]:
    """The addresses that a channel's name stands for. Raises `InvalidError`."""
    if _VARIABLE.search(name):
        raise InvalidError(
            f"{where}: the channel holds an environment variable",
            hint="write the address without it, and set the credential in your .netrc",
        )
    if "://" in name:
        return (name.rstrip("/"),)
    if name.startswith((".", "/", "~")) or name == "local":
        raise InvalidError(
            f"{where}: the channel {name} is a directory of one machine",
            hint="name it as file:///DIRECTORY: its packages then travel in the bundle",
        )
    if name == "defaults":
        return default_channels()
    return (f"{default_alias()}/{name}",)


def default_alias() -> str:
    """Where channels that are only a name are, as rattler knows it."""
    from rattler import Channel

    return str(Channel("name").base_url).rstrip("/").removesuffix("/name")


def secret(shown: str, where: Where) -> Finding:
    """The author's own file holds a credential, and it will be in `source/`."""
    return Finding(
        kind="conda.credential",
        value=shown,
        because=f"{where} holds a token or a password, and the source travels in the bundle; it is "
        "used to fetch, and stands nowhere else: take it out of the file, and into your .netrc",
        where=where,
        severity=Severity.WARNING,
    )


def mirrors(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Address → where this machine asks instead, by conda's own settings.

    They are `CONDA_CHANNEL_ALIAS` and the keys `channel_alias` and `default_channels` of .condarc.
    """
    settings = condarc(environment)
    alias = environment.get("CONDA_CHANNEL_ALIAS") or settings.get("channel_alias")
    found = {}
    if isinstance(alias, str) and alias:
        found[default_alias() + "/"] = alias.rstrip("/") + "/"
    own = settings.get("default_channels")
    for url in own if isinstance(own, list) else ():
        word = str(url).rstrip("/").rpartition("/")[2]
        for known in default_channels():
            if known.endswith("/" + word):
                found[known + "/"] = str(url).rstrip("/") + "/"
    return found


def condarc(environment: Mapping[str, str]) -> dict[str, Any]:
    """The user's .condarc; nothing where there is none or it cannot be read."""
    import yaml

    places = [environment.get("CONDARC"), environment.get("HOME", "/nonexistent") + "/.condarc"]
    for place in map(Path, filter(None, places)):
        try:
            loaded = yaml.safe_load(place.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(loaded, dict):
            return loaded
    return {}
