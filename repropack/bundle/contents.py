"""The manifest: `repropack.json` from a plan and what was fetched for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repropack import __version__
from repropack.bundle.data import Data, to_json
from repropack.bundle.image import CarriedImage
from repropack.cuda.record import as_dict
from repropack.debian.debs import Deb, debs_text
from repropack.environment import Made, Target, Wheel
from repropack.environment.condamodel import CondaFile
from repropack.environment.made import NOTHING_MADE
from repropack.findings import Finding, Severity
from repropack.metadata import swhid
from repropack.plan import Plan
from repropack.pythons import PATCH

SCHEMA = "repropack.bundle/1"
DEBS = "base.debs.tsv"
PYTHON = "python.tar.gz"
#: In a bundle that needs no network: the distribution's packages, of which its base is made.
DEB_FILES = "debs"
#: In a bundle that needs no network: the base, and the image of which CUDA's files are taken.
IMAGE = "base/base.tar.gz"
CUDA_IMAGE = "base/cuda.tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """An image as a file that goes into a bundle, and what it is."""

    path: Path
    record: CarriedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecord:
    """The base that was used. `reference` is what `FROM` takes: pinned by digest if it has one.

    `cuda` is the image of which CUDA's files are taken, if any. `debs` is every package of the
    distribution in the base; empty where no container is used. `python` is the archive of its
    Python, where that is not the distribution's; `exact` its whole version, where one was asked for
    and had. `deb_files` are the files of `debs`, `image` and `cuda_image` both images themselves,
    for a bundle that needs no network.
    """

    reference: str
    cuda: str | None = None
    debs: tuple[Deb, ...] = ()
    python: Path | None = None
    exact: str | None = None
    deb_files: tuple[tuple[Deb, Path], ...] = ()
    image: Brought | None = None
    cuda_image: Brought | None = None

    @property
    def brought(self) -> tuple[tuple[str, Brought], ...]:
        """The images that go into the bundle, by the names of their files."""
        both = ((IMAGE, self.image), (CUDA_IMAGE, self.cuda_image))
        return tuple((name, image) for name, image in both if image is not None)

    @property
    def packages_sha256(self) -> str | None:
        """The hash of the list of packages, which stands in the bundle as DEBS."""
        if not self.debs:
            return None
        return hashlib.sha256(debs_text(self.debs).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file of `local/`: below `env/` for the environment, below `work/` for the source."""

    path: str
    data: bytes = field(repr=False)
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What was fetched, built and provided for a plan.

    `wheels` (built ones too) and `conda` are the environment's, `tools` the installers (uv,
    rattler) and the reviewer's fetcher (pip); there are none when there is nothing to install.
    `made` says of what was built where it comes from, `placed` is what editable installs add,
    `data` are the datasets.
    """

    target: Target
    wheels: tuple[Wheel, ...]
    tools: tuple[Wheel, ...]
    base: BaseRecord
    conda: tuple[CondaFile, ...] = ()
    made: Made = NOTHING_MADE
    placed: tuple[Placed, ...] = ()
    data: tuple[Data, ...] = ()

    def tool(self, name: str) -> Wheel | None:
        """The tool of that name, if there is one."""
        return next((tool for tool in self.tools if tool.name == name), None)

    @property
    def needed(self) -> tuple[Wheel, ...]:
        """Every wheel that an image build needs, by file name."""
        return tuple(sorted((*self.wheels, *self.installers), key=lambda w: w.filename))

    @property
    def offline(self) -> bool:
        """Whether everything that an image build needs goes into the bundle."""
        return self.base.image is not None

    @property
    def carried(self) -> tuple[Wheel, ...]:
        """The wheels that go into the bundle."""
        return self.needed if self.offline else self.built

    @property
    def installers(self) -> tuple[Wheel, ...]:
        """The tools that run in the image's build, for the base's Python."""
        return tuple(tool for tool in self.tools if tool.name != "pip")

    @property
    def built(self) -> tuple[Wheel, ...]:
        """The wheels that no index has: the bundle carries them."""
        return tuple(item.wheel for item in self.made.wheels)

    @property
    def downloads(self) -> tuple[Wheel, ...]:
        """The wheels that a reviewer fetches, by file name."""
        return tuple(wheel for wheel in self.needed if wheel not in self.built)


def manifest(plan: Plan, ingredients: Ingredients) -> dict[str, Any]:
    """The manifest as a JSON object. Nothing in it depends on when or where it was made."""
    need, base = plan.base.need, ingredients.base
    return {
        "schema": SCHEMA,
        "repropack": __version__,
        "name": plan.name,
        "paper": dict(plan.paper),
        "source": {**plan.origin.to_json(), "swhids": list(swhid.all_of(plan.origin))},
        "image": {"tag": plan.tag, "platform": "linux/amd64"},
        "base": {
            "reference": base.reference,
            "python": need.python,
            "suite": need.suite,
            "apt": list(need.apt),
            "cuda": base.cuda,
            "exact": base.exact,
            "image": brought_to_json(IMAGE, base.image),
            "cuda_image": brought_to_json(CUDA_IMAGE, base.cuda_image),
            "packages_sha256": base.packages_sha256,
            **({"debs": DEB_FILES} if base.deb_files else {}),
        },
        "plan": [
            {"what": what, "value": choice.value, "because": choice.because}
            for what, choice in plan.decisions
        ],
        "cuda": as_dict(plan.cuda),
        **conda_to_json(plan, ingredients.conda),
        "wheels": [wheel_to_json(wheel) for wheel in ingredients.wheels],
        "built": [
            {"filename": item.wheel.filename, **item.provenance.to_json()}
            for item in ingredients.made.wheels
        ],
        "editable": [
            {
                "name": item.wheel.name,
                "version": item.wheel.version,
                "directory": item.directory,
                **item.provenance.to_json(),
            }
            for item in ingredients.made.editables
        ],
        "tools": [wheel_to_json(wheel) for wheel in ingredients.tools],
        **({"datasets": [to_json(data) for data in ingredients.data]} if ingredients.data else {}),
        "experiments": [experiment.to_json() for experiment in plan.experiments],
        "claims": [claim.to_json() for claim in plan.claims],
        **quick_to_json(plan),
        "findings": [
            finding.to_json()
            for finding in settled(plan, base)
            if finding.severity is not Severity.INFO
        ],
    }


def brought_to_json(file: str, image: Brought | None) -> dict[str, Any] | None:
    """An image that the bundle brings: its file, its name where it is loaded, and its parts."""
    return None if image is None else {"file": file, **image.record.to_json()}


def dump(value: Any) -> str:
    """JSON for files: stable, readable, one trailing newline.

    Bytes of a file's name that are not UTF-8 stay JSON: `\\udcff`, as Python reads them back.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def settled(plan: Plan, base: BaseRecord) -> tuple[Finding, ...]:
    """The plan's findings, now that it is known whether the base has the patch version."""
    others = tuple(finding for finding in plan.findings if finding.kind != PATCH)
    need = plan.base.exact
    if need is None or base.exact == need.value or plan.lock.conda is not None:
        return others
    because = f"{need.because}, and the base has another patch version of {plan.base.python.value}"
    doubt = Finding(kind=PATCH, value=need.value, because=because, severity=Severity.WARNING)
    return (*others, doubt)


def quick_to_json(plan: Plan) -> dict[str, Any]:
    """The quick set, where the author declares one."""
    if not plan.quick_experiments:
        return {}
    experiments = [experiment.to_json() for experiment in plan.quick_experiments]
    claims = [claim.to_json() for claim in plan.quick_claims]
    return {"quick": {"experiments": experiments, "claims": claims}}


def conda_to_json(plan: Plan, files: tuple[CondaFile, ...]) -> dict[str, Any]:
    """The conda packages, where there are any: what each is, and where anybody may get it."""
    if plan.lock.conda is None:
        return {}
    packages = [
        {
            "name": file.name,
            "version": file.version,
            "build": file.build,
            "filename": file.filename,
            "url": None if file.carried else file.url,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "md5": file.md5,
        }
        for file in files
    ]
    return {"conda": {"python": plan.lock.conda.python, "packages": packages}}


def wheel_to_json(wheel: Wheel) -> dict[str, Any]:
    """A wheel: what it is, and the hash that any copy of it must have."""
    return {
        "name": wheel.name,
        "version": wheel.version,
        "filename": wheel.filename,
        "size_bytes": wheel.size_bytes,
        "sha256": wheel.sha256,
    }
