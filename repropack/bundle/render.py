"""The generated text files of a bundle, from templates/. With `report`, the only user of Jinja."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repropack import __version__, assets
from repropack.bundle import quoting
from repropack.bundle.contents import PYTHON, Ingredients
from repropack.bundle.effort import NOTHING_MEASURED, Effort
from repropack.bundle.image import CarriedImage
from repropack.cuda.version import minor
from repropack.environment import Wheel
from repropack.environment.condamodel import CondaFile
from repropack.metadata.times import rfc3339
from repropack.plan import Plan

if TYPE_CHECKING:
    import jinja2

#: The line of the Dockerfile behind which only the source and the judge are added. Everything in
#: front of it depends on the environment alone and is kept as an image of its own.
SOURCE_STAGE = "FROM environment"
#: What it copies, see `layers`.
SOURCE_STEPS = "COPY --chown=1000:1000 source/ /work/\nCOPY judge.pyz repropack.json /repropack/"
#: What editable installs add, in their own steps behind the environment: a change of the code
#: never installs anything again.
LOCAL_STEPS = {
    "env": "\nCOPY local/env/ /opt/env/",
    "work": "\nCOPY --chown=1000:1000 local/work/ /work/",
}


@functools.cache
def environment(cache: Path | None = None) -> jinja2.Environment:
    """Templates that fail on a missing name and leave values as they are: filters quote them.

    They are compiled once for each `cache` directory, as Python compiles modules.
    """
    import jinja2

    kept = None
    if cache is not None:
        (cache / "templates").mkdir(parents=True, exist_ok=True)
        kept = jinja2.FileSystemBytecodeCache(str(cache / "templates"))
    env = jinja2.Environment(
        bytecode_cache=kept,
        loader=jinja2.FileSystemLoader(assets.templates()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # shell, Dockerfile and Markdown: each value passes its own filter
    )
    env.filters["sh"] = quoting.shell
    env.filters["dockerfile"] = quoting.dockerfile
    env.filters["comment"] = quoting.comment
    env.filters["md"] = quoting.markdown
    env.filters["code"] = quoting.code
    env.filters["codeblock"] = quoting.codeblock
    return env


def oci_labels(plan: Plan, base: str) -> tuple[tuple[str, str], ...]:
    """The `org.opencontainers.image.*` labels that the plan can fill, on this base."""
    origin, paper = plan.origin, dict(plan.paper)
    created = None if origin.commit_time_s is None else rfc3339(origin.commit_time_s)
    base_name, _, base_digest = base.partition("@")
    labels = [("title", plan.name), ("version", origin.id12), ("revision", origin.commit)]
    labels += [("source", origin.remote), ("created", created), ("licenses", plan.about.licence)]
    labels += [("url", paper.get("url")), ("base.name", base_name), ("base.digest", base_digest)]
    return tuple((f"org.opencontainers.image.{name}", value) for name, value in labels if value)


def dockerfile(plan: Plan, ingredients: Ingredients, *, cache: Path | None = None) -> str:
    """The Dockerfile: identical for BuildKit, the legacy builder and Buildah; no network."""
    reasons = tuple(
        f"{what}: {choice.value or 'none'} ({choice.because})"
        for what, choice in plan.decisions
        if not what.startswith("variable")
    )
    return (
        environment(cache)
        .get_template("Dockerfile.j2")
        .render(
            title=f"{plan.name} at {plan.origin.id12}, packaged by repropack {__version__}",
            python=plan.python,
            base_python=plan.base.need.python,
            reasons=reasons,
            variables=plan.variables,
            base=ingredients.base.reference,
            cuda=cuda_files(plan, ingredients),
            wheels=ingredients.wheels,
            conda=ingredients.conda,
            rattler=ingredients.tool("py-rattler"),
            uv=ingredients.tool("uv"),
            marker=SOURCE_STAGE,
            steps=steps_of(ingredients),
            labels=oci_labels(plan, ingredients.base.reference),
        )
    )


def cuda_files(plan: Plan, ingredients: Ingredients) -> dict[str, Any] | None:
    """What is taken from an image of NVIDIA's, and from which; None where the wheels suffice."""
    image = plan.cuda_base.run_image
    if image is None:
        return None
    return {
        "image": ingredients.base.cuda or image.reference,
        "directory": f"/usr/local/cuda-{minor(image.cuda)}",
        "devel": "devel" in image.flavour,
    }


def steps_of(ingredients: Ingredients) -> str:
    """The steps that copy what is the project's own."""
    tops = {placed.path.partition("/")[0] for placed in ingredients.placed}
    return SOURCE_STEPS + "".join(LOCAL_STEPS[top] for top in sorted(tops))


def split_dockerfile(text: str) -> tuple[str, str]:
    """The Dockerfile in front of and behind the source stage. `ValueError` if it has none."""
    head, found, tail = text.partition(f"\n{SOURCE_STAGE}\n")
    if not found:
        raise ValueError(f"no line {SOURCE_STAGE!r}")
    return head + "\n", tail


def source_dockerfile(
    tail: str, *, environment: str, label: tuple[str, str], layer: str | None = None
) -> str:
    """The source stage on an environment's image, with one more label.

    The label joins the last instruction, which is a LABEL. `layer` names an archive that takes the
    place of the steps that copy. Both spare instructions: each costs the legacy builder more than a
    tenth of a second.
    """
    name, value = label
    if layer is not None:
        for step in LOCAL_STEPS.values():
            tail = tail.replace(step, "", 1)
        tail = tail.replace(SOURCE_STEPS, f"ADD {layer} /", 1)
    return f"FROM {environment}\n{tail.rstrip()} \\\n      {name}={quoting.dockerfile(value)}\n"


def dockerignore(conda: bool = False) -> str:
    """What a builder may see of a bundle's directory."""
    parts = ("Dockerfile", "pylock.toml", "wheels", "source", "local")
    allowed = (*parts, "judge.pyz", "repropack.json")
    more = ("conda", "conda.sha256", "tools/install_conda.py") if conda else ()
    return "*\n" + "".join(f"!{name}\n" for name in (*allowed, *more))


def fetch_requirements(wheels: Sequence[Wheel]) -> str:
    """Hashed requirements that name exactly these wheels, for pip."""
    return "".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels)


def wheel_sums(wheels: Sequence[Wheel]) -> str:
    """The checksums of the wheels, as `sha256sum` reads them from the bundle's directory."""
    return "".join(f"{wheel.sha256}  wheels/{wheel.filename}\n" for wheel in wheels)


def reproduce_sh(
    plan: Plan,
    ingredients: Ingredients,
    effort: Effort = NOTHING_MEASURED,
    *,
    cache: Path | None = None,
) -> str:
    """The reviewer's one command; `effort` is what the author's own runs took."""
    pip = ingredients.tool("pip")
    return (
        environment(cache)
        .get_template("reproduce.sh.j2")
        .render(
            name=plan.name,
            tag=plan.tag,
            commit=plan.origin.commit or plan.origin.tree,
            base=ingredients.base.reference,
            cuda=ingredients.base.cuda or "",
            suite=plan.base.suite.value,
            python=plan.base.need.python,
            environment_python=plan.python,
            conda=ingredients.conda,
            packages=[choice.value for choice in plan.base.apt],
            archive=PYTHON if ingredients.base.python else "",
            debs=len(ingredients.base.deb_files),
            brought={name: image.record for name, image in ingredients.base.brought},
            claims=[claim.id for claim in plan.claims],
            quick=plan.quick_experiments,
            disk_mb=disk_of(ingredients),
            driver="" if plan.cuda.driver is None else plan.cuda.driver.value,
            measured=effort.table(plan.runs),
            measured_on=effort.machine,
            wanted_gpus="\n".join(f"{each.name}\t{each.gpu}" for each in plan.experiments),
            datasets=ingredients.data,
            pip=pip.filename if pip else "",
            platforms=ingredients.target.platforms,
            download_mb=megabytes((*ingredients.downloads, *ingredients.conda)),
            version=__version__,
        )
    )


def disk_of(ingredients: Ingredients) -> int:
    """What to have free for the image of a bundle, in MB."""
    images = [image.record for _, image in ingredients.base.brought]
    return disk_megabytes((*ingredients.needed, *ingredients.conda), images)


def disk_megabytes(
    wheels: Sequence[Wheel | CondaFile], images: Sequence[CarriedImage | None] = ()
) -> int:
    """What to have free, in MB: the packages, twice what they unpack to (about three times their
    size, in the installer's stage and in the image), and what is below: the images that the bundle
    brings, as they lie in an engine's store, else a base of the usual size.
    """
    layers = {layer for image in images if image is not None for layer in image.layers}
    below = round(sum(layer.size_bytes for layer in layers) / 1e6)
    return round(max(300, below) + 7 * megabytes(wheels), -2)


def megabytes(wheels: Sequence[Wheel | CondaFile]) -> int:
    """The size of a download in MB (10^6 bytes), rounded up to at least 1."""
    return max(1, round(sum(wheel.size_bytes for wheel in wheels) / 1e6))
