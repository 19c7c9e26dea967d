"""What a repropack that was killed left in Docker, and images that were replaced: removed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from repropack.engines.docker_client import failures
from repropack.engines.owners import AGAIN, IN_USE, OWNER, SHELL, is_orphan

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
        for found in client.images(filters={"reference": [SHELL, AGAIN, IN_USE]}):
            for tag in filter(is_orphan, found["RepoTags"] or ()):
                with suppress(*failures()):
                    client.remove_image(tag)
                    removed.append(tag)
    return removed


@contextmanager
def replacing(client: APIClient, tag: str) -> Iterator[None]:
    """Remove the image whose tag the block gives to another, and nameless ones that it is made of.

    It stays where it has another name, and where a container or an image needs it.
    """
    before = _inspected(client, tag)
    yield
    if before and _inspected(client, tag).get("Id") != before["Id"]:
        with suppress(*failures()):
            if not _inspected(client, before["Id"]).get("RepoTags", "unknown"):
                client.remove_image(before["Id"])


def _inspected(client: APIClient, name: str) -> dict[str, Any]:
    """What is known of an image; nothing of one that is not there, and where nobody answers."""
    with suppress(*failures()):
        return dict(client.inspect_image(name))  # type: ignore[no-untyped-call]
    return {}
