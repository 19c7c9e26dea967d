"""A script in a Docker container: files in, no network, its output as it comes, files out.

Owns: the container of such work, which never outlives it. Does not own: what the script does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from repropack.engines.archive import pack, tree, unpack
from repropack.engines.build_log import one_line
from repropack.engines.container import container_name
from repropack.engines.docker_client import translated
from repropack.engines.docker_run import remove
from repropack.engines.model import Progress, WorkOrder, WorkResult
from repropack.engines.owners import labels
from repropack.errors import BuildError

if TYPE_CHECKING:
    from docker import APIClient

_OWNER = 1000


def work_in_container(client: APIClient, order: WorkOrder, progress: Progress) -> WorkResult:
    """Do the work. Raises `BuildError` if the engine fails; how the script ends is a value."""
    assert order.image is not None, "a container is of an image"
    doing = f"{order.name}: the engine failed"
    with translated(BuildError, doing, log=order.log), _container(client, order) as name:
        client.put_archive(name, "/", _files(order))
        client.start(name)
        _follow(client, name, order, progress)
        code = int(client.wait(name)["StatusCode"])
        chunks, _ = client.get_archive(name, f"/{order.out}")
        unpack(chunks, order.result)
    return WorkResult(exit_code=code, isolated=True)


@contextmanager
def _container(client: APIClient, order: WorkOrder) -> Iterator[str]:
    name = container_name(f"repropack-{order.name}")
    try:
        client.create_container(
            image=order.image.id if order.image else "",
            name=name,
            command=[order.python, f"/{order.script}", "/"],
            entrypoint=[],
            user=f"{_OWNER}:{_OWNER}",
            environment={"HOME": "/tmp", "PATH": "/usr/local/bin:/usr/bin:/bin"},
            labels=labels(),
            host_config=_host_config(client),
            use_config_proxy=False,
        )
        yield name
    finally:
        remove(client, name)


def _host_config(client: APIClient) -> Any:
    return client.create_host_config(
        network_mode="none",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        pids_limit=4096,
        init=True,
    )


def _files(order: WorkOrder) -> Any:
    return pack(order.directory, tree(order.directory), owner=_OWNER)


def _follow(client: APIClient, name: str, order: WorkOrder, progress: Progress) -> None:
    order.log.parent.mkdir(parents=True, exist_ok=True)
    with order.log.open("ab") as log:
        for chunk in client.logs(name, stream=True, follow=True):
            log.write(chunk)
            lines = chunk.decode("utf-8", "replace").strip().splitlines()
            if lines and lines[-1].strip():
                progress(one_line(f"{order.name}: {lines[-1]}"))
