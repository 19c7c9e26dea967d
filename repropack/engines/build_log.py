"""The output of an image build: written down whole, followed step by step.

Owns: understanding the builders' plain output. Does not own: starting builds (`docker_build`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TextIO

from repropack.engines.model import Progress

_LEGACY_STEP = re.compile(r"Step (\d+/\d+) : (.*)")
_BUILDAH_STEP = re.compile(r"(?:\[(\d+/\d+)\] )?STEP (\d+/\d+): (.*)")
_LEGACY_IMAGE = re.compile(r" ---> ([0-9a-f]{12,64})")
_LEGACY_CACHED = " ---> Using cache"
_BUILDKIT_STEP = re.compile(r"#(\d+) \[([^\]]*\d+/\d+)\] (.*)")
_BUILDKIT_ERROR = re.compile(r"#(\d+) ERROR: (.*)")
_BUILDKIT_OUTPUT = re.compile(r"#\d+ \d+\.\d+ ")
_NOISE = (
    *("Step ", "--->", " --->", "Removing intermediate", "sending ", "#", "---", " > ["),
    *("STEP ", "Error: ", "-->", "COMMIT "),
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # the legacy builder colours standard error
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_WIDTH = 200
_TAIL_LINES = 20


def one_line(text: str) -> str:
    """Return `text` as one printable line of at most 200 characters."""
    return _CONTROL.sub(" ", _ESCAPE.sub("", text)).strip()[:_WIDTH]


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """The printable lines of an output that comes in pieces; a progress bar's are lines, too."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        yield from (line for part in whole if (line := one_line(part.decode("utf-8", "replace"))))
    if line := one_line(rest.decode("utf-8", "replace")):
        yield line


class BuildLog:
    """Takes a build's output line by line. `error` is the builder's own message, if it gave one.

    `made` are the ids of the images that the legacy builder made on its way, oldest first, from
    the last COPY of each of the `stages` on: those before are small, and the next build's cache.
    """

    def __init__(self, stream: TextIO, progress: Progress) -> None:
        self.error = ""
        self.done = False
        self.made: list[str] = []
        self._found = False
        self.stages = 0
        self._stage = 0  # where the ids of the present stage begin in `made`
        self._stream = stream
        self._progress = progress
        self._steps: dict[str, str] = {}
        self._last = ""
        self._failed = ""
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def line(self, line: str) -> None:
        """Write one line to the log, and tell the progress when a new step begins."""
        line = _ESCAPE.sub("", line)
        self._stream.write(line + "\n")
        if line.strip():
            self._tail.append(line)
        self._follow_legacy(line)
        if step := _LEGACY_STEP.match(line):
            self._begin(step[1], f"{step[1]} {step[2]}")
        elif step := _BUILDAH_STEP.match(line):
            self._begin(f"{step[1]} {step[2]}", " ".join(filter(None, step.groups())))
        elif step := _BUILDKIT_STEP.match(line):
            self._begin(step[1], f"{step[2]} {step[3]}")
        elif error := _BUILDKIT_ERROR.match(line):
            self._failed = self._steps.get(error[1], "")
            self.error = self.error or error[2]

    def _follow_legacy(self, line: str) -> None:
        """Keep the ids of steps that were done, not of those found: a base, or in the cache."""
        if step := _LEGACY_STEP.match(line):
            instruction = step[2].split(" ")[0].upper()
            self._found = instruction == "FROM"
            if self._found:
                self.stages += 1
                self._stage = len(self.made)
            elif instruction in ("COPY", "ADD"):
                del self.made[self._stage :]
        elif line == _LEGACY_CACHED:
            self._found = True
        elif (image := _LEGACY_IMAGE.fullmatch(line)) and not self._found:
            self.made.append(image[1])

    def _begin(self, key: str, step: str) -> None:
        if key not in self._steps:
            self._steps[key] = self._last = one_line(step)
            self._progress(self._last)

    def failing_step(self) -> str:
        """Return the step that failed: the one BuildKit names, or the last one that began."""
        return self._failed or self._last

    def tail(self) -> str:
        """Return the last lines."""
        return "\n".join(self._tail)

    def reason(self) -> str:
        """Return the last thing the failing command said, and the builder's own message."""
        own = [line for line in self._tail if _BUILDKIT_OUTPUT.match(line)]
        said = own or [line for line in self._tail if self._is_output(line)]
        last = one_line(_BUILDKIT_OUTPUT.sub("", said[-1])) if said else ""
        return "; ".join(part for part in (last, one_line(self.error)) if part) or "no reason given"

    def _is_output(self, line: str) -> bool:
        return line != self.error and not line.startswith(_NOISE)
