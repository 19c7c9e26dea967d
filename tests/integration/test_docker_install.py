"""The environment past the legacy builder is the environment that the builder makes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.engines import BuildRecipe
from repropack.engines.docker import DockerEngine
from repropack.engines.docker_build import build_legacy
from repropack.errors import BuildError
from tests.integration.engine_bundle import bookworm, ignore

pytestmark = pytest.mark.engine

DOCKERFILE = """
ARG BASE
FROM ${{BASE}} AS installer
WORKDIR /bundle
COPY one.txt ./
RUN mkdir -p /opt/env/bin /opt/tool && cp one.txt /opt/env/ \\
 && env | grep -v -e PWD -e HOSTNAME -e TMPDIR | sort > /opt/env/variables
COPY wheels/ wheels/
RUN cp wheels/two.txt /opt/env/two && ln /opt/env/two /opt/env/three && ls -A . > /opt/env/listing
RUN {last}
ARG BUILD=

FROM ${{BASE}} AS environment
RUN mkdir /work && chown 1000:1000 /work
ENV GREETING="good day"
LABEL kind=test
USER 1000:1000
WORKDIR /work
CMD ["/bin/ls", "/opt/env"]
COPY --from=installer /opt/env /opt/env
"""
LIST = "cd / && find opt work bundle mnt tmp -printf '%p %m %U:%G %y %s\\n' 2>/dev/null | sort"
DUMP = (
    f"{LIST}; cat /opt/env/variables /opt/env/one.txt /opt/env/two /opt/env/three /opt/env/listing"
)


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    """An engine; the images made with it are gone afterwards."""
    engine = DockerEngine(builder="legacy")
    yield engine
    for found in engine.client.images("repropack-test/install"):
        for tag in found["RepoTags"]:
            engine.client.remove_image(tag)


def built(engine: DockerEngine, directory: Path, *, last: str, local: bool) -> tuple[str, str]:
    """The image's tag and the build's log."""
    base = bookworm(engine)
    context = directory / f"context-{local}"
    (context / "wheels").mkdir(parents=True)
    (context / "one.txt").write_text("1\n")
    (context / "wheels" / "two.txt").write_text("2\n")
    (context / "Dockerfile").write_text(DOCKERFILE.format(last=last))
    tag = f"repropack-test/install:{secrets.token_hex(4)}"
    log = directory / f"{local}.log"
    recipe = BuildRecipe(
        context=context, tag=tag, build_args=(("BASE", base.tag),), target="environment", log=log
    )
    build_legacy(engine.client, recipe, ignore, local=local)
    return tag, log.read_text()


def content(engine: DockerEngine, tag: str) -> tuple[str, dict[str, Any]]:
    """What is in an image, and what it says of its containers."""
    client = engine.client
    container = client.create_container(tag, ["sh", "-c", DUMP], network_disabled=True)
    try:
        client.start(container)
        client.wait(container)
        text = client.logs(container).decode()
    finally:
        client.remove_container(container, force=True)
    config = dict(client.inspect_image(tag)["Config"])  # type: ignore[no-untyped-call]
    for volatile in ("Hostname", "Image"):
        config.pop(volatile, None)
    return text, config


def test_same_image(engine: DockerEngine, tmp_path: Path) -> None:
    """Files, owners, modes and the image's configuration are those that the builder gives."""
    ours, log = built(engine, tmp_path, last="true", local=True)
    theirs, _ = built(engine, tmp_path, last="true", local=False)
    assert "left to the builder" not in log
    assert "installer" not in log  # that stage was not built
    assert content(engine, ours) == content(engine, theirs)
    shell = re.search(r"tagged (repropack/shell:\w+)", log)
    assert shell is not None
    assert engine.image(shell[1]) is None


def test_what_else_is_written_does_not_enter(engine: DockerEngine, tmp_path: Path) -> None:
    """A stage that writes elsewhere, too, is left to the builder."""
    tag, log = built(engine, tmp_path, last="touch /etc/more", local=True)
    assert "left to the builder: /etc" in log
    text, _ = content(engine, tag)
    assert "opt/env/two" in text


def test_failure_is_the_builders(engine: DockerEngine, tmp_path: Path) -> None:
    """A command that fails is reported as if there were no other way to build."""
    with pytest.raises(BuildError, match=r"in step .* RUN echo no way"):
        built(engine, tmp_path, last="echo no way && false", local=True)
    left = engine.client.containers(all=True)
    assert not [found for found in left if "no way" in str(found["Command"])]
