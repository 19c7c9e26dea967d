"""What a bundle says of itself: RO-Crate, list of packages, citation. See `metadata` for each.

Owns: which of these files a bundle has, and what they are made from. All of it follows from the
plan and its ingredients: two bundles of one commit say the same.
"""

from __future__ import annotations

import os
from pathlib import Path

from repropack.bundle import checksums
from repropack.bundle.contents import Ingredients, dump
from repropack.environment import wheel_path
from repropack.metadata import citation, licences, rocrate, sbom
from repropack.plan import Plan


def citation_texts(plan: Plan) -> dict[str, str]:
    """CITATION.cff and .zenodo.json: the repository's, or drafts; an anonymous bundle has none."""
    if plan.origin.anonymous:
        return {}
    return citation.files(plan.name, plan.about, plan.origin, dict(plan.paper))


def packages(plan: Plan, ingredients: Ingredients, *, cache: Path) -> str:
    """The packages of the image, with the licences that their locked wheels state."""
    stated = {w.sha256: licences.of_wheel(wheel_path(cache, w)) for w in ingredients.wheels}
    return dump(
        sbom.document(
            name=plan.name,
            version=plan.origin.id12,
            time_s=plan.origin.commit_time_s,
            wheels=ingredients.wheels,
            conda=ingredients.conda,
            debs=ingredients.base.debs,
            suite=plan.base.suite.value,
            licences=stated,
        )
    )


def crate(plan: Plan, directory: Path) -> str:
    """The crate of what stands in a directory, and of the checksums that are written last."""
    names = {rocrate.FILE, checksums.SUMS}
    inside = [entry for entry in os.scandir(directory) if entry.name not in names]
    return dump(
        rocrate.of_bundle(
            plan.name,
            plan.about,
            plan.origin,
            dict(plan.paper),
            files=[*(each.name for each in inside if each.is_file()), checksums.SUMS],
            directories=[each.name for each in inside if each.is_dir()],
        )
    )
