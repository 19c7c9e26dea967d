"""From a bundle to an image: what is there is used, what changed is built, and nothing else.

The environment (base, Python packages) is kept as an image of its own, named by everything that
it depends on. A change of the source therefore adds one layer, and projects with the same lock
share one environment. The text of both parts is the bundle's one Dockerfile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from repropack.bundle import (
    SOURCE_STEPS,
    Bundle,
    checksums,
    source_dockerfile,
    split_dockerfile,
)
from repropack.bundle.image import CarriedImage
from repropack.debian.debs import differences
from repropack.engines import BuildRecipe, Image, Pairs
from repropack.engines.carried import Carrier, load_image
from repropack.engines.owners import AGAIN, mark
from repropack.engines.saved import Keeper
from repropack.environment import place
from repropack.errors import BuildError, IntegrityError, RunError, reason
from repropack.gathering import conda_of, wheels_of
from repropack.layers import LAYER, write_layer
from repropack.marks import new_scratch
from repropack.progress import Reporter
from repropack.settings import Built
from repropack.workshop import Workshop

#: The label that names the bundle an image was built from: the SHA-256 of its SHA256SUMS.
BUNDLE_LABEL = "repropack.bundle"
#: How many packages of a base that differ are named on the screen; the report has all.
SHOWN = 5
SOURCE_INPUTS = ("source", "judge.pyz", "repropack.json")


def finish(bundle: Bundle, workshop: Workshop, lock: Path | None = None) -> Built:
    """The bundle with its image. `lock` is the file that was kept of its resolution."""
    strange = differences(bundle.debs, workshop.debs) if bundle.debs and workshop.debs else ()
    tell(strange, workshop.reporter)
    present = image_there(bundle, workshop)
    return Built(
        bundle=bundle,
        image=present or provide_image(bundle, workshop),
        engine=workshop.engine,
        facts=workshop.facts,
        lock=lock,
        strange=strange,
        made=present is None,
    )


def image_there(bundle: Bundle, workshop: Workshop) -> Image | None:
    """The image of this very bundle, if it was built before and may be used."""
    present = None if workshop.settings.rebuild else workshop.engine.image(bundle.tag)
    if present is None or dict(present.labels).get(BUNDLE_LABEL) != bundle.digest:
        return None
    workshop.engine.tag(present, workshop.settings.tags)
    return present


def tell(strange: tuple[str, ...], reporter: Reporter) -> None:
    """Say which packages of the base are not the authors' own, a few of them by name."""
    if not strange:
        return
    shown = "; ".join(strange[:SHOWN]) + ("; …" if len(strange) > SHOWN else "")
    reporter.note(
        f"the base here differs from the authors' in {len(strange)} Debian packages: {shown} "
        "(REPROPACK_DEBIAN_MIRROR can name an archive of the day when theirs was made)"
    )


def provide_image(bundle: Bundle, workshop: Workshop) -> Image:
    """The image of a bundle, under its own tag and those asked for: loaded from it, or built.

    Raises `BuildError` (exit code 5), `IntegrityError` (7) for a Dockerfile that is not ours, and
    whatever fetching raises.
    """
    carried = bundle.carried if isinstance(workshop.engine, Carrier) else None
    if carried is not None and not workshop.settings.rebuild:
        return load_carried(bundle, carried, workshop)
    try:
        workshop.log.parent.mkdir(parents=True, exist_ok=True)
        return build_image(bundle, workshop)
    except OSError as error:
        raise BuildError(
            f"{bundle.tag} could not be built: {error.filename or 'the disk'}: {reason(error)}",
            hint="is the disk full? try `df -h`",
        ) from error


def load_carried(bundle: Bundle, carried: CarriedImage, workshop: Workshop) -> Image:
    """The author's image, from the bundle. Raises `IntegrityError` (exit code 7) for any other."""
    engine = workshop.engine
    assert isinstance(engine, Carrier)
    workshop.reporter.step(f"loading {bundle.tag} from the bundle")
    archive = bundle.directory / checksums.IMAGE_ARCHIVE
    load_image(engine, archive, carried, (BUNDLE_LABEL, bundle.digest))
    found = next((image for image in map(engine.image, carried.ids) if image is not None), None)
    if found is None:
        raise IntegrityError(f"{archive} was loaded, and is not the image of image.json")
    engine.tag(found, (bundle.tag, *workshop.settings.tags))
    return replace(found, tag=bundle.tag)


@contextmanager
def built_again(bundle: Bundle, workshop: Workshop) -> Iterator[Image]:
    """A second image of a bundle, of which nothing is taken from the first. It is removed again.

    Raises as `provide_image`.
    """
    settings = replace(workshop.settings, rebuild=True, tags=())
    apart = replace(workshop, settings=settings, again=mark())
    tag, engine = again_tag(apart, "image"), workshop.engine
    assert isinstance(engine, Keeper), "it has images"
    try:
        yield provide_image(replace(bundle, tag=tag), apart)
    finally:
        for made in (tag, again_tag(apart, "environment")):
            with suppress(RunError):  # the next call removes it
                engine.remove_image(made)


def again_tag(workshop: Workshop, what: str) -> str:
    """The name of an image that is made to be compared."""
    return f"{AGAIN}:{what}-{workshop.again}"


def build_image(bundle: Bundle, workshop: Workshop) -> Image:
    """The bundle's image on top of its environment. Raises as `provide_image`, and `OSError`."""
    if workshop.base is None:
        return build_whole(bundle, workshop)
    head, tail = dockerfile_parts(bundle)
    environment = provide_environment(bundle, workshop, workshop.base, head)
    workshop.reporter.step(f"building {bundle.tag}")
    shorten = workshop.facts.builder == "legacy" and SOURCE_STEPS in tail
    layer = LAYER if shorten else None
    with build_context(bundle, () if layer else inputs_of(bundle)) as context:
        if layer:
            write_layer(bundle, context / layer)
        label = (BUNDLE_LABEL, bundle.digest)
        text = source_dockerfile(tail, environment=environment.tag, label=label, layer=layer)
        (context / "Dockerfile").write_text(text, "utf-8")
        recipe = recipe_for(bundle, workshop, context, labels=())  # it stands in the text
        return workshop.engine.build(recipe, workshop.reporter.detail)


def dockerfile_parts(bundle: Bundle) -> tuple[str, str]:
    """The Dockerfile of the environment, and what comes behind it."""
    path = bundle.directory / "Dockerfile"
    try:
        return split_dockerfile(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} was not made by repropack") from error


def provide_environment(bundle: Bundle, workshop: Workshop, base: Image, head: str) -> Image:
    """The image of the environment alone, tagged by everything that it depends on."""
    locks = [(bundle.directory / name).read_bytes() for name in lock_files(bundle)]
    images = [image for image in (base, workshop.cuda) if image is not None]
    usual = environment_tag(head, locks, [image.id for image in images])
    tag = again_tag(workshop, "environment") if workshop.again else usual
    present = None if workshop.settings.rebuild else workshop.engine.image(tag)
    if present is not None:
        return present
    with build_context(bundle, lock_files(bundle)) as context:
        put_packages(bundle, workshop, context)
        workshop.reporter.step("building the environment")
        (context / "Dockerfile").write_text(head, "utf-8")
        recipe = BuildRecipe(
            context=context,
            tag=tag,
            build_args=tuple(zip(("BASE", "CUDA"), (i.tag for i in images), strict=False)),
            target="environment",
            fresh=bool(workshop.again),
            exact=workshop.settings.rebuild,
            log=workshop.log.with_suffix(".environment.log"),
        )
        made = workshop.engine.build(recipe, workshop.reporter.detail)
    return by_its_usual_name(made, usual, workshop) if workshop.again else made


def by_its_usual_name(made: Image, usual: str, workshop: Workshop) -> Image:
    """The environment of a second build by the name of the first, if it is the very same image.

    Podman writes the name of what an image is made of into it: the latest, if there are several.
    """
    engine, named = workshop.engine, workshop.engine.image(usual)
    if named is None or named.id != made.id:
        return made
    assert isinstance(engine, Keeper), "it has images"
    engine.remove_image(made.tag)
    return named


def environment_tag(head: str, locks: Sequence[bytes], ids: Sequence[str]) -> str:
    """The tag of an environment: by its Dockerfile, what it locks, and the images it is made on."""
    digest = hashlib.sha256(b"\0".join((instructions(head), *locks, *(i.encode() for i in ids))))
    return f"repropack/environment:{digest.hexdigest()[:16]}"


def lock_files(bundle: Bundle) -> tuple[str, ...]:
    """The files of a bundle that say what is installed, and the program that installs it."""
    conda = ("conda.sha256", "tools/install_conda.py") if bundle.conda else ()
    return ("pylock.toml", *conda)


def put_packages(bundle: Bundle, workshop: Workshop, context: Path) -> None:
    """Every package of the environment, fetched if need be, beside the Dockerfile."""
    cache, reporter = workshop.settings.cache, workshop.reporter
    conda = conda_of(bundle, cache=cache, reporter=reporter)
    wheels = wheels_of(bundle, workshop.target, cache=cache, reporter=reporter)
    if conda:
        from repropack.conda import place_conda

        place_conda(conda, cache, context / "conda")
    place(wheels, cache, context / "wheels")


def instructions(dockerfile: str) -> bytes:
    """What a builder reads of a Dockerfile: comments (the commit stands in one) change nothing."""
    lines = (line for line in dockerfile.splitlines() if not line.startswith("#"))
    return "\n".join(lines).encode()


def build_whole(bundle: Bundle, workshop: Workshop) -> Image:
    """Everything in one step, for the engine that makes no layers."""
    with build_context(bundle, (*inputs_of(bundle), *lock_files(bundle), "Dockerfile")) as context:
        put_packages(bundle, workshop, context)
        workshop.reporter.step(f"building {bundle.tag}")
        labels = ((BUNDLE_LABEL, bundle.digest),)
        recipe = recipe_for(bundle, workshop, context, labels=labels)
        return workshop.engine.build(recipe, workshop.reporter.detail)


def inputs_of(bundle: Bundle) -> tuple[str, ...]:
    """The parts of a bundle that change with its source."""
    return (*SOURCE_INPUTS, *(("local",) if (bundle.directory / "local").is_dir() else ()))


def recipe_for(bundle: Bundle, workshop: Workshop, context: Path, *, labels: Pairs) -> BuildRecipe:
    """The recipe of the bundle's own image."""
    return BuildRecipe(
        context=context,
        tag=bundle.tag,
        extra_tags=workshop.settings.tags,
        labels=labels,
        fresh=bool(workshop.again),
        exact=workshop.settings.rebuild,
        log=workshop.log,
    )


@contextmanager
def build_context(bundle: Bundle, names: tuple[str, ...]) -> Iterator[Path]:
    """A directory with these parts of a bundle and nothing else, linked rather than copied."""
    try:
        context = new_scratch(bundle.directory.parent.absolute(), ".context.")
    except OSError as error:
        raise BuildError(
            f"cannot write beside {bundle.directory}: {error.strerror}",
            hint="copy the bundle to a directory of yours",
        ) from error
    try:
        for name in names:
            link(bundle.directory / name, context / name)
        yield context
    finally:
        shutil.rmtree(context, ignore_errors=True)


def link(source: Path, target: Path) -> None:
    """Hard links where the file system has them, copies elsewhere."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=hard_link)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        hard_link(str(source), str(target))


def hard_link(source: str, target: str) -> None:
    """One file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
