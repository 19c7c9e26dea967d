"""One layer on an image, past the legacy builder, which makes a container for each instruction.

A Dockerfile that only adds an archive of files and labels is done in one container that is never
started: files in, commit. A build after a change of the code has no other.

Owns: recognising such a Dockerfile, and making its image. Whatever it does not know or cannot do is
left to the builder, which then says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from repropack.engines.docker_client import failures, patience
from repropack.engines.docker_run import remove
from repropack.engines.model import BuildRecipe
from repropack.engines.owners import mark

if TYPE_CHECKING:
    from docker import APIClient

_WHOLE = re.compile(r"FROM (\S+)\nADD (\w[\w.-]*\.tar) /\n(LABEL [^\n]+)\n")


def recognise(dockerfile: str) -> tuple[str, str, str] | None:
    """The image, the archive and the LABEL instruction in one line; None if there is more."""
    found = _WHOLE.fullmatch(dockerfile.replace(" \\\n", " "))
    return None if found is None else (found[1], found[2], found[3])


def add(client: APIClient, recipe: BuildRecipe, say: Callable[[str], None]) -> bool:
    """Make the image of a recipe, if its Dockerfile is such a one; False leaves it to the builder.

    Owners, modes and times are those of the archive, as with ADD.
    """
    text = (recipe.context / recipe.dockerfile).read_text("utf-8")
    found = recognise(text)
    if found is None or recipe.labels:
        return False
    image, archive, label = found
    name = f"repropack-add-{mark()}"
    try:
        config = dict(client.inspect_image(image)["Config"])  # type: ignore[no-untyped-call]
        if config.get("OnBuild"):
            return False
        client.create_container(image=image, name=name, use_config_proxy=False)
        repository, _, tag = recipe.tag.rpartition(":")
        with patience(client), (recipe.context / archive).open("rb") as file:
            client.put_archive(name, "/", file)
            client.commit(
                name, repository, tag, message=f"ADD {archive} /", changes=label, conf=config
            )
    except failures() as error:
        say(f"left to the builder: {error}")
        return False
    finally:
        remove(client, name)
    say(f"added {archive} to {image}")
    return True
