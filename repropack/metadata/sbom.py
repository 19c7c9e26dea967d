"""The packages of an image as a CycloneDX 1.6 list (SBOM): Python's, conda's, Debian's.

Owns: the shape of the document. What is in it is the lock and the record of the base, so nothing
is scanned; a licence is there where the locked file states one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from repropack import __version__
from repropack.debian.debs import UNKNOWN, Deb
from repropack.environment import Wheel
from repropack.environment.condamodel import CondaFile
from repropack.metadata.licences import Licence
from repropack.metadata.times import rfc3339

FILE = "sbom.cdx.json"
Component = dict[str, Any]


def document(
    *,
    name: str,
    version: str,
    time_s: int | None,
    wheels: Sequence[Wheel],
    conda: Sequence[CondaFile],
    debs: Sequence[Deb],
    suite: str,
    licences: Mapping[str, Licence],
) -> dict[str, Any]:
    """The list. `licences` are those of wheels, by the wheel's SHA-256."""
    root = {"type": "container", "bom-ref": "image", "name": name, "version": version}
    tool = {"type": "application", "name": "repropack", "version": __version__}
    components = [
        *(of_wheel(wheel, licences.get(wheel.sha256)) for wheel in wheels),
        *map(of_conda, conda),
        *(of_deb(deb, suite) for deb in debs),
    ]
    unique = {each["bom-ref"]: each for each in components}
    when = {} if time_s is None else {"timestamp": rfc3339(time_s)}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {**when, "tools": {"components": [tool]}, "component": root},
        "components": [unique[ref] for ref in sorted(unique)],
        "dependencies": [{"ref": "image", "dependsOn": sorted(unique)}],
    }


def of_wheel(wheel: Wheel, licence: Licence | None) -> Component:
    """A package that pip knows."""
    found = component(
        f"pkg:pypi/{quote(wheel.name)}@{quote(wheel.version)}", wheel.name, wheel.version
    )
    found["hashes"] = [{"alg": "SHA-256", "content": wheel.sha256}]
    stated = list(licence_choice(licence)) if licence else []
    return {**found, "licenses": stated} if stated else found


def licence_choice(licence: Licence) -> Iterable[dict[str, Any]]:
    """An SPDX expression alone, or names."""
    if licence.expression:
        yield {"expression": licence.expression}
        return
    for name in licence.names:
        yield {"license": {"name": name}}


def of_conda(file: CondaFile) -> Component:
    """A package that conda knows; the address of one that travels in the bundle stays out."""
    purl = f"pkg:conda/{quote(file.name)}@{quote(file.version)}?build={quote(file.build)}"
    found = component(purl, file.name, file.version)
    return {**found, "hashes": [{"alg": "SHA-256", "content": file.sha256}]}


def of_deb(deb: Deb, suite: str) -> Component:
    """A package of the base; a base that was pulled has no hashes of its own."""
    name, version = quote(deb.name), quote(deb.version)
    purl = f"pkg:deb/debian/{name}@{version}?arch={quote(deb.architecture)}&distro={quote(suite)}"
    found = component(purl, deb.name, deb.version)
    if deb.sha256 == UNKNOWN:
        return found
    return {**found, "hashes": [{"alg": "SHA-256", "content": deb.sha256}]}


def component(purl: str, name: str, version: str) -> Component:
    """What every package has. Its package URL is its reference, too."""
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
