"""One file of an image, read through a container that is never started.

Owns: that container, from its creation to its removal. Does not own: what the file means.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from repropack.engines.archive import first_file
from repropack.engines.docker_client import translated
from repropack.engines.docker_run import remove
from repropack.engines.owners import labels
from repropack.errors import BuildError

if TYPE_CHECKING:
    from docker import APIClient


def read_file(client: APIClient, image_id: str, path: str) -> bytes | None:
    """The content of a regular file of an image; `None` if it has none of that name."""
    import docker.errors

    # The name is known before the engine is asked, so that it can be removed whatever happens.
    name = f"repropack-read-{secrets.token_hex(6)}"
    with translated(BuildError, f"{path} could not be read from the base"):
        try:
            client.create_container(
                image_id, ["true"], name=name, labels=labels(), network_disabled=True
            )
            try:
                chunks, _ = client.get_archive(name, f"/{path}")
                return first_file(chunks)
            except docker.errors.NotFound:
                return None
        finally:
            remove(client, name)
