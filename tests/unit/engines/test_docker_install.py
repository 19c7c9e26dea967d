"""Which Dockerfiles can be built past the legacy builder, and into what they are taken apart."""

from __future__ import annotations

import pytest

from repropack.bundle import split_dockerfile
from repropack.engines.docker_install import Installation, installation_of
from tests.conftest import ROOT

HEAD = "# a comment\nARG BASE=base\n"
STAGE = """
FROM ${BASE} AS installer
WORKDIR /bundle
COPY wheels/uv.whl ./
RUN make /opt/env \\
 && unpack uv.whl
COPY pylock.toml more.txt ./
COPY wheels/ wheels/
RUN install pylock.toml
# behind the last command
ARG BUILD=
LABEL build=${BUILD}
"""
LAST = """
FROM ${BASE} AS environment
RUN adduser
USER 1000:1000
COPY --from=installer /opt/env /opt/env
"""


def test_taken_apart() -> None:
    """The commands and what they read, what is kept, and the image without it."""
    assert installation_of(HEAD + STAGE + LAST, "environment") == Installation(
        shell="ARG BASE=base\nFROM ${BASE} AS environment\nRUN adduser\nUSER 1000:1000\n",
        commands=("make /opt/env  && unpack uv.whl", "install pylock.toml"),
        inputs=(
            ("wheels/uv.whl", "uv.whl"),
            ("pylock.toml", "pylock.toml"),
            ("more.txt", "more.txt"),
            ("wheels/", "wheels"),
        ),
        kept="/opt/env",
    )


@pytest.mark.parametrize(
    "text",
    [
        HEAD + LAST,
        HEAD + STAGE + LAST.replace("COPY --from=installer /opt/env /opt/env\n", ""),
        HEAD + STAGE + LAST.replace("/opt/env /opt/env", "/opt/env /opt/other"),
        HEAD + STAGE + LAST + "RUN something\n",
        HEAD + STAGE + LAST.replace("RUN adduser", "COPY --from=installer /a /a"),
        HEAD + STAGE.replace("COPY pylock.toml more.txt ./", "ADD pylock.toml ./") + LAST,
        HEAD
        + STAGE.replace("COPY pylock.toml more.txt ./", "COPY --chown=1 pylock.toml ./")
        + LAST,
        HEAD + STAGE.replace("COPY pylock.toml more.txt ./", "COPY pylock.toml /etc/") + LAST,
        HEAD + STAGE.replace("COPY pylock.toml more.txt ./", "COPY a b c") + LAST,
        HEAD + STAGE.replace("COPY pylock.toml more.txt ./", "ENV A=1") + LAST,
        HEAD + STAGE.replace("COPY pylock.toml more.txt ./", "ARG A=1") + LAST,
        HEAD + STAGE.replace("COPY pylock.toml more.txt ./", "USER 1000") + LAST,
        HEAD + STAGE.replace("RUN install", "RUN install --in /bundle") + LAST,
        HEAD + STAGE + STAGE.replace("installer", "other") + LAST,
    ],
)
def test_left_to_the_builder(text: str) -> None:
    """Anything that is not known to give the same image is not taken apart."""
    assert installation_of(text, "environment") is None


def test_another_target() -> None:
    """Only the last stage is built this way."""
    assert installation_of(HEAD + STAGE + LAST, "installer") is None
    assert installation_of(HEAD + STAGE + LAST, None) is None


@pytest.mark.parametrize("example", ["quickstart", "digits-svm", "resnet-attention"])
def test_ours(example: str) -> None:
    """The Dockerfiles that repropack writes can be taken apart."""
    text = (ROOT / "tests" / "golden" / example / "Dockerfile").read_text("utf-8")
    head, _ = split_dockerfile(text)
    found = installation_of(head, "environment")
    assert found is not None
    assert found.kept == "/opt/env"
