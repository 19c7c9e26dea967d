"""The values that `repropack.yaml` becomes. Experiments and claims are the judge's own values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from repropack.findings import Finding
from repropack.judge.model import Claim, Experiment

#: What `include: true` takes of a dataset; `include: 5 GB` takes more.
INCLUDE_BYTES: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What the experiments belong to; only shown, never used."""

    title: str | None = None
    url: str | None = None
    doi: str | None = None

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return what is given, as (`title` | `url` | `doi`, text), in this order."""
        given = (("title", self.title), ("url", self.url), ("doi", self.doi))
        return tuple((key, text) for key, text in given if text is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentOverrides:
    """What the author says instead of what inspection finds.

    `lock` is a path relative to the source's root, `python` a minor version such as `3.11`,
    `groups` and `extras` are installed besides what the manifest's own tool installs unasked,
    `groups_exclude` are groups that are not. `apt` are names of Debian packages, `apt_exclude`
    those that are not wanted though something needs them.
    """

    lock: str | None = None
    python: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups_exclude: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    apt_exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Data that the experiments read; copied into the image only when `include` says so.

    `urls` are mirrors of one file, of which `sha256` is the hash, or of a record of several.
    `footprint` is a file of the source that records the data, in any format that is read. At most
    `include_bytes` of it are included. With `describe` the bundle tells what is in it.
    """

    name: str
    path: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    footprint: str | None = None
    include: bool = False
    include_bytes: int = INCLUDE_BYTES
    describe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """What an anonymous bundle may hold: `file` is a path or a pattern (`*.ipynb`) of the source,
    `text` is part of what is found there ("" for anything), `reason` says why it tells nothing.
    """

    file: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole `repropack.yaml`; the value of an empty mapping is `Config()`.

    `gpu_unstated` names the experiments that leave `gpu` to inspection; their `gpu` is `none`
    here. The quick set is what takes minutes: experiments in the place of those of the same names,
    and the claims that they support. `findings` are warnings about things that are allowed but look
    like a mistake.
    """

    name: str | None = None
    paper: Paper = Paper()
    environment: EnvironmentOverrides = EnvironmentOverrides()
    datasets: tuple[Dataset, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    claims: tuple[Claim, ...] = ()
    quick_experiments: tuple[Experiment, ...] = ()
    quick_claims: tuple[Claim, ...] = ()
    gpu_unstated: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    findings: tuple[Finding, ...] = ()
