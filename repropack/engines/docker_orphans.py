"""What a repropack that was killed left behind in Docker: found again, and removed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from repropack.engines.docker_client import failures
from repropack.engines.owners import AGAIN, OWNER, SHELL, is_orphan

if TYPE_CHECKING:
    from docker import APIClient


def sweep(client: APIClient) -> list[str]:
    """Remove what killed processes left; its names. What cannot be removed stays."""
    removed: list[str] = []
    with suppress(*failures()):
        for found in client.containers(all=True):
            name = str((found["Names"] or ["/"])[0]).lstrip("/")
            of_name = name if name.startswith("repropack-") else ""
            if is_orphan((found["Labels"] or {}).get(OWNER) or of_name):
                with suppress(*failures()):
                    client.remove_container(found["Id"], v=True, force=True)
                    removed.append(name)
        for found in (*client.images(SHELL), *client.images(AGAIN)):
            for tag in filter(is_orphan, found["RepoTags"] or ()):
                with suppress(*failures()):
                    client.remove_image(tag)
                    removed.append(tag)
    return removed
