"""Both builders' plain output, understood."""

from __future__ import annotations

import io

import pytest

from repropack.engines.build_log import BuildLog, one_line

LEGACY = """\
Step 1/3 : FROM base
 ---> 6f3c83463fdb
Step 2/3 : RUN make
 ---> Running in 1234
\x1b[91mcc: fatal error: no input
\x1b[0mRemoving intermediate container 1234
"""
BUILDKIT = """\
#4 [1/3] FROM docker.io/library/base
#5 [2/3] RUN make
#5 sha256:abc
#5 0.250 cc: fatal error: no input
#6 [other 1/1] RUN true
#5 ERROR: executor failed running [/bin/sh -c make]: exit code: 2
------
 > [2/3] RUN make:
------
"""


def follow(text: str, error: str = "") -> tuple[BuildLog, list[str], str]:
    """A log that has taken these lines, the steps it told of, and what it wrote."""
    steps: list[str] = []
    stream = io.StringIO()
    log = BuildLog(stream, steps.append)
    for line in text.splitlines():
        log.line(line)
    if error:
        log.error = error
        log.line(error)
    return log, steps, stream.getvalue()


def test_legacy_steps() -> None:
    """The legacy builder's steps become progress, and the last one is the one that failed."""
    log, steps, written = follow(LEGACY, "The command '/bin/sh -c make' returned code: 2")
    assert steps == ["1/3 FROM base", "2/3 RUN make"]
    assert log.failing_step() == "2/3 RUN make"
    assert log.reason().startswith("cc: fatal error: no input; The command")
    assert "\x1b" not in written and "Removing intermediate" in written


def test_buildkit_steps() -> None:
    """BuildKit's parallel steps become progress once each, and the failing one is named."""
    log, steps, written = follow(BUILDKIT)
    assert steps == ["1/3 FROM docker.io/library/base", "2/3 RUN make", "other 1/1 RUN true"]
    assert log.failing_step() == "2/3 RUN make"
    assert "cc: fatal error: no input" in log.reason()
    assert written == BUILDKIT


@pytest.mark.parametrize("text", ["", "\n", "no step at all"])
def test_no_steps(text: str) -> None:
    """Output without steps fails without a step."""
    assert follow(text)[0].failing_step() == ""


def test_one_line() -> None:
    """Control characters, escape sequences and length are taken out of a progress line."""
    assert one_line("a\x1b[31mb\tc\r\n") == "ab c"
    assert len(one_line("x" * 999)) == 200
