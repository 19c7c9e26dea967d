"""What a repropack that was killed left behind in Docker: found again, and removed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from repropack.engines.docker_client import failures
from repropack.engines.owners import AGAIN, OWNER, SHELL, is_orphan

if TYPE_CHECKING:
    from docker import APIClient


def sweep_containers(client: APIClient) -> list[str]:
    """Remove those that killed processes left; their names. What cannot be removed stays."""
    removed: list[str] = []
    with suppress(*failures()):
        for found in client.containers(all=True):
            name = str((found["Names"] or ["/"])[0]).lstrip("/")
            of_name = name if name.startswith("repropack-") else ""
            if is_orphan((found["Labels"] or {}).get(OWNER) or of_name):
                with suppress(*failures()):
                    client.remove_container(found["Id"], v=True, force=True)
                    removed.append(name)
    return removed


@contextmanager
def sweeping_images(client: APIClient) -> Iterator[None]:
    """Remove the images that killed builds left while the block builds another.

    An engine that has many images takes a tenth of a second to list them.
    """
    thread = threading.Thread(target=sweep_images, args=(client,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def sweep_images(client: APIClient) -> list[str]:
    """Remove those that killed builds left; their tags."""
    removed: list[str] = []
    with suppress(*failures()):
        for found in client.images(filters={"reference": [SHELL, AGAIN]}):
            for tag in filter(is_orphan, found["RepoTags"] or ()):
                with suppress(*failures()):
                    client.remove_image(tag)
                    removed.append(tag)
    return removed
